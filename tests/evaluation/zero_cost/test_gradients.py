import math

import numpy as np
import pytest
import torch
from torch import nn

from egraph.errors import EvaluationError
from egraph.evaluation.zero_cost import grad_norm, jacob_cov

LABELS = torch.tensor([0, 1])


def without_dropout(network):
    network.train()
    network.head[3].eval()
    return network


def test_grad_norm_is_summed_over_the_weights_of_layers(make_network, batch):
    images, labels = batch
    network = without_dropout(make_network())
    outputs = network(images)
    rows = torch.arange(len(labels))
    (-outputs.log_softmax(dim=1)[rows, labels].mean()).backward()
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == 4
    expected = sum(math.sqrt(sum(g**2 for g in m.weight.grad.flatten().tolist())) for m in layers)
    assert grad_norm(make_network(), images, labels) == pytest.approx(expected, rel=1e-5)


def test_grad_norm_by_hand():
    """Weights 0, one input of 2 and one of 0: softmax 1/2 each, gradient (1/2) * 2 * (-1/2, 1/2)."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(1, 2))
    nn.init.zeros_(network[1].weight)
    nn.init.zeros_(network[1].bias)
    images = torch.tensor([2.0, 0.0])[:, None, None, None]
    assert grad_norm(network, images, LABELS) == pytest.approx(math.sqrt(0.5))


def test_of_a_network_that_stopped_to_learn_the_gradient_is_0():
    network = nn.Sequential(nn.Flatten(), nn.Linear(1, 2), nn.ReLU())
    nn.init.constant_(network[1].bias, -9.0)
    assert grad_norm(network, torch.rand(2, 1, 1, 1), LABELS) == 0


@pytest.mark.parametrize("network", [nn.Flatten(), nn.Sequential(nn.BatchNorm2d(2), nn.Flatten())])
def test_grad_norm_without_weights_is_refused(network):
    with pytest.raises(EvaluationError, match="the loss depends on no weights, so there is no gradient"):
        grad_norm(network, torch.rand(2, 2, 1, 1), LABELS)


def test_a_gradient_that_is_not_finite_is_refused():
    network = nn.Sequential(nn.Flatten(), nn.Linear(1, 2))
    with pytest.raises(EvaluationError, match="the norm of the gradient is nan"):
        grad_norm(network, torch.tensor([math.nan, 0.0])[:, None, None, None], LABELS)


def test_jacob_cov_of_the_definition(make_network, batch):
    images, labels = batch
    inputs = images.clone().requires_grad_(True)
    without_dropout(make_network())(inputs).sum().backward()
    rows = inputs.grad.flatten(1).numpy().astype(float)
    centred = rows - rows.mean(axis=1, keepdims=True)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    values = np.linalg.eigvals(unit @ unit.T).real
    expected = -sum(math.log(v + 1e-5) + 1 / (v + 1e-5) for v in values)
    assert jacob_cov(make_network(), images, labels) == pytest.approx(expected, rel=1e-4)


def test_jacob_cov_of_a_linear_network_is_the_worst():
    """All gradients equal: eigenvalues 2 and 0."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    expected = -sum(math.log(v + 1e-5) + 1 / (v + 1e-5) for v in (0.0, 2.0))
    assert jacob_cov(network, torch.rand(2, 1, 2, 2), LABELS) == pytest.approx(expected, rel=1e-6)


def test_jacob_cov_of_gradients_without_correlation_is_the_best():
    """Each image lights a neuron of its own, with orthogonal weights: eigenvalues 1 and 1."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False), nn.ReLU())
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor([[1.0, -1, 1, -1], [1, 1, -1, -1]]))
    images = torch.tensor([[1.0, 0, 1, 0], [1, 1, 0, 0]]).view(2, 1, 2, 2)
    with torch.no_grad():
        assert (network(images) > 0).tolist() == [[True, False], [False, True]]
    assert jacob_cov(network, images, LABELS) == pytest.approx(-2, abs=1e-4)


def test_a_constant_gradient_correlates_with_nothing():
    network = nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(1, 2))
    with pytest.raises(EvaluationError, match="the same in every pixel; its correlation is undefined"):
        jacob_cov(network, torch.rand(2, 1, 2, 2), LABELS)


def test_outputs_that_do_not_depend_on_the_images_are_refused():
    class Constant(nn.Module):
        def forward(self, images):
            return torch.zeros(len(images), 2)

    with pytest.raises(EvaluationError, match="do not depend on the images"):
        jacob_cov(Constant(), torch.rand(2, 1, 2, 2), LABELS)


def test_a_jacobian_that_is_not_finite_is_refused():
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    nn.init.constant_(network[1].weight, math.inf)
    with pytest.raises(EvaluationError, match="gradient with respect to the images is NaN or infinite"):
        jacob_cov(network, torch.rand(2, 1, 2, 2), LABELS)

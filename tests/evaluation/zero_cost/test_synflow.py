import itertools
import math

import pytest
import torch
from torch import nn

from egraph.errors import EvaluationError
from egraph.evaluation.zero_cost import synflow

IMAGES, LABELS = torch.rand(4, 2, 1, 1), torch.zeros(4, dtype=torch.long)


def make_perceptron(*between, bias=False):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(2, 3, bias=bias), *between, nn.Linear(3, 2, bias=bias))


@pytest.fixture(autouse=True)
def _keep_the_global_generator():
    with torch.random.fork_rng(devices=[]):
        yield


def test_it_is_the_sum_over_all_paths_for_each_layer():
    network = make_perceptron(nn.ReLU())
    first, second = network[1].weight.detach().abs(), network[3].weight.detach().abs()
    paths = sum(float(first[j, i] * second[k, j]) for i, j, k in itertools.product(*map(range, (2, 3, 2))))
    assert synflow(network, IMAGES, LABELS) == pytest.approx(math.log(2 * paths))


def test_biases_flow_through_the_layers_after_them():
    network = make_perceptron(bias=True)
    first, second = network[1].weight.detach().abs(), network[2].weight.detach().abs()
    bias = network[1].bias.detach().abs()
    paths = float((second @ first.sum(dim=1)).sum())
    from_bias = float((second @ bias).sum())
    assert synflow(network, IMAGES, LABELS) == pytest.approx(math.log(2 * paths + from_bias))


@pytest.mark.parametrize(
    "layer",
    [
        nn.ReLU(),
        nn.ReLU6(),
        nn.Tanh(),
        nn.BatchNorm1d(3),
        nn.LayerNorm(3),
        nn.GroupNorm(1, 3),
        nn.Dropout(0.9),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_activations_norms_and_dropout_stop_nothing(layer):
    plain = synflow(make_perceptron(), IMAGES, LABELS)
    assert synflow(make_perceptron(layer), IMAGES, LABELS) == plain


def test_signs_do_not_matter():
    network = make_perceptron(bias=True)
    score = synflow(network, IMAGES, LABELS)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.neg_()
    assert synflow(network, IMAGES, LABELS) == score


def test_doubling_the_weights_of_a_layer_doubles_the_flow():
    network = make_perceptron()
    score = synflow(network, IMAGES, LABELS)
    with torch.no_grad():
        network[1].weight.mul_(2)
    assert synflow(network, IMAGES, LABELS) == pytest.approx(score + math.log(2))


def test_it_agrees_with_a_network_of_branches_layer_by_layer(make_network, batch):
    """The fixture's network written out with absolute weights, no norms and no activations."""
    network = make_network().double()
    weights = [p.detach().abs().requires_grad_(True) for p in network.parameters() if p.dim() > 1]
    (left_bias, right_bias, last_bias) = (
        layer.bias.detach().abs() for layer in (network.left[1], network.right[1], network.head[4])
    )
    x = nn.functional.conv2d(torch.ones(1, 2, 6, 6, dtype=torch.double), weights[0], padding=1)
    left = nn.functional.conv2d(x, weights[1], left_bias, padding=1)
    right = nn.functional.conv2d(nn.functional.avg_pool2d(x, 3, 1, 1), weights[2], right_bias)
    x = nn.functional.max_pool2d(left + right + x, 2).flatten(1)
    nn.functional.linear(x, weights[3], last_bias).sum().backward()
    flow = sum(float((w.detach() * w.grad).sum()) for w in weights)
    assert synflow(make_network(), *batch) == pytest.approx(math.log(flow))


def test_no_flow_is_refused():
    network = make_perceptron()
    nn.init.zeros_(network[2].weight)
    with pytest.raises(EvaluationError, match="the synaptic flow is 0; its logarithm is not defined"):
        synflow(network, IMAGES, LABELS)


def test_no_weights_are_refused():
    with pytest.raises(EvaluationError, match="the synaptic flow is 0"):
        synflow(nn.Flatten(), IMAGES, LABELS)


def test_a_flow_beyond_doubles_is_refused():
    network = make_perceptron().double()
    nn.init.constant_(network[1].weight, 1e200)
    nn.init.constant_(network[2].weight, 1e200)
    with pytest.raises(EvaluationError, match=r"the synaptic flow is (inf|nan)"):
        synflow(network, IMAGES, LABELS)

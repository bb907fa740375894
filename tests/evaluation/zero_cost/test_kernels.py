import math

import numpy as np
import pytest
import torch
from torch import nn

from egraph.errors import EvaluationError
from egraph.evaluation.zero_cost import _kernels, gradient_correlation, gradient_kernel, ntk

LINE = torch.tensor([1.0, 2.0, 3.0])[:, None, None, None]
LABELS = torch.zeros(3, dtype=torch.long)


def set_statistics(network, images):
    """Evaluation mode with the batch's statistics, put down layer by layer from the fixture's definition."""
    network.eval()

    def fix(norm, x):
        norm.running_mean.copy_(x.mean(dim=(0, 2, 3)))
        norm.running_var.copy_(x.var(dim=(0, 2, 3), correction=0))
        return norm(x)

    with torch.no_grad():
        x = fix(network.stem[1], network.stem[0](images))
        fix(network.left[2], network.left[1](network.left[0](x)))
    return network


def gradients_slowly(network, images):
    """One backward pass an image, ``(images, parameters)``."""
    rows = []
    for image in images:
        network.zero_grad()
        network(image[None]).sum().backward()
        rows.append(torch.cat([p.grad.flatten() for p in network.parameters()]).numpy())
    return np.array(rows, dtype=float)


def test_the_kernel_is_that_of_gradients_taken_one_by_one(make_network, batch):
    images, _ = batch
    rows = gradients_slowly(set_statistics(make_network(), images), images)
    np.testing.assert_allclose(gradient_kernel(make_network(), images), rows @ rows.T, rtol=1e-4)


def test_a_batch_norm_of_no_running_statistics_is_fixed_too(batch):
    def make(track):
        torch.manual_seed(0)
        norm = nn.BatchNorm2d(2, track_running_stats=track)
        return nn.Sequential(norm, nn.Flatten(), nn.Linear(72, 3))

    with torch.random.fork_rng(devices=[]):
        networks = make(True), make(False)
    first, second = (gradient_kernel(network, batch[0]) for network in networks)
    assert torch.equal(first, second)


@pytest.mark.parametrize("images_that_fit", [0.5, 2, 3, 7, 8, 100])
def test_memory_does_not_change_the_kernel(images_that_fit, make_network, batch):
    network, images = make_network(), batch[0]
    size = 4 * sum(p.numel() for p in network.parameters())
    small = gradient_kernel(network, images, memory=int(images_that_fit * size))
    torch.testing.assert_close(small, gradient_kernel(network, images), rtol=1e-5, atol=1e-8)


def test_memory_bounds_the_gradients_that_are_held(make_network, batch, monkeypatch):
    seen = []
    add = _kernels._add_products
    monkeypatch.setattr(_kernels, "_add_products", lambda *args: (seen.append(len(args[1])), add(*args)))
    network = make_network()
    gradient_kernel(network, batch[0], memory=4 * 4 * sum(p.numel() for p in network.parameters()))
    assert max(seen) == 2


@pytest.mark.parametrize("name", ["CHUNK", "PIECE"])
def test_the_size_of_chunks_changes_nothing(name, make_network, batch, monkeypatch):
    whole = gradient_kernel(make_network(), batch[0])
    monkeypatch.setattr(_kernels, name, 3)
    torch.testing.assert_close(gradient_kernel(make_network(), batch[0]), whole, rtol=1e-5, atol=1e-8)


def test_only_trainable_parameters_count():
    """Gradient of w x + b to w is x, to b is 1."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(1, 1))
    x = LINE.flatten()
    torch.testing.assert_close(gradient_kernel(network, LINE), (torch.outer(x, x) + 1).double())
    network[1].bias.requires_grad_(False)
    torch.testing.assert_close(gradient_kernel(network, LINE), torch.outer(x, x).double())
    network[1].weight.requires_grad_(False)
    with pytest.raises(EvaluationError, match="no trainable parameters, and so no gradient"):
        gradient_kernel(network, LINE)


def test_a_parameter_without_dimensions_counts():
    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.by = nn.Parameter(torch.tensor(2.0))

        def forward(self, images):
            return self.by * images.flatten(1)

    assert gradient_kernel(Scale(), LINE).tolist() == [[1, 2, 3], [2, 4, 6], [3, 6, 9]]


def test_ntk_of_the_definition(make_network, batch):
    images, labels = batch
    rows = gradients_slowly(set_statistics(make_network(), images), images)
    values = np.linalg.eigvals(rows @ rows.T).real
    assert ntk(make_network(), images, labels) == pytest.approx(
        -math.log(max(values) / min(values)), rel=1e-4
    )


def test_ntk_by_hand():
    """Gradients (1, 1) and (3, 1): kernel (2, 4; 4, 10), eigenvalues 6 ± sqrt(32)."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(1, 1))
    expected = -math.log((6 + math.sqrt(32)) / (6 - math.sqrt(32)))
    assert ntk(network, LINE[[0, 2]], LABELS[:2]) == pytest.approx(expected)


def test_a_singular_kernel_has_no_condition_number():
    with pytest.raises(EvaluationError, match="of 3 images is singular, its condition number infinite"):
        ntk(nn.Sequential(nn.Flatten(), nn.Linear(1, 1)), LINE, LABELS)


def test_gradients_of_0_are_singular():
    network = nn.Sequential(nn.Flatten(), nn.Linear(1, 1), nn.ReLU())
    nn.init.constant_(network[1].bias, -99.0)
    with pytest.raises(EvaluationError, match="singular"):
        ntk(network, LINE, LABELS)


def test_gradient_correlation_of_the_definition(make_network, batch):
    images, labels = batch
    network = make_network()
    rows = gradients_slowly(set_statistics(make_network(), images), images)
    total = weights = 0.0
    for i in range(8):
        for j in range(i):
            apart = float(((images[i] - images[j]) ** 2).mean())
            cosine = rows[i] @ rows[j] / np.linalg.norm(rows[i]) / np.linalg.norm(rows[j])
            total, weights = total + apart * abs(cosine), weights + apart
    size = sum(p.numel() for p in network.parameters())
    expected = -math.log(size) * total / weights
    assert gradient_correlation(network, images, labels) == pytest.approx(expected, rel=1e-4)


def test_gradient_correlation_by_hand():
    """Cosines of (1, 1), (2, 1), (3, 1): 3/sqrt(10), 4/sqrt(20), 7/sqrt(50); squared distances 1, 4, 1."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(1, 1))
    mean = (3 / math.sqrt(10) + 4 * 4 / math.sqrt(20) + 7 / math.sqrt(50)) / 6
    assert gradient_correlation(network, LINE, LABELS) == pytest.approx(-math.log(2) * mean)


def test_an_image_without_gradient_correlates_with_nothing():
    network = nn.Sequential(nn.Flatten(), nn.Linear(1, 1), nn.ReLU())
    nn.init.constant_(network[1].weight, 1.0)
    nn.init.constant_(network[1].bias, -1.5)
    with pytest.raises(EvaluationError, match="the gradient of an image is 0; its correlation is undefined"):
        gradient_correlation(network, LINE, LABELS)


def test_equal_images_have_no_weight():
    with pytest.raises(EvaluationError, match="all images of the batch are equal"):
        gradient_correlation(nn.Sequential(nn.Flatten(), nn.Linear(1, 1)), LINE[[0, 0, 0]], LABELS)


@pytest.mark.parametrize("proxy", [ntk, gradient_correlation])
def test_a_gradient_that_is_not_finite_is_refused(proxy):
    images = LINE.clone()
    images[0] = math.nan
    with pytest.raises(EvaluationError, match="the gradient of an image is NaN or infinite"):
        proxy(nn.Sequential(nn.Flatten(), nn.Linear(1, 1)), images, LABELS)

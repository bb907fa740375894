import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from egraph.errors import EvaluationError, UsageError
from egraph.evaluation.zero_cost import linear_regions, naswot, swap
from egraph.evaluation.zero_cost._activations import SIGNED


def codes_slowly(network, images):
    """The codes, image by image and neuron by neuron, from the definition of the network of the fixture."""
    network.train()
    network.head[3].eval()
    with torch.no_grad():
        x = network.stem(images)
        before = network.left[0](x), network.right[:2](x)
        inner = network.left(x) + network.right(x) + x
    return [
        [bool(value > 0) for layer in (*before, inner) for value in layer[row].flatten()]
        for row in range(len(images))
    ]


def on_line(*layers):
    """A network of one input whose first layer puts kinks at -1, 0 and 1."""
    first = nn.Linear(1, 3)
    with torch.no_grad():
        first.weight.fill_(1.0)
        first.bias.copy_(torch.tensor([1.0, 0.0, -1.0]))
    return nn.Sequential(nn.Flatten(), first, *layers)


POINTS = torch.tensor([-2.0, -0.5, 0.5, 2.0])[:, None, None, None]
LABELS = torch.zeros(4, dtype=torch.long)


def test_naswot_of_the_definition(make_network, batch):
    codes = codes_slowly(make_network(), batch[0])
    kernel = np.array([[sum(a == b for a, b in zip(c, d, strict=True)) for d in codes] for c in codes])
    sign, logarithm = np.linalg.slogdet(kernel.astype(float))
    assert sign == 1
    assert naswot(make_network(), *batch) == pytest.approx(logarithm, rel=1e-9)


def test_naswot_by_hand():
    """Codes 000, 100, 110, 111 agree on 3, 2, 1, 0 of three neurons, by their distance: determinant 12."""
    kernel = [[3, 2, 1, 0], [2, 3, 2, 1], [1, 2, 3, 2], [0, 1, 2, 3]]
    assert round(np.linalg.det(kernel)) == 12
    assert naswot(on_line(nn.ReLU()), POINTS, LABELS) == pytest.approx(math.log(12))


def test_regions_by_hand():
    assert linear_regions(on_line(nn.ReLU()), POINTS, LABELS) == 4
    assert linear_regions(on_line(nn.ReLU()), POINTS / 10, LABELS) == 2


def test_regions_of_the_definition(make_network, batch):
    network = make_network(channels=1)
    images = torch.cat([batch[0][:4], batch[0][:3]])
    found = {tuple(code) for code in codes_slowly(make_network(channels=1), images)}
    assert linear_regions(network, images, torch.zeros(7, dtype=torch.long)) == len(found) == 4


def test_swap_of_the_definition(make_network, batch):
    """Distinct columns of the codes, counted neuron by neuron."""
    codes = codes_slowly(make_network(), batch[0])
    found = {tuple(code[neuron] for code in codes) for neuron in range(len(codes[0]))}
    assert 20 < len(found) < len(codes[0])
    assert swap(make_network(), *batch) == len(found)


@pytest.mark.parametrize("images", [1, 7, 8, 64, 65, 130])
def test_swap_of_any_number_of_images(images):
    """Three neurons switch at three points of the line; those that no image separates are one."""
    line = torch.linspace(-0.9, 1.1, images)[:, None, None, None]
    expected = len({tuple((line > kink).flatten().tolist()) for kink in (-1, 0, 1)})
    assert swap(on_line(nn.ReLU()), line, torch.zeros(images, dtype=torch.long)) == expected


def test_swap_counts_a_pattern_once_over_all_layers():
    """The second layer repeats the neurons of the first, which are not negative."""
    twice = on_line(nn.ReLU(), nn.Linear(3, 3, bias=False), nn.ReLU())
    with torch.no_grad():
        twice[3].weight.copy_(torch.eye(3))
    assert swap(twice, POINTS, LABELS) == swap(on_line(nn.ReLU()), POINTS, LABELS) == 3


def test_swap_prefers_networks_of_the_wanted_size():
    """The network has six parameters and three patterns."""
    network = on_line(nn.ReLU())
    assert swap(network, POINTS, LABELS, mu=6) == 3
    assert swap(network, POINTS, LABELS, mu=8, sigma=2) == pytest.approx(3 / math.e)
    assert swap(network, POINTS, LABELS, mu=3) == pytest.approx(3 / math.e)


def test_sizes_that_mean_nothing_are_refused():
    network = on_line(nn.ReLU())
    with pytest.raises(UsageError, match="swap: sigma=3 needs mu, the preferred number of parameters"):
        swap(network, POINTS, LABELS, sigma=3)
    with pytest.raises(UsageError, match="mu must be a number above 0, got -1"):
        swap(network, POINTS, LABELS, mu=-1)
    with pytest.raises(UsageError, match="sigma must be a number above 0, got 0"):
        swap(network, POINTS, LABELS, mu=5, sigma=0)


@pytest.mark.parametrize("activation", SIGNED, ids=lambda activation: activation.__name__)
def test_any_activation_with_a_sign_counts(activation):
    """All have the sign of their input where it is not small, and so the kernel of ReLU."""
    function = activation(lambd=0.1) if activation in (nn.Hardshrink, nn.Softshrink) else activation()
    assert naswot(on_line(function), POINTS, LABELS) == naswot(on_line(nn.ReLU()), POINTS, LABELS)


def test_a_sigmoid_has_no_sign_and_adds_nothing():
    gated = on_line(nn.ReLU(), nn.Linear(3, 3), nn.Sigmoid())
    assert naswot(gated, POINTS, LABELS) == pytest.approx(math.log(12))


def test_scaling_a_relu_changes_nothing():
    network = on_line(nn.ReLU())
    with torch.no_grad():
        network[1].weight.mul_(7)
        network[1].bias.mul_(7)
    assert naswot(network, POINTS, LABELS) == naswot(on_line(nn.ReLU()), POINTS, LABELS)


@pytest.mark.parametrize("proxy", [naswot, linear_regions, swap])
@pytest.mark.parametrize("layers", [(), (nn.Sigmoid(),)], ids=["none", "sigmoid"])
def test_a_network_without_signs_is_refused(proxy, layers):
    with pytest.raises(EvaluationError, match="no layer of activations with a sign, such as ReLU"):
        proxy(on_line(*layers), POINTS, LABELS)


def test_two_equal_images_make_the_kernel_singular():
    twice = torch.cat([POINTS, POINTS[:1]])
    with pytest.raises(EvaluationError, match="singular: they do not tell the 5 images apart"):
        naswot(on_line(nn.ReLU()), twice, torch.zeros(5, dtype=torch.long))


def test_fewer_neurons_than_images_make_the_kernel_singular():
    """Eight different codes of three neurons: the kernel has rank four."""
    corners = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=3)))[:, :, None, None]
    network = nn.Sequential(nn.Flatten(), nn.ReLU())
    with pytest.raises(EvaluationError, match="they do not tell the 8 images apart"):
        naswot(network, corners, torch.zeros(8, dtype=torch.long))


@pytest.mark.parametrize("proxy", [naswot, linear_regions, swap])
def test_infinite_outputs_are_refused(proxy):
    network = on_line(nn.ReLU(), nn.Linear(3, 2))
    nn.init.constant_(network[3].bias, math.inf)
    with pytest.raises(EvaluationError, match="gives NaN or infinite outputs"):
        proxy(network, POINTS, LABELS)

"""Parameters and multiply-adds, against arithmetic by hand."""

import pytest
import torch
from torch import nn

from egraph import Architecture
from egraph.networks import build_convnet, count_flops, count_params
from egraph.spaces import get

get("convnet")

CHAIN = Architecture(("input", "CONV_3.N", "POOL_2.M", "output"), [(0, 1), (1, 2), (2, 3)])


def test_params_of_a_chain():
    """1x8x8 image -> 16 filters of 3x3: 16x6x6 -> pool: 16x3x3 = 144 features -> 36 -> 18 -> 10."""
    network = build_convnet(CHAIN, (1, 8, 8), 10, channels=16)
    convolution, normalisation = 16 * 9 + 16, 16 + 16
    head = (144 * 36 + 36) + (36 * 18 + 18) + (18 * 10 + 10)
    assert count_params(network) == convolution + normalisation + head


def test_flops_of_a_chain():
    network = build_convnet(CHAIN, (1, 8, 8), 10, channels=16)
    assert count_flops(network, (1, 8, 8)) == 16 * 9 * 36 + 144 * 36 + 36 * 18 + 18 * 10


def test_size_matches_count():
    """A skip from a one-channel image: the 16 channels of 6x6 go through a 1x1 convolution to one channel."""
    skip = Architecture(("input", "CONV_3.N", "output"), [(0, 1), (0, 2), (1, 2)])
    network = build_convnet(skip, (1, 8, 8), 10, channels=16)
    assert count_params(network) == (160 + 32) + 17 + (36 * 9 + 9) + (9 * 4 + 4) + (4 * 10 + 10)
    assert count_flops(network, (1, 8, 8)) == 16 * 9 * 36 + 16 * 36 + 36 * 9 + 9 * 4 + 4 * 10


def test_frozen_parameters_do_not_count():
    layer = nn.Linear(4, 3)
    layer.bias.requires_grad_(False)
    assert count_params(layer) == 12


def test_grouped_convolution():
    """Each of 8 filters reads 2 of the 4 channels: 8 * 2 * 3 * 3 products at each of 5x5 places."""
    assert count_flops(nn.Conv2d(4, 8, 3, groups=2, padding=1), (4, 5, 5)) == 8 * 2 * 9 * 25


@pytest.mark.parametrize("training", [True, False])
def test_counting_leaves_the_module_as_it_was(training):
    network = build_convnet(CHAIN, (1, 8, 8), 10, channels=4).train(training)
    network.head.eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    count_flops(network, (1, 8, 8))
    assert network.training is training
    assert network.head.training is False
    after = network.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_modes_are_restored_when_the_module_fails():
    network = build_convnet(CHAIN, (1, 8, 8), 10, channels=4)
    with pytest.raises(RuntimeError, match="channel"):
        count_flops(network, (3, 8, 8))
    assert network.training

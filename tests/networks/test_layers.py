"""Layers that skeletons share, and which operations they read."""

import pytest
import torch

from egraph.errors import ArchitectureError
from egraph.networks import count_params
from egraph.networks._layers import Layer, classifier, conv_norm, conv_norm_relu, read_operation
from egraph.operations import Operation, register

register(Operation("layers-conv5", "conv", kernel=5))


@pytest.mark.parametrize(("side", "kernel", "stride", "expected"), [(7, 3, 1, 7), (7, 5, 2, 4), (1, 1, 2, 1)])
def test_sides_are_kept_or_halved_upward(side, kernel, stride, expected):
    layer = conv_norm(2, 6, kernel, stride, groups=2)
    assert layer(torch.rand(2, 2, side, side)).shape == (2, 6, expected, expected)
    assert count_params(layer) == 6 * 1 * kernel**2 + 2 * 6


def test_relu_comes_last():
    assert conv_norm_relu(2, 3, 1)(torch.randn(4, 2, 3, 3)).min() == 0


def test_the_classifier_reads_means():
    head = classifier(2, 3)
    images = torch.rand(4, 2, 5, 7)
    torch.testing.assert_close(head(images), head[2](images.mean((2, 3))))


def test_reads_operations_that_have_a_layer():
    assert read_operation("layers-conv5", "test", [Layer("conv", 3), Layer("conv", 5)]).kernel == 5
    with pytest.raises(
        ArchitectureError,
        match=r"^a test network has no layer for 'layers-conv5' \(conv of kernel 5 and stride 1\); it builds "
        r"conv of kernel 3 and stride 1, max-pool of kernel 2 and stride 2$",
    ):
        read_operation("layers-conv5", "test", [Layer("conv", 3), Layer("max-pool", 2, 2)])

"""The table of layers: all operations of a family, zero and identity included, give one shape."""

import pytest
import torch
from torch import nn

from egraph import operations, spaces
from egraph.errors import ArchitectureError
from egraph.networks.operations import LAYERS, FactorizedReduction, Zero, make_layer

MIXED = [
    (name, op, stride)
    for name in ("nasbench101", "nasbench201", "nasbench_macro", "darts", "concat-cell")
    for op in spaces.get(name).operations
    if op not in ("concat", "node", "c_{k-2}", "c_{k-1}")
    for stride in ((1,) if name == "concat-cell" else (1, 2))
]


def images(*shape):
    return torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("family", "name", "stride"), MIXED)
def test_all_operations_of_a_position_can_be_mixed(family, name, stride):
    """They give one shape: equal channels, and sides divided by the stride, rounded up."""
    layer = make_layer(family, operations.get(name), 4, 4, stride)
    side = 7 if stride == 1 else 4
    assert layer(images(4, 7, 7)).shape == (2, 4, side, side)


@pytest.mark.parametrize("family", sorted(LAYERS.keys() - {"convnet-signals", "convnet-features"}))
def test_zero_and_identity_are_in_every_family_for_images(family):
    maps = images(4, 5, 5)
    zero, skip = (make_layer(family, operations.get(name), 4, 4) for name in ("none", "skip_connect"))
    assert torch.equal(zero(maps), torch.zeros(2, 4, 5, 5))
    assert isinstance(skip, nn.Identity)


@pytest.mark.parametrize(("outputs", "stride", "side"), [(4, 1, 5), (7, 2, 3), (1, 3, 2)])
def test_zeros_have_the_shape_of_the_output_and_gradients(outputs, stride, side):
    maps = images(3, 5, 5).requires_grad_()
    zeros = Zero(outputs, stride)(maps)
    assert torch.equal(zeros, torch.zeros(2, outputs, side, side))
    zeros.sum().backward()
    assert torch.equal(maps.grad, torch.zeros_like(maps))
    assert repr(Zero(outputs, stride)) == f"Zero({outputs}, stride={stride})"


def test_an_identity_that_changes_the_shape_is_a_convolution():
    skip = operations.get("skip_connect")
    wider, halved = make_layer("nasbench201", skip, 4, 6), make_layer("nasbench201", skip, 4, 5, 2)
    assert wider(images(4, 5, 5)).shape == (2, 6, 5, 5)
    assert isinstance(halved, FactorizedReduction)
    assert halved(images(4, 5, 5)).shape == (2, 5, 3, 3)


def test_an_operation_without_a_layer_is_refused():
    text = r"a nasbench101 network has no layer for 'gcn' \(kind graph-conv\); it builds conv, max-pool, zero"
    with pytest.raises(ArchitectureError, match=text):
        make_layer("nasbench101", operations.get("gcn"), 4, 4)

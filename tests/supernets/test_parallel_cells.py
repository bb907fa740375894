"""Cells side by side, against computations by hand."""

import pytest
import torch

from egraph.errors import ArchitectureError, EvaluationError, UsageError
from egraph.networks import count_params
from egraph.spaces import get
from egraph.supernets.parallel_cells import CUT, NOISE, build_parallel_cells

CELLS = get("concat-cell")
WIDE, NARROW = CELLS.parse("4|0|0|0|0|0|0|0"), CELLS.parse("0|0|0|2|0|0|0|0")


def images(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def build(*layers, shape=(3, 8, 8), classes=5):
    return build_parallel_cells(layers, shape, classes)


def test_a_layer_concatenates_scaled_cells_and_the_image():
    network = build([WIDE, NARROW]).eval()
    with torch.no_grad():
        network.logits[0] = torch.tensor([0.0, 1.0])
    x = images(2, 3, 8, 8)
    weights = torch.tensor([0.0, 1.0]).softmax(dim=0)
    results = [
        weight * norm(cell(x))
        for weight, norm, cell in zip(weights, network.norms[0], network.layers[0], strict=True)
    ]
    joined = torch.cat([torch.nn.functional.avg_pool2d(
        part, 3, 2, 1, count_include_pad=False
    ) for part in [*results, x]], dim=1)  # fmt: skip
    assert joined.shape == (2, 9, 4, 4)
    assert torch.allclose(network(x), network.head[-1](joined.amax(dim=(2, 3))), atol=1e-6)


def test_params_are_those_of_all_cells_and_the_head():
    """The second layer reads 6 channels and the image."""
    network = build([WIDE, NARROW], [NARROW])
    first = (3 * 9 + 12 + 8) + (3 * 2 + 4)
    assert count_params(network) == first + (9 * 2 + 4) + (5 * 5 + 5) + network.logits.numel()


def test_a_cell_below_the_cut_gives_zeros():
    network = build([WIDE, NARROW]).eval()
    with torch.no_grad():
        network.logits[0] = torch.tensor([0.0, 5.0])
    assert torch.tensor([0.0, 5.0]).softmax(dim=0)[0] < CUT
    assert network.weights(0).tolist() == pytest.approx([0, 0.9933], abs=1e-4)


def test_noise_is_added_in_training_alone():
    network = build([WIDE, NARROW]).eval()
    assert network.weights(0).tolist() == [0.5, 0.5]
    with torch.random.fork_rng(), torch.no_grad():
        drawn = [network.train().weights(0) - 0.5 for _ in range(50)]
    assert 0 < max(map(float, torch.cat(drawn))) <= NOISE + 1e-7
    assert min(map(float, torch.cat(drawn))) >= 0


def test_the_logits_of_every_layer_have_a_gradient():
    """A normalisation behind the last layer would undo its weights, so that no cell of it could win."""
    network = build([WIDE, NARROW], [NARROW, WIDE], [WIDE, NARROW])
    loss = torch.nn.functional.cross_entropy(network(images(16, 3, 8, 8)), torch.arange(16) % 5)
    loss.backward()
    assert (network.logits.grad.abs() > 1e-5).all()


def test_maps_are_halved_down_to_four_pixels():
    sides = []
    network = build([WIDE], [WIDE], [WIDE], [WIDE], shape=(3, 16, 20))
    for layer in network.layers:
        layer[0].register_forward_hook(lambda module, inputs, result: sides.append(result.shape[2:]))
    network(images(2, 3, 16, 20))
    assert sides == [(16, 20), (8, 10), (4, 5), (4, 5)]


def test_layers_can_differ_in_size_and_equal_logits_give_the_first():
    network = build([WIDE, NARROW, WIDE], [NARROW])
    assert network.winners() == [0, 0]
    with torch.no_grad():
        network.logits[:] = torch.tensor([[0.0, 2.0, 1.0], [-1.0, 9.0, 9.0]])
    assert network.winners() == [1, 0]


def test_what_cannot_be_built_is_refused():
    with pytest.raises(UsageError, match="layers must be at least 1, got 0"):
        build_parallel_cells([], (3, 8, 8), 10)
    with pytest.raises(UsageError, match="cells must be at least 1, got 0"):
        build([WIDE], [])
    with pytest.raises(ArchitectureError, match="concat-cell"):
        build([get("nasbench_macro").parse("01201201")])
    with pytest.raises(EvaluationError, match="parameters, at most 10 are built; use fewer channels than 16"):
        build_parallel_cells([[WIDE]], (3, 8, 8), 10, max_params=10)

"""Networks of cells that join channels, against parameters counted by hand."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from egraph.errors import ArchitectureError, EvaluationError, UsageError
from egraph.networks import build_concat_cells, count_params
from egraph.spaces import get
from egraph.spaces.concat_cell import LAYERS

SPACE = get("concat-cell")
NONE = "0|0|0|0|0|0|0|0"


def cell_of(layer, channels=4):
    return SPACE.parse("|".join(str(channels if name == layer else 0) for name in LAYERS))


def images(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


# On 3 channels, for 4: depthwise 3 k k, 1x1 3 * 4, normalisation 2 * 4; pools begin with 3x3 of 3 * 4 * 9.
PARAMS = {
    "sep_conv_3x3": 3 * 9 + 12 + 8,
    "sep_conv_5x5": 3 * 25 + 12 + 8,
    "sep_conv_7x7": 3 * 49 + 12 + 8,
    "conv_1x1": 12 + 8,
    "avg_pool_3x3": 108 + 8,
    "max_pool_3x3": 108 + 8,
    "gate_3x3": 12 + 8 + (3 * 4 * 9 + 8) + (64 * 4 + 4),
    "gate_7x7": 12 + 8 + (3 * 8 * 49 + 16) + (128 * 4 + 4),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_params_of_each_layer(layer):
    """The head normalises 4 channels and those of the image, and reads them."""
    network = SPACE.network(cell_of(layer), (3, 9, 9), 10, cells=1)
    assert count_params(network) == PARAMS[layer] + 2 * 7 + (7 * 10 + 10)


def test_params_of_two_nodes():
    """Node 1 has 2 + 2 channels; to node 2 lead 8 channels from the image and 1 from node 1."""
    cell = SPACE.parse("0|0|0|2|2|0|0|0 8|0|0|0|0|0|0|0 0|0|0|1|0|0|0|0")
    first = (3 * 2 + 4) + (3 * 2 * 9 + 4)
    second = (3 * 9 + 3 * 8 + 16) + (4 * 1 + 2)
    head = 2 * 12 + 12 * 5 + 5
    assert count_params(SPACE.network(cell, (3, 8, 8), 5, cells=1)) == first + second + head


def test_later_cells_read_the_cell_before_and_the_image():
    network = SPACE.network(cell_of("conv_1x1"), (3, 8, 8), 10, cells=3)
    first, later = 3 * 4 + 8, 7 * 4 + 8
    assert count_params(network) == first + 2 * later + 14 + 80


def test_pools_of_as_many_channels_have_no_weights():
    network = SPACE.network(cell_of("avg_pool_3x3"), (4, 8, 8), 10, cells=1)
    assert count_params(network) == 2 * 8 + 90
    x = images(2, 4, 8, 8)
    expected = functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    assert torch.allclose(network.cells[0](x), expected)


@pytest.mark.parametrize("side", [1, 7, 8, 19])
def test_shapes_of_all_sizes_of_images(side):
    everything = SPACE.parse(" ".join(["1|1|1|1|1|1|1|1"] * 6))
    network = SPACE.network(everything, (2, side, side + 1), 7, cells=2).eval()
    assert network(images(3, 2, side, side + 1)).shape == (3, 7)
    assert network.cells[0](images(3, 2, side, side + 1)).shape == (3, 24, side, side + 1)


def test_small_maps_are_halved_no_further():
    sides = []
    row = [cell_of("conv_1x1")] * 3
    network = build_concat_cells(row, (3, 9, 12), 4, smallest=4)
    for cell in network.cells:
        cell.register_forward_hook(lambda module, inputs, result: sides.append(result.shape[2:]))
    network(images(2, 3, 9, 12))
    assert sides == [(9, 12), (5, 6), (5, 6)]
    with pytest.raises(UsageError, match="smallest must be at least 1, got 0"):
        build_concat_cells(row, (3, 9, 12), 4, smallest=0)


def test_every_parameter_has_a_gradient():
    everything = SPACE.parse(" ".join(["1|1|1|1|1|1|1|1"] * 6))
    network = SPACE.network(everything, (3, 12, 12), 4, cells=2)
    functional.cross_entropy(network(images(8, 3, 12, 12)), torch.arange(8) % 4).backward()
    without = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert without == []
    assert all(p.grad.abs().sum() > 0 for n, p in network.named_parameters() if n.startswith("head.4"))


def test_a_gate_scales_each_channel_by_one_factor():
    gate = SPACE.network(cell_of("gate_3x3"), (3, 9, 9), 2, cells=1).eval().cells[0].layers[0][1]
    x = images(2, 3, 9, 9)
    ratio = gate(x) / gate.branch(x)
    assert torch.allclose(ratio, gate.look(x)[:, :, None, None].expand_as(ratio), rtol=1e-3)


def test_dead_nodes_are_not_built():
    dead = SPACE.parse(f"4|8|0|0|0|0|0|0 2|0|0|0|0|0|0|0 {NONE}")
    live = SPACE.parse("2|0|0|0|0|0|0|0")
    assert str(SPACE.network(dead)) == str(SPACE.network(live))


def test_twins_have_as_many_parameters_and_params_follow_channels():
    one, two, on = "2|0|0|0|0|0|0|0", "0|4|0|0|0|0|0|0", "0|0|8|0|0|0|0|0"
    a = SPACE.parse(f"{one} {two} {NONE} {NONE} {on} {on}")
    b = SPACE.parse(f"{two} {one} {NONE} {NONE} {on} {on}")
    assert count_params(SPACE.network(a)) == count_params(SPACE.network(b))
    assert count_params(SPACE.network(a, channels=32)) > count_params(SPACE.network(a))


def test_random_cells_learn_ten_images_by_heart():
    rng = np.random.default_rng(0)
    x, labels = images(10, 1, 8, 8), torch.arange(10)
    for _ in range(2):
        cell = SPACE.crossover(SPACE.sample(rng), SPACE.sample(rng), rng)
        network = build_concat_cells([cell, cell], (1, 8, 8), 10, dropout=0.0)
        optimizer = torch.optim.Adam(network.parameters(), 0.02)
        for _ in range(60):
            optimizer.zero_grad()
            loss = functional.cross_entropy(network(x), labels)
            loss.backward()
            optimizer.step()
        assert loss < 0.5


def test_cells_may_differ_and_seeds_say_what_weights_they_have():
    cells = [cell_of("conv_1x1"), cell_of("gate_3x3", 8)]
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one, again, other = (build_concat_cells(cells, (3, 8, 8), 10, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    x = images(2, 3, 8, 8)
    assert [cell.width for cell in one.cells] == [4, 8]
    assert torch.equal(one.eval()(x), again.eval()(x))
    assert not torch.equal(one.eval()(x), other.eval()(x))


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"architectures": []}, UsageError, "cells must be at least 1, got 0"),
        ({"dropout": 1.0}, UsageError, r"dropout must be in \[0, 1\), got 1.0"),
        ({"max_params": 10}, EvaluationError, "at most 10 are built; use fewer channels than 16, or fewer"),
        (
            {"architectures": [get("convnet").parse("CONV_2.N;0>1,1>2")]},
            ArchitectureError,
            "a concat-cell network has no layer for 'CONV_2.N'",
        ),
    ],
)
def test_impossible_networks_are_refused(arguments, error, match):
    given = {"architectures": [cell_of("conv_1x1")], "input_shape": (3, 8, 8), "num_classes": 10, **arguments}
    with pytest.raises(error, match=match):
        build_concat_cells(**given)

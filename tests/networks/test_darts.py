"""Networks of DARTS cells, against parameters counted by hand and results computed step by step."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from egraph import Architecture
from egraph.errors import ArchitectureError, UsageError
from egraph.networks import build_darts, count_params
from egraph.networks.operations import FactorizedReduction
from egraph.spaces import get
from egraph.spaces.darts import LAYERS

SPACE = get("darts")
SEP, MAX, AVG, SKIP = "sep_conv_3x3", "max_pool_3x3", "avg_pool_3x3", "skip_connect"
POOLS = [(MAX, 0), (AVG, 1)] * 4

# The second-order cells of the paper, which gives their network 3.3 million parameters.
DARTS_V2 = {
    "normal": [(SEP, 0), (SEP, 1)] * 2 + [(SEP, 1), (SKIP, 0), (SKIP, 0), ("dil_conv_3x3", 2)],
    "reduce": [(MAX, 0), (MAX, 1), (SKIP, 2), (MAX, 1), (MAX, 0), (SKIP, 2), (SKIP, 2), (MAX, 1)],
}


def both(normal, reduce):
    return SPACE.from_genotype({"normal": normal, "reduce": reduce})


def images(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def params_of(op, c, strided):
    """Weights of one layer: depthwise k k c, pointwise c c, normalisation 2 c; separable ones twice."""
    if op.endswith("pool_3x3") or (op == SKIP and not strided):
        return 0
    if op == SKIP:
        return 2 * (c * c // 2) + 2 * c
    kernel = int(op[-1])
    return (2 if op.startswith("sep") else 1) * (kernel**2 * c + c * c + 2 * c)


def params_by_hand(genotype, channels, cells, image=3, classes=10):
    total = image * 3 * channels * 9 + 2 * 3 * channels
    widths = [3 * channels, 3 * channels]
    for number in range(cells):
        strided = number in (cells // 3, 2 * cells // 3)
        channels *= 2 if strided else 1
        total += sum(width * channels + 2 * channels for width in widths[-2:])
        for op, source in genotype["reduce" if strided else "normal"]:
            total += params_of(op, channels, strided and source < 2)
        widths.append(4 * channels)
    return total + widths[-1] * classes + classes


def test_params_of_the_published_network():
    network = SPACE.network(SPACE.from_genotype(DARTS_V2), (3, 32, 32), 10, channels=36, cells=20)
    assert count_params(network) == params_by_hand(DARTS_V2, 36, 20) == 3_349_342


@pytest.mark.parametrize("cells", [3, 4, 8])
def test_params_of_random_architectures(cells):
    rng = np.random.default_rng(cells)
    for _ in range(10):
        architecture = SPACE.sample(rng)
        expected = params_by_hand(SPACE.to_genotype(architecture), 4, cells, image=2, classes=7)
        network = SPACE.network(architecture, (2, 16, 16), 7, channels=4, cells=cells)
        assert count_params(network) == expected


@pytest.mark.parametrize("layer", LAYERS)
def test_params_of_each_layer(layer):
    """Where it takes the place of a pool: once in one normal cell, then once in each reduction cell."""
    plain = count_params(SPACE.network(both(POOLS, POOLS), channels=4, cells=3))
    normal = SPACE.network(both([(layer, 0), *POOLS[1:]], POOLS), channels=4, cells=3)
    assert count_params(normal) - plain == params_of(layer, 4, False)
    reduces = SPACE.network(both(POOLS, [(layer, 0), *POOLS[1:]]), channels=4, cells=3)
    assert count_params(reduces) - plain == params_of(layer, 8, True) + params_of(layer, 16, True)


def test_a_normal_cell_computes_its_genotype():
    """Pools and skips only; node 3 is twice node 2 and node 5 the average of node 4."""
    normal = [(MAX, 0), (SKIP, 1), (SKIP, 2), (AVG, 0), (SKIP, 2), (SKIP, 3), (AVG, 4), (SKIP, 0)]
    cell = SPACE.network(both(normal, POOLS), channels=2, cells=3).eval().cells[0]
    x, y = images(2, 6, 9, 8), images(2, 6, 9, 8).flip(0)
    a, b = (adapt(value) for adapt, value in zip(cell.inputs, (x, y), strict=True))

    def average(maps):
        return functional.avg_pool2d(maps, 3, 1, 1, count_include_pad=False)

    second = functional.max_pool2d(a, 3, 1, 1) + b
    third = second + average(a)
    fourth = second + third
    expected = torch.cat([second, third, fourth, average(fourth) + a], dim=1)
    assert torch.allclose(cell(x, y), expected, atol=1e-6)


def test_a_reduction_cell_halves_on_its_inputs_only():
    reduce = [(MAX, 0), (AVG, 1), (MAX, 2), (AVG, 0), (SKIP, 2), (SKIP, 3), (AVG, 4), (MAX, 1)]
    cell = SPACE.network(both(POOLS, reduce), channels=2, cells=3).eval().cells[1]
    x, y = images(2, 6, 9, 8), images(2, 8, 9, 8)
    a, b = (adapt(value) for adapt, value in zip(cell.inputs, (x, y), strict=True))

    def largest(maps, stride):
        return functional.max_pool2d(maps, 3, stride, 1)

    def average(maps, stride):
        return functional.avg_pool2d(maps, 3, stride, 1, count_include_pad=False)

    second = largest(a, 2) + average(b, 2)
    third = largest(second, 1) + average(a, 2)
    fourth = second + third
    expected = torch.cat([second, third, fourth, average(fourth, 1) + largest(b, 2)], dim=1)
    assert expected.shape == (2, 16, 5, 4)
    assert torch.allclose(cell(x, y), expected, atol=1e-6)


def test_separable_convolutions_are_applied_twice_and_dilated_ones_once():
    normal = [(SEP, 0), ("dil_conv_5x5", 1), *POOLS[2:]]
    cell = SPACE.network(both(normal, POOLS), channels=3, cells=3).cells[0]
    twice, once = (
        [(m.kernel_size, m.dilation, m.groups) for m in layer.modules() if isinstance(m, torch.nn.Conv2d)]
        for layer in list(cell.layers)[:2]
    )
    assert twice == [((3, 3), (1, 1), 3), ((1, 1), (1, 1), 1)] * 2
    assert once == [((5, 5), (2, 2), 3), ((1, 1), (1, 1), 1)]
    assert (
        cell.layers[0](images(1, 3, 9, 8)).shape == cell.layers[1](images(1, 3, 9, 8)).shape == (1, 3, 9, 8)
    )


def test_a_factorized_reduction_looks_at_every_other_pixel_and_those_between():
    """One channel in, one for each convolution; all weights 1, normalisation off. Odd sides end in zeros."""
    layer = FactorizedReduction(1, 2).eval()
    for convolution in layer.convolutions:
        torch.nn.init.ones_(convolution.weight)
    maps = torch.arange(1.0, 16.0).reshape(1, 1, 3, 5)
    scale = (1 + layer.norm.eps) ** 0.5
    assert torch.allclose(
        layer(maps)[0] * scale,
        torch.tensor([[[1.0, 3, 5], [11, 13, 15]], [[7, 9, 0], [0, 0, 0]]]),
    )
    assert torch.allclose(layer(maps[..., :2, :4])[0] * scale, torch.tensor([[[1.0, 3]], [[7, 9]]]))
    assert not layer(-maps).any()


def test_reductions_stand_behind_a_third_and_two_thirds():
    network = SPACE.network(SPACE.from_genotype(DARTS_V2), channels=2, cells=8)
    maps = [network.stem(images(2, 3, 16, 16))] * 2
    for cell in network.cells:
        maps.append(cell(*maps[-2:]))
    assert [value.shape[1:] for value in maps[1:]] == [
        (6, 16, 16), (8, 16, 16), (8, 16, 16), (16, 8, 8), (16, 8, 8), (16, 8, 8),
        (32, 4, 4), (32, 4, 4), (32, 4, 4),
    ]  # fmt: skip


def test_equal_pools_are_computed_once():
    shared = SPACE.network(both([(MAX, 0), (MAX, 1)] * 4, POOLS), channels=2, cells=3).cells[0]
    assert sum(isinstance(layer, torch.nn.MaxPool2d) for layer in shared.layers) == 2


def test_fewer_cells_than_three_are_refused():
    with pytest.raises(UsageError, match="cells must be at least 3, for one of either kind, got 2"):
        SPACE.network(SPACE.from_genotype(DARTS_V2), cells=2)


def broken(**changes):
    """The graph of DARTS_V2 with other operations at some vertices."""
    architecture = SPACE.from_genotype(DARTS_V2)
    return architecture.relabel(changes.get(f"v{v}", op) for v, op in enumerate(architecture.ops))


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(
            ["input", "c_{k-2}", "c_{k-1}", "node", "output"], [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)]
        ),
        Architecture(["input", SEP, "output"], [(0, 1), (1, 2)]),
        broken(v15="c_{k-1}"),
        broken(v16="c_{k-2}"),
        broken(v17="c_{k-1}"),
        broken(v16=f"{SEP}-s2"),
        broken(v5=SEP, v8=SEP, v11=SEP, v14=SEP),
        Architecture(broken().ops, [*broken().edges, (3, 17)]),
        Architecture(broken().ops, [*broken().edges, (0, 3)]),
    ],
)  # fmt: skip
def test_what_is_not_two_cells_is_refused(architecture):
    with pytest.raises(ArchitectureError, match=r"a darts network is made of two cells, each .* got input, "):
        build_darts(architecture, (3, 8, 8), 10)

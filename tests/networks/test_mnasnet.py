"""The networks of Accel-NASBench, against the published parameters and multiply-adds of all rows."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from egraph import Architecture
from egraph.datasets import known, load
from egraph.errors import ArchitectureError
from egraph.networks import build_mnasnet, count_params
from egraph.networks.operations import InvertedResidual, SqueezeExcitation
from egraph.spaces import get

SPACE = get("mnasnet")
IMAGE = (3, 224, 224)


def uniform(block):
    """A network of seven equal blocks."""
    return SPACE.network(SPACE.parse("-".join([block] * 7)), IMAGE, 1000)


def costs(network):
    """Parameters and multiply-adds of each part, ``(parts, 2)``, as the benchmark's authors count them.

    Their tool adds four operations for each value of batch normalisation, and those of average pools.
    """
    added = np.zeros(len(network), dtype=np.int64)
    for number, part in enumerate(network):
        for module in part.modules():
            module.register_forward_hook(partial(_count, added, number))
    params = [count_params(part) for part in network]
    network.to("meta").eval()(torch.empty(1, *IMAGE, device="meta"))
    return np.stack([params, added], axis=1)


def _count(added, part, module, given, result):
    [maps] = given
    if isinstance(module, nn.Conv2d):
        added[part] += module.weight.numel() * result[0, 0].numel()
    elif isinstance(module, nn.Linear):
        added[part] += module.weight.numel()
    elif isinstance(module, nn.BatchNorm2d):
        added[part] += 4 * maps[0].numel()
    elif isinstance(module, nn.AdaptiveAvgPool2d):
        added[part] += maps[0].numel() + maps.shape[1]


def test_all_published_rows():
    """What a layer costs depends only on its block, its genes and whether it is the first."""
    if not any(table.name == "accel_nasbench" and table.path is not None for table in known()):
        pytest.skip("accel_nasbench is not here; set EGRAPH_DATA to the folder that holds its file")
    table = load("accel_nasbench")
    first, later, ends = {}, {}, None
    for kind in {block[:4] + block[6:] for arch in table.columns["arch"] for block in arch.split("-")}:
        counted = costs(uniform(f"{kind[:4]}l2{kind[4:]}"))
        ends = counted[[0, -2, -1]].sum(axis=0)
        for block in range(7):
            first[block, kind], later[block, kind] = counted[1 + 2 * block : 3 + 2 * block]
    totals = []
    for arch in table.columns["arch"]:
        total = ends
        for number, block in enumerate(arch.split("-")):
            kind = block[:4] + block[6:]
            total = total + first[number, kind] + (int(block[5]) - 1) * later[number, kind]
        totals.append(total)
    params, macs = np.array(totals).T
    # Millions in single precision.
    np.testing.assert_allclose(params, table["params_m"] * 1e6, rtol=1.2e-7)
    np.testing.assert_allclose(macs, table["macs_m"] * 1e6, rtol=1.2e-7)
    for row in np.random.default_rng(0).choice(len(table), 3, replace=False):
        network = SPACE.network(table.architectures[row], IMAGE, 1000)
        assert count_params(network) == params[row]


def test_efficientnet_b0_has_its_published_number_of_parameters():
    text = "k3e1l1s1-k3e6l2s1-k5e6l2s1-k3e6l3s1-k5e6l3s1-k5e6l4s1-k3e6l1s1"
    assert count_params(SPACE.network(SPACE.parse(text), IMAGE, 1000)) == 5_288_548


def test_a_squeezed_block_against_functional_layers():
    """Widened four times, each channel convolved by itself, scaled by factors of a quarter, and narrowed."""
    block = InvertedResidual(8, 8, 3, 1, 4, squeezed=True).eval()
    x = torch.randn(3, 8, 6, 5, generator=torch.Generator().manual_seed(0))
    widen, depthwise, squeeze, narrow = block.layers
    down, up = squeeze.factors[1], squeeze.factors[3]
    assert down.weight.shape == (2, 32, 1, 1)
    scale = (1 + 1e-5) ** 0.5
    hidden = (functional.conv2d(x, widen[0].weight) / scale).relu()
    hidden = (functional.conv2d(hidden, depthwise[0].weight, padding=1, groups=32) / scale).relu()
    means = hidden.mean(dim=(2, 3))
    inner = (means @ down.weight[:, :, 0, 0].T + down.bias).relu()
    factors = ((inner @ up.weight[:, :, 0, 0].T + up.bias + 3) / 6).clamp(0, 1)
    result = functional.conv2d(hidden * factors[:, :, None, None], narrow[0].weight) / scale
    torch.testing.assert_close(block(x), result + x)


def test_a_block_without_expansion_has_no_widening_convolution():
    assert len(InvertedResidual(8, 16, 5, 2, 1).layers) == 2
    assert not any(isinstance(part, SqueezeExcitation) for part in InvertedResidual(8, 16, 5, 2, 1).modules())


def test_channels_are_those_of_the_benchmark_and_scale_with_the_stem():
    for channels in (32, 8):
        network = SPACE.network(SPACE.parse("-".join(["k3e4l1s0"] * 7)), (3, 32, 32), 10, channels=channels)
        found = [block.layers[-1][0].out_channels * 32 / channels for block in network[1:8]]
        assert found == [16, 24, 40, 80, 112, 192, 320]


@pytest.mark.parametrize(
    ("ops", "edges", "text"),
    [
        (
            ["sepconv3x3-c16"] * 2,
            [(0, 1), (0, 2), (1, 3), (2, 3)],
            "chain from input to output, got the edges",
        ),
        (["squeeze-excitation"], [(0, 1), (1, 2)], "'squeeze-excitation' stands behind a convolution"),
    ],
)
def test_refuses_other_graphs(ops, edges, text):
    with pytest.raises(ArchitectureError, match=text):
        build_mnasnet(Architecture(("input", *ops, "output"), edges), (3, 8, 8), 10)

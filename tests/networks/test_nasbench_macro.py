"""The networks of NAS-Bench-Macro, against the published parameters and FLOPs of all chains."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from egraph import Architecture
from egraph.datasets import known, load
from egraph.errors import ArchitectureError
from egraph.networks import build_nasbench_macro, count_flops, count_params
from egraph.spaces import get

SPACE = get("nasbench_macro")


def network(digits, **options):
    return SPACE.network(SPACE.parse(digits), **options)


def counts(digits):
    built = network(digits)
    return np.array([count_params(built), count_flops(built, (3, 32, 32))])


def test_all_published_rows():
    """What a layer costs does not depend on the others: seventeen networks tell the costs of all, and a
    sample is built whole."""
    if not any(table.name == "nasbench_macro" and table.path is not None for table in known()):
        pytest.skip("nasbench_macro is not here; set EGRAPH_DATA to the folder that holds its file")
    table = load("nasbench_macro")
    bare = counts("00000000")
    extra = np.zeros((8, 3, 2), dtype=np.int64)
    for layer in range(8):
        for digit in (1, 2):
            extra[layer, digit] = counts("0" * layer + str(digit) + "0" * (7 - layer)) - bare
    chains = table.columns["arch"].tolist()
    digits = np.array([[int(digit) for digit in chain] for chain in chains])
    counted = bare + extra[np.arange(8), digits].sum(axis=1)
    published = np.stack([table["params"], table["flops"]], axis=1)
    assert np.array_equal(counted, published)
    for row in np.random.default_rng(0).choice(len(table), 20, replace=False):
        assert counts(chains[row]).tolist() == published[row].tolist()


def test_params_of_one_chain_by_hand():
    """Identities, a strided 1x1 convolution to 64 and one to 128 channels, a block of kernel 3 at 64."""

    def conv(weights, outputs):
        return weights + 2 * outputs

    block = conv(64 * 192, 192) + conv(9 * 192, 192) + conv(192 * 64, 64)
    strided = sum(conv(c * 2 * c, 2 * c) for c in (32, 64, 128))
    head = conv(256 * 1280, 1280) + 1280 * 10 + 10
    assert count_params(network("01000000")) == conv(27 * 32, 32) + strided + block + head


def test_chains_with_one_key_are_one_network():
    a, b = (network(digits, channels=2, seed=3) for digits in ("10010020", "10001002"))
    assert str(a) == str(b)
    assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


@pytest.mark.parametrize(("digits", "stride"), [("02000000", 1), ("20000000", 2)])
def test_a_block_against_functional_layers(digits, stride):
    """Widened six times, each channel convolved by itself, narrowed; the input is added at stride 1 only."""
    block = network(digits, channels=2).eval()[3 - stride]
    width = 4 // stride
    x = torch.randn(3, width, 6, 8, generator=torch.Generator().manual_seed(0))
    scale = (1 + 1e-5) ** 0.5
    widen, depthwise, narrow = (part[0].weight for part in block.layers)
    hidden = (functional.conv2d(x, widen) / scale).relu()
    hidden = functional.conv2d(hidden, depthwise, stride=stride, padding=2, groups=6 * width)
    result = functional.conv2d((hidden / scale).relu(), narrow) / scale
    torch.testing.assert_close(block(x), result + x if stride == 1 else result)


def test_refuses_a_graph_that_is_no_chain():
    branched = Architecture(("input", "conv1x1-s2", "conv1x1-s2", "output"), [(0, 1), (0, 2), (1, 3), (2, 3)])
    with pytest.raises(ArchitectureError, match=r"chain from input to output, got the edges \[\(0, 1\)"):
        build_nasbench_macro(branched, (3, 8, 8), 10)

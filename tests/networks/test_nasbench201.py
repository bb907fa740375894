"""The networks of NAS-Bench-201, against published figures and cells computed edge by edge."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from egraph.errors import UsageError
from egraph.networks import count_flops, count_params
from egraph.networks._nasbench201 import ResidualBlock
from egraph.spaces import get

SPACE = get("nasbench201")
NOTHING = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
ALL_3X3 = NOTHING.replace("none", "nor_conv_3x3")


def network(text, **options):
    return SPACE.network(SPACE.parse(text), **options)


class TestPublished:
    """Millions of parameters, and of FLOPs on CIFAR-10.

    Cells 0, 11 and 284: the sample files of NATS-Bench, fake_torch_dir in github.com/D-X-Y/NATS-Bench. The
    first and last: the least and the most in the benchmark, as several repositories that query it list them.
    """

    CELLS = (
        (NOTHING, 73_306, 7.78305),
        ("|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
         129_306, 15.64737),
        ("|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|none~0|nor_conv_3x3~1|avg_pool_3x3~2|",
         802_426, 113.95137),
        ("|skip_connect~0|+|skip_connect~0|skip_connect~1|+|none~0|nor_conv_1x1~1|none~2|",
         101_306, 11.71521),
        (ALL_3X3, 1_531_546, 220.11969),
    )  # fmt: skip

    @pytest.mark.parametrize(("text", "params", "flops"), CELLS)
    def test_params_and_flops(self, text, params, flops):
        """The published FLOPs count the bias of the dense layer, ours do not."""
        built = network(text)
        assert count_params(built) == params
        assert count_flops(built, (3, 32, 32)) + 10 == round(flops * 1e6)

    @pytest.mark.parametrize(("classes", "params"), [(100, 808_276), (120, 809_576)])
    def test_more_classes(self, classes, params):
        """Cell 11 for CIFAR-100 and ImageNet16-120."""
        assert count_params(network(self.CELLS[2][0], num_classes=classes)) == params


def test_params_of_all_cells_follow_from_their_live_convolutions():
    """A 1x1 convolution of 16, 32 or 64 channels five times, or a 3x3; a twin has as many."""
    rng = np.random.default_rng(0)
    for _ in range(40):
        cell = SPACE.sample(rng)
        key = SPACE.key(cell)
        expected = 73_306 + sum(
            5 * key.count(f"nor_conv_{kernel}x{kernel}") * (kernel**2 * c * c + 2 * c)
            for kernel in (1, 3)
            for c in (16, 32, 64)
        )
        assert count_params(SPACE.network(cell)) == expected


def test_dead_convolutions_are_not_built():
    """The first edge leads to a node that nothing leaves."""
    dead = network("|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|nor_conv_3x3~2|", channels=4)
    live = network("|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|", channels=4)
    assert str(dead) == str(live)


def test_cells_against_the_four_nodes_written_out():
    """All convolutions of one kernel get the same weights, so that it does not matter which is which."""
    rng = np.random.default_rng(1)
    weights = {k: torch.randn(3, 3, k, k, generator=torch.Generator().manual_seed(k)) / k**2 for k in (1, 3)}
    x = torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(0))

    def apply(name, x):
        if name == "none":
            return torch.zeros_like(x)
        if name == "avg_pool_3x3":
            return functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        if name == "skip_connect":
            return x
        kernel = 3 if name == "nor_conv_3x3" else 1
        convolved = functional.conv2d(x.relu(), weights[kernel], padding=kernel // 2)
        return convolved / (1 + 1e-5) ** 0.5  # batch normalisation as it begins

    for _ in range(60):
        cell = SPACE.sample(rng)
        built = SPACE.network(cell, channels=3, cells=1)[1].eval()
        with torch.no_grad():
            for module in built.modules():
                if isinstance(module, torch.nn.Conv2d):
                    module.weight.copy_(weights[module.kernel_size[0]])
        e01, e02, e12, e03, e13, e23 = cell.ops[1:-1]
        one = apply(e01, x)
        two = apply(e02, x) + apply(e12, one)
        three = apply(e03, x) + apply(e13, one) + apply(e23, two)
        torch.testing.assert_close(built(x), three, msg=SPACE.format(cell))


def test_a_residual_block_against_functional_layers():
    block = ResidualBlock(2).eval()
    x = torch.randn(3, 2, 6, 8, generator=torch.Generator().manual_seed(0))
    first, second = block.convolutions[1], block.convolutions[4]
    scale = (1 + 1e-5) ** 0.5
    inner = functional.conv2d(x.relu(), first.weight, stride=2, padding=1) / scale
    outer = functional.conv2d(inner.relu(), second.weight, padding=1) / scale
    shortcut = functional.conv2d(functional.avg_pool2d(x, 2), block.shortcut[1].weight)
    torch.testing.assert_close(block(x), outer + shortcut)


def test_a_cell_without_a_path_tells_images_apart_no_more():
    built = network(NOTHING, channels=4).eval()
    first, second = built(torch.rand(2, 3, 8, 8))
    assert torch.equal(first, second)


def test_blocks_of_the_network():
    names = [type(block).__name__ for block in network(ALL_3X3, channels=2)]
    cells = ["Cell"] * 5
    expected = ["Sequential", *cells, "ResidualBlock", *cells, "ResidualBlock", *cells, "Sequential"]
    assert names == expected


def test_fewer_cells():
    assert sum(type(block).__name__ == "Cell" for block in network(NOTHING, channels=2, cells=2)) == 6
    with pytest.raises(UsageError, match="cells must be at least 1, got 0"):
        network(NOTHING, cells=0)

"""Runs of equal blocks."""

import torch
from torch import nn
from zoo import Bottleneck, EncoderBlock, FusedAttention, conv_bn

from egraph import from_torch

IMAGE = torch.zeros(1, 8, 8, 8)


class Residual(nn.Module):
    def __init__(self, channels, kernel=3):
        super().__init__()
        self.conv = conv_bn(channels, channels, kernel)

    def forward(self, x):
        return x + self.conv(x)


def test_a_run_is_one_block_with_all_parameters_and_flops(describe, draw):
    module = nn.Sequential(*(Residual(8) for _ in range(5)), nn.Conv2d(8, 2, 1))
    architecture = from_torch(module, IMAGE)
    assert draw(architecture) == ["conv3x3-8*5(0)", "add(0,1)", "conv1x1-2(2)", "output(3)"]
    cell = describe(architecture)[1]
    assert (cell.repeats, cell.parameters, cell.flops) == (5, 5 * (8 * 72 + 16), 5 * 8 * 72 * 64)


def test_a_plain_chain_keeps_its_depth(draw):
    module = nn.Sequential(*(conv_bn(8, 8, 3) for _ in range(6)))
    assert len(draw(from_torch(module, IMAGE))) == 7


def test_blocks_at_another_resolution_or_width_are_not_of_the_run(draw):
    layers = [Residual(8), Residual(8), nn.MaxPool2d(2), Residual(8), Residual(8), nn.Conv2d(8, 16, 1)]
    module = nn.Sequential(*layers, Residual(16))
    drawn = draw(from_torch(module, IMAGE))
    assert [line for line in drawn if line.startswith("conv3x3")] == [
        "conv3x3-8*2(0)",
        "conv3x3-8*2(3)",
        "conv3x3-16(6)",
    ]


def test_pools_that_halve_end_a_run(draw):
    pair = [nn.Conv2d(8, 8, 3, padding=1), nn.MaxPool2d(2)]
    assert len(draw(from_torch(nn.Sequential(*pair, *pair), IMAGE))) == 5


def test_blocks_of_several_parts_are_one_block(draw):
    blocks = [part for _ in range(3) for part in (Residual(8, 1), conv_bn(8, 8, 5))]
    assert draw(from_torch(nn.Sequential(*blocks), IMAGE)) == [
        "conv1x1-8*3(0)",
        "add(0,1)",
        "conv5x5-8*3(2)",
        "output(3)",
    ]


def test_runs_within_runs_are_folded_too(draw):
    stage = [Residual(8), Residual(8), Residual(8, 5)]
    assert draw(from_torch(nn.Sequential(*stage, *stage), IMAGE)) == [
        "conv3x3-8*4(0)",
        "add(0,1)",
        "conv5x5-8*2(2)",
        "add(2,3)",
        "output(4)",
    ]


def test_the_first_block_of_a_stage_may_take_other_channels(draw):
    wide = torch.zeros(1, 32, 8, 8)
    module = nn.Sequential(Bottleneck(32, 8, 32), Bottleneck(32, 8, 32))
    assert draw(from_torch(module, wide))[0] == "conv1x1-8*2(0)"


def test_modules_that_are_used_twice_are_drawn_as_two_blocks_that_share(describe):
    block = EncoderBlock(8, 2, FusedAttention)
    architecture = from_torch(nn.Sequential(block, block), torch.zeros(1, 9, 8))
    held = describe(architecture)
    assert sum(op.parameters for op in held) == sum(p.numel() for p in block.parameters())
    assert {op.repeats for op in held if op.parameters} == {2}

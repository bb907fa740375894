"""Runs of equal blocks."""

import time

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
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


class Mixing(nn.Module):
    """Two layers on a shortcut; their result is multiplied by a mask, or attends to a memory."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(8, 16), nn.Linear(16, 8)

    def forward(self, x, mask=None):
        y = self.two(torch.relu(self.one(x)))
        return x + (y if mask is None else y * mask)


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x, memory):
        key = self.key(memory)
        return x + F.scaled_dot_product_attention(self.query(x), key, key)


class Masked(nn.Module):
    def __init__(self, first):
        super().__init__()
        self.first, self.blocks = first, nn.ModuleList(Mixing() for _ in range(6))

    def forward(self, x, mask):
        x = self.first(x)
        for block in self.blocks:
            x = block(x, mask)
        return x


class Towers(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = (nn.Sequential(nn.Linear(8, 8), *(Mixing() for _ in range(4))) for _ in range(2))

    def forward(self, x, y):
        return torch.cat([self.one(x), self.two(y)], -1)


class Decoding(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(8, 8), *(Mixing() for _ in range(3)))
        self.first, self.blocks = nn.Linear(8, 8), nn.ModuleList(Attending() for _ in range(5))

    def forward(self, x, y):
        memory, y = self.encoder(x), self.first(y)
        for block in self.blocks:
            y = block(y, memory)
        return y


class Cell(nn.Module):
    """A recurrent cell of one's own, over all steps of a series."""

    def __init__(self):
        super().__init__()
        self.own, self.past = nn.Linear(8, 16), nn.Linear(8, 16)

    def forward(self, x):
        state = x[:, 0]
        for step in range(x.shape[1]):
            gate, value = (self.own(x[:, step]) + self.past(state)).chunk(2, -1)
            state = state + torch.sigmoid(gate) * torch.tanh(value)
        return state


ROWS = torch.zeros(1, 5, 8)


@pytest.mark.parametrize("first", [nn.Linear(8, 8), nn.Identity()])
def test_blocks_that_read_a_mask_too_are_folded(draw, first):
    drawn = draw(from_torch(Masked(first), (ROWS, ROWS + 1)))
    start = 0 if isinstance(first, nn.Identity) else 1
    assert drawn[start:-1] == [
        f"linear-16*6({start})",
        f"linear-8*6({start + 1})",
        f"multiply(0,{start + 2})",
        f"add({start},{start + 3})",
    ]


def test_two_towers_are_folded_each_for_itself(draw):
    tower = ["linear-8({0})", "linear-16*4({1})", "linear-8*4({2})", "add({1},{3})"]
    assert draw(from_torch(Towers(), (ROWS, ROWS))) == [
        *(line.format(0, 1, 2, 3) for line in tower),
        *(line.format(0, 5, 6, 7) for line in tower),
        "concat(4,8)",
        "output(9)",
    ]


def test_blocks_that_read_an_encoder_are_folded(draw):
    drawn = draw(from_torch(Decoding(), (ROWS, ROWS + 1)))
    assert drawn[4:] == [
        "linear-8(0)",
        "linear-8*5(4)",
        "linear-8*5(5)",
        "attention-h1-8*5(6,7)",
        "add(5,8)",
        "output(9)",
    ]


def test_an_unrolled_cell_is_one_cell(describe):
    """All steps together have the parameters of the cell, and the multiply-adds of the steps."""
    found = describe(from_torch(Cell(), torch.zeros(1, 40, 8)))
    assert [op.repeats for op in found if op.kind == "linear"] == [40, 40]
    assert sum(op.parameters for op in found) == 2 * 9 * 16
    assert sum(op.flops for op in found) == 40 * 2 * 8 * 16


def test_thousands_of_vertices_take_a_moment():
    """Sketches of several thousand vertices were slow by their square."""
    from egraph.tracing.fusing import fuse_blocks, tidy_joins
    from egraph.tracing.sketch import Sketch, Vertex

    vertices = [Vertex("input", "input")]
    for step in range(1500):
        one = Vertex("linear", "linear", [vertices[-1], vertices[0]], channels=step)
        vertices += [one, Vertex("multiply", "multiply", [one, vertices[-1]])]
    sketch = Sketch([*vertices, Vertex("output", "output", [vertices[-1]])])
    started = time.process_time()
    tidy_joins(sketch)
    fuse_blocks(sketch)
    assert time.process_time() - started < 20
    assert len(sketch.vertices) == 3002

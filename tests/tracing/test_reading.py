"""Who holds which parameter, and what joins."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from egraph import from_torch

IMAGE = torch.zeros(1, 4, 8, 8)


def test_a_norm_belongs_to_the_convolution_before_it(describe):
    module = nn.Sequential(nn.Conv2d(4, 8, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 2, 1))
    assert [op.parameters for op in describe(from_torch(module, IMAGE))[1:-1]] == [32 + 16, 18]


def test_a_norm_behind_the_input_belongs_to_what_takes_it_first(describe):
    module = nn.Sequential(nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1))
    assert [op.parameters for op in describe(from_torch(module, IMAGE))[1:-1]] == [8 + 10]


def test_parameters_that_nothing_takes_are_a_vertex_that_vanishes(describe):
    _, scale, _ = describe(from_torch(nn.BatchNorm2d(4), IMAGE))
    assert (scale.kind, scale.parameters) == ("identity", 8)


def test_shared_parameters_count_once(describe):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x):
            return self.conv(self.conv(x) + x)

    held = [op.parameters for op in describe(from_torch(Twice(), IMAGE))[1:-1]]
    assert held == [4 * 37, 0, 0]


def test_weights_may_be_computed_from_parameters(describe):
    module = nn.Sequential(nn.Conv2d(4, 8, 3), nn.Flatten())
    nn.utils.parametrizations.weight_norm(module[0])
    [_, conv, _] = describe(from_torch(module, IMAGE))
    assert (conv.kind, conv.parameters) == ("conv", 8 * 36 + 8 + 8)


def test_frozen_parameters_count():
    module = nn.Linear(4, 2).requires_grad_(False)
    architecture = from_torch(module, torch.zeros(1, 4))
    assert architecture == from_torch(nn.Linear(4, 2), torch.zeros(1, 4))


def test_dead_code_is_no_vertex(draw):
    class Dead(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused, self.never = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3), nn.Linear(9, 9)

        def forward(self, x):
            self.unused(x).relu_()
            return self.used(x)

    assert draw(from_torch(Dead(), IMAGE)) == ["conv1x1-4(0)", "output(1)"]


def test_joins_are_told_apart(draw):
    class Joins(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x):
            a, b = self.one(x), self.two(x)
            return torch.cat([a + b, a - 2 * b, torch.maximum(a, b), a * b.sigmoid()], 1)

    drawn = ["conv1x1-4(0)", "conv3x3-4(0)", "add(1,2)", "add(1,2)", "join(1,2)", "multiply(1,2)"]
    assert draw(from_torch(Joins(), IMAGE)) == [*drawn, "concat(3,4,5,6)", "output(7)"]


def test_several_results_all_lead_to_the_output(draw):
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.one, self.two = nn.Conv2d(4, 8, 1), nn.Conv2d(8, 2, 1), nn.Conv2d(8, 3, 1)

        def forward(self, x):
            x = self.body(x)
            return {"one": self.one(x), "two": [self.two(x)]}

    assert draw(from_torch(Heads(), IMAGE)) == ["conv1x1-8(0)", "conv1x1-2(1)", "conv1x1-3(1)", "output(2,3)"]


class Table(nn.Module):
    """Biases from a product of parameters alone, read twice, as relative positions are."""

    def __init__(self):
        super().__init__()
        self.own, self.other, self.table = nn.Linear(6, 6), nn.Linear(6, 9), nn.Parameter(torch.zeros(7, 6))

    def forward(self, x):
        table = self.other(self.table)
        return self.own(x) @ table.T[:6] + table.sum()


class Graph(nn.Module):
    def __init__(self):
        super().__init__()
        self.own = nn.Linear(6, 4)

    def forward(self, x, neighbours):
        if neighbours.is_floating_point():
            return neighbours @ self.own(x)
        return torch.zeros(len(x), 4).index_add(0, neighbours[1], self.own(x)[neighbours[0]])


EDGES = torch.zeros(2, 9, dtype=torch.long)


@pytest.mark.parametrize(
    ("module", "example"),
    [
        (Table(), (torch.zeros(1, 6),)),
        (Graph(), (torch.zeros(8, 6), torch.zeros(8, 8))),
        (Graph(), (torch.zeros(8, 6), EDGES)),
    ],
)
def test_flops_are_those_of_the_flop_counter(describe, module, example):
    """Products of parameters count once, and all nodes of a graph."""
    with FlopCounterMode(display=False) as counter:
        module(*example)
    assert 2 * sum(op.flops for op in describe(from_torch(module, example))) == counter.get_total_flops()


def test_products_of_parameters_do_not_depend_on_the_number_of_examples(describe):
    one, three = (describe(from_torch(Table(), torch.zeros(n, 6))) for n in (1, 3))
    assert one == three


class Shaped(nn.Module):
    """Attention written out, with a mask that has the shape and not the values of what it masks."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 6)

    def forward(self, x):
        y = self.layer(x)
        scores = y @ y.transpose(1, 2)
        mask = scores.new_full(scores.shape[1:], -1.0).triu() + torch.zeros_like(scores)
        return (scores + mask).softmax(-1) @ y


def test_tensors_of_the_shape_of_a_result_do_not_depend_on_it(draw):
    drawn = draw(from_torch(Shaped(), torch.zeros(1, 5, 6)))
    assert drawn == ["linear-6(0)", "attention-h1-6(1)", "output(2)"]

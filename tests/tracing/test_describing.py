"""Names and widths."""

import json
import re

import torch
from torch import nn

from egraph import from_torch, operations

IMAGE = torch.zeros(1, 8, 8, 8)


def test_equal_descriptions_have_one_name_and_others_another():
    ops = [
        from_torch(nn.Conv2d(8, channels, 3, bias=bias), IMAGE).ops[1]
        for channels, bias in ((4, True), (4, True), (4, False), (5, True))
    ]
    assert ops[0] == ops[1]
    assert len(set(ops)) == 3
    assert all(re.fullmatch(r"conv3x3-[45]#[0-9a-f]{12}", op) for op in ops)


def test_names_are_the_same_in_every_process():
    """Architectures in files hold them; a name that changes is a description that changed."""
    assert from_torch(nn.Conv2d(8, 4, 3), IMAGE).ops[1] == "conv3x3-4#ec9df2257fb3"


def test_names_identify():
    """With digests of 24 bits these two had one name."""
    image = torch.zeros(1, 5657, 1, 1), torch.zeros(1, 11850, 1, 1)
    assert len({from_torch(nn.Conv2d(x.shape[1], 64, 1), x).ops[1] for x in image}) == 2


def test_folded_blocks_have_the_activations_of_all(describe):
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)

        def forward(self, x):
            return x + self.b(self.a(x))

    _, first, second, *_ = describe(from_torch(nn.Sequential(*(Residual() for _ in range(5))), IMAGE))
    assert first.repeats == second.repeats == 5
    assert (first.pixels, first.activations) == (64, 5 * 8 * 64)


def test_width_is_relative_to_the_widest_result_of_a_resolution(describe):
    module = nn.Sequential(nn.Conv2d(8, 16, 1), nn.Conv2d(16, 4, 1), nn.Conv2d(4, 2, 3, 2, 1), nn.Flatten())
    widths = [op.width for op in describe(from_torch(module, IMAGE))[1:-1]]
    assert widths == [1, 4 / 16, 1]


def test_descriptions_can_be_kept_beside_the_graph(describe):
    """Another process knows the operations when it has registered what was kept."""
    architecture = from_torch(nn.Conv2d(8, 4, 3), IMAGE)
    kept = json.loads(json.dumps([op.to_dict() for op in describe(architecture)]))
    assert [operations.register(operations.Operation(**fields)) for fields in kept] == describe(architecture)


def test_joins_have_one_name_for_all_networks():
    assert operations.get("add") == operations.Operation("add", "identity")
    assert {operations.get(op).kind for op in ("add", "concat", "multiply", "join")} == {"identity"}

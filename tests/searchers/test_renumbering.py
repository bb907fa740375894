import numpy as np
import pytest

from egraph.architecture import Architecture
from egraph.searchers._renumbering import renumbered_copies
from egraph.searchers.testing import ToySpace
from egraph.spaces.nasbench101 import NASBench101

CONV, POOL = "conv3x3-bn-relu", "maxpool3x3"


class Numbered(NASBench101):
    """Cells whose encoding sees the numbering."""

    def encode(self, architecture):
        return (architecture.ops, architecture.edges)

    def decode(self, options):
        return Architecture(*options)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_two_branches_have_two_orders(rng):
    cell = Architecture(["input", CONV, POOL, "output"], [(0, 1), (0, 2), (1, 3), (2, 3)])
    (copy,) = renumbered_copies(Numbered(), cell, 20, rng)
    assert copy == Architecture(["input", POOL, CONV, "output"], [(0, 1), (0, 2), (1, 3), (2, 3)])


def test_all_orders_of_a_graph_are_found_and_no_other(rng):
    # A chain of two beside a chain of two: 4! / (2! 2!) = 6 orders, one of them given.
    ops = ["input", CONV, POOL, POOL, POOL, "output"]
    cell = Architecture(ops, [(0, 1), (1, 2), (2, 5), (0, 3), (3, 4), (4, 5)])
    copies = renumbered_copies(Numbered(), cell, 200, rng)
    assert len(copies) == 5
    assert {Numbered().key(copy) for copy in copies} == {Numbered().key(cell)}


def test_vertices_beside_the_path_are_renumbered_too(rng):
    cell = Architecture(["input", CONV, POOL, "output"], [(0, 1), (1, 3), (3, 2)])
    assert all(copy.ops[-1] == "output" for copy in renumbered_copies(Numbered(), cell, 20, rng))


def test_a_chain_has_no_copies(rng):
    space = ToySpace(4, 5)
    assert renumbered_copies(space, space.make([1, 2]), 20, rng) == []


def test_what_the_encoding_does_not_tell_apart_is_left_out(rng):
    class Blind(Numbered):
        def encode(self, architecture):
            return (("input", CONV, "output"), ((0, 1), (1, 2)))

    cell = Architecture(["input", CONV, POOL, "output"], [(0, 1), (0, 2), (1, 3), (2, 3)])
    assert renumbered_copies(Blind(), cell, 20, rng) == []

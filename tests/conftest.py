"""Random architectures and renumberings that many tests share."""

import numpy as np
import pytest

from egraph import Architecture, operations
from egraph.operations import Operation

OPS = ("t-conv1", "t-conv3", "t-pool", "t-none", "t-skip", "t-half")
for _operation in (
    Operation("t-conv1", "conv", kernel=1),
    Operation("t-conv3", "conv", kernel=3),
    Operation("t-pool", "avg-pool", kernel=3, shareable=True),
    Operation("t-none", "zero"),
    Operation("t-skip", "identity"),
    Operation("t-half", "separable-conv", kernel=5, stride=2, groups=0),
):
    operations.register(_operation)


def make_architecture(rng: np.random.Generator, num_vertices: int | None = None, ops=OPS) -> Architecture:
    """A random graph; with probability a half of each edge, so that dead parts occur."""
    n = int(rng.integers(2, 9)) if num_vertices is None else num_vertices
    edges = [(i, j) for i in range(n) for j in range(i + 1, n) if rng.random() < 0.5]
    return Architecture(["input", *rng.choice(ops, n - 2).tolist(), "output"], edges)


def renumber(architecture: Architecture, rng: np.random.Generator) -> Architecture:
    """The same graph with its interior vertices in another order, topological or not."""
    n = architecture.num_vertices
    place = [0, *(1 + rng.permutation(n - 2)).tolist(), n - 1]
    ops = [""] * n
    for vertex, op in enumerate(architecture.ops):
        ops[place[vertex]] = op
    return Architecture(ops, [(place[i], place[j]) for i, j in architecture.edges])


@pytest.fixture(scope="session", name="make_architecture")
def _make_architecture():
    return make_architecture


@pytest.fixture(scope="session", name="renumber")
def _renumber():
    return renumber

"""What tests of the tracing share: the zoo, traced once, and graphs in a form that one can write down."""

import functools
import sys
from collections import Counter
from pathlib import Path
from unittest import mock

import pytest
import torch

from egraph import from_torch, operations

sys.path.insert(0, str(Path(__file__).parent))
from zoo import ZOO


def describe(architecture):
    """The descriptions of the vertices."""
    return [operations.get(op) for op in architecture.ops]


def draw(architecture):
    """Each vertex as its name without the digest and the places of its inputs, such as ``conv3x3-8(0)``."""
    sources = [[] for _ in architecture.ops]
    for i, j in architecture.edges:
        sources[j].append(str(i))
    names = [op.split("#")[0] for op in architecture.ops]
    return [f"{name}({','.join(inputs)})" for name, inputs in zip(names, sources, strict=True)][1:]


@pytest.fixture(scope="session", name="describe")
def _describe():
    return describe


@pytest.fixture(scope="session", name="draw")
def _draw():
    return draw


@pytest.fixture(scope="session")
def count():
    """How many vertices of each kind an architecture has; joins by their name."""

    def of(architecture):
        joins = ("add", "concat", "multiply", "join")
        return Counter(op.name if op.name in joins else op.kind for op in describe(architecture))

    return of


@pytest.fixture(scope="session")
def zoo():
    """The networks of the zoo by name, made once."""

    @functools.cache
    def make(name):
        torch.manual_seed(0)
        return ZOO[name]()

    return make


@pytest.fixture(scope="session")
def traced(zoo):
    """A network of the zoo as an architecture; its forward is recorded once for all drawings."""
    from egraph.tracing import capture, tracing

    recorded = functools.cache(lambda module, *_: capture.capture(module, torch.zeros(1, 3, 32, 32)))

    @functools.cache
    def trace(name, fold=True):
        with mock.patch.object(tracing, "capture", recorded):
            return from_torch(zoo(name), None, fold=fold)

    return trace

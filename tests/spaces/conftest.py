"""Spaces of a user: of choices, and of a builder."""

import pytest

from egraph import spaces
from egraph.architecture import Architecture

from . import nets


class Stacks(spaces.ChoiceSpace):
    """Chains of three layers."""

    name = "stacks"
    operations = ("nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
    positions = {"first": operations[:2], "second": operations, "third": operations}  # noqa: RUF012

    def build(self, options):
        return Architecture(["input", *options, "output"], [(i, i + 1) for i in range(4)])


@pytest.fixture
def stacks(monkeypatch):
    """The space, registered while the test runs."""
    space = Stacks()
    monkeypatch.setitem(spaces._registry.registry._things, space.name, space)
    return space


@pytest.fixture
def mine(monkeypatch):
    """The space of a builder, registered while the test runs."""
    space = spaces.from_builder(nets.build, (1, 8, 8), name="mine")
    monkeypatch.setitem(spaces._registry.registry._things, space.name, space)
    return space

"""Search spaces: which architectures exist, and how to come from one to another.

A space samples, mutates, crosses over, enumerates (where it is finite), parses and prints its own notation,
tells which architectures are the same trained network (`key`), and builds the network where it can.

To add one: write a subclass of `SearchSpace` in a file of its own here, register its operations with
`egraph.operations.register` and the space with `spaces.register`, and import the file below. The conformance
tests in ``tests/spaces/test_conformance.py`` then run on it. `Limited` takes out of any space what costs too
much.
"""

from __future__ import annotations

from egraph.registry import Registry
from egraph.spaces.base import SearchSpace

__all__ = ["Grammar", "Limited", "SearchSpace", "get", "names", "register"]

_registry: Registry[SearchSpace] = Registry("search space")


def register(space: SearchSpace) -> SearchSpace:
    """Makes a space known under its name.

    Raises:
        UsageError: the name is taken.
    """
    return _registry.register(space.name, space)


def get(name: str) -> SearchSpace:
    """The space of that name.

    Raises:
        UnknownNameError: there is none.
    """
    return _registry[name]


def names() -> list[str]:
    """The names of all spaces."""
    return list(_registry)


from egraph.spaces import (  # noqa: E402
    concat_cell,  # noqa: F401
    convnet,  # noqa: F401
    darts,  # noqa: F401
    deepneat,  # noqa: F401
    grammar,  # noqa: F401
    graphsage,  # noqa: F401
    nasbench101,  # noqa: F401
    nasbench201,  # noqa: F401
    nasbench_graph,  # noqa: F401
    nasbench_macro,  # noqa: F401
    nash,  # noqa: F401
)
from egraph.spaces.grammar import Grammar  # noqa: E402
from egraph.spaces.limited import Limited  # noqa: E402

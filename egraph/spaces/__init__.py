"""Search spaces: valid architectures, and the moves between them.

A space samples, mutates, crosses over, enumerates (where it is finite), parses and prints its own notation,
identifies architectures that are the same trained network (`key`), and builds networks if it can.

To add one: write a subclass of `SearchSpace` in a file of its own here, or of `ChoiceSpace` where
architectures are one option for each of a fixed number of positions; register its operations with
`egraph.operations.register` and the space with `spaces.register`, and import the file below. The conformance
tests in ``tests/spaces/test_conformance.py`` then run on it. `from_builder` makes a space of a function that
builds a PyTorch module. `Limited` restricts any space to the architectures within cost limits, `Fixed` to
those with given answers to some choices, `Rows` to listed ones; each is a `Subspace`. A `Relaxation` is a
space as probabilities of its operations. `read_architecture` reads notations of other programs too.
"""

from egraph.spaces import (
    concat_cell,  # noqa: F401
    convnet,  # noqa: F401
    darts,  # noqa: F401
    deepneat,  # noqa: F401
    grammar,  # noqa: F401
    graphsage,  # noqa: F401
    mnasnet,  # noqa: F401
    nasbench101,  # noqa: F401
    nasbench201,  # noqa: F401
    nasbench_graph,  # noqa: F401
    nasbench_macro,  # noqa: F401
    nash,  # noqa: F401
)
from egraph.spaces._registry import get, names, register
from egraph.spaces.around import VariantSpace, around
from egraph.spaces.base import SearchSpace
from egraph.spaces.builder import BuilderSpace, from_builder
from egraph.spaces.choice_space import ChoiceSpace
from egraph.spaces.finding import find
from egraph.spaces.fixed import Fixed
from egraph.spaces.grammar import Grammar
from egraph.spaces.limited import Limited
from egraph.spaces.notations import read_architecture
from egraph.spaces.relaxation import Derivation, Position, Relaxation
from egraph.spaces.rows import Rows
from egraph.spaces.subspace import Subspace
from egraph.spaces.traced import TracedSpace

__all__ = [
    "BuilderSpace",
    "ChoiceSpace",
    "Derivation",
    "Fixed",
    "Grammar",
    "Limited",
    "Position",
    "Relaxation",
    "Rows",
    "SearchSpace",
    "Subspace",
    "TracedSpace",
    "VariantSpace",
    "around",
    "find",
    "from_builder",
    "get",
    "names",
    "read_architecture",
    "register",
]

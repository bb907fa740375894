"""The cells of NAS-Bench-201, also known as the topology space of NATS-Bench.

A cell has four nodes and one operation on each of the six edges between them; a node is the sum of its
incoming edges. As an `Architecture` each operation is a vertex, so that the graph is that of the six edges:

    vertex      0      1     2     3     4     5     6     7
    operation   input  0->1  0->2  1->2  0->3  1->3  2->3  output

References:
    Dong and Yang, "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search", ICLR 2020,
    https://arxiv.org/abs/2001.00326
"""

from __future__ import annotations

import gzip
import itertools
import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from importlib import resources

from egraph import operations
from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, shorten
from egraph.operations import Operation
from egraph.spaces._checks import check_text, check_value, known_operation
from egraph.spaces._registry import register
from egraph.spaces.base import Builder
from egraph.spaces.choice_space import ChoiceSpace
from egraph.spaces.relaxation import ChoiceRelaxation, Relaxation

__all__ = ["NASBench201"]

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (0, 4), (1, 3), (1, 5), (2, 6), (3, 6), (4, 7), (5, 7), (6, 7))

for _operation in (
    Operation("none", "zero"),
    Operation("skip_connect", "identity"),
    Operation("nor_conv_1x1", "conv", kernel=1),
    Operation("nor_conv_3x3", "conv", kernel=3),
    Operation("avg_pool_3x3", "avg-pool", kernel=3, shareable=True),
):
    operations.register(_operation)


class NASBench201(ChoiceSpace):
    """15,625 cells, which are 5,260 different computations.

    Two cells have the same key if they compute the same: ``none`` is dropped with all that depends on it,
    ``skip_connect`` is spliced into the sums with its multiplicity, and equal pools of one input are shared,
    unlike convolutions. The published classes (``unique_string``, 6,466 of them) ignore sharing and the order
    of summands.
    """

    name = "nasbench201"
    operations = OPERATIONS
    positions = dict.fromkeys(("0->1", "0->2", "1->2", "0->3", "1->3", "2->3"), OPERATIONS)

    def cells(self) -> Iterator[Architecture]:
        """All 15,625 cells, equal networks included; the last edge varies fastest."""
        for ops in itertools.product(OPERATIONS, repeat=6):
            yield _cell(ops)

    def build(self, options: tuple[str, ...]) -> Architecture:
        """The cell with these operations on its six edges."""
        return _cell(options)

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """The cells that differ in one edge, one for each key, without that of the given cell.

        A cell with ``none`` on most edges has few neighbors, since one more operation is then mostly dead. A
        walk over neighbors can get stuck there; a walk by `mutate` can pass through equal networks.
        """
        return super().neighbors(architecture)

    def parse(self, text: str) -> Architecture:
        """Reads the official notation, such as ``|none~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|``.

        Raises:
            ArchitectureError: The text is not of this form, or names an unknown operation.
        """
        if not (match := _CELL.fullmatch(check_text(text, self.name).strip())):
            raise ArchitectureError(
                f"not a NAS-Bench-201 cell: {text[:80]!r}; expected |op~0|+|op~0|op~1|+|op~0|op~1|op~2|"
            )
        return _cell(tuple(known_operation(op, self.name, OPERATIONS) for op in match.groups()))

    def format(self, architecture: Architecture) -> str:
        """Writes the official notation."""
        self.validate(architecture)
        _, e01, e02, e12, e03, e13, e23, _ = architecture.ops
        return f"|{e01}~0|+|{e02}~0|{e12}~1|+|{e03}~0|{e13}~1|{e23}~2|"

    def validate(self, architecture: Architecture) -> None:
        """Checks the operations, and that the graph and its numbering are those of this space.

        Raises:
            ArchitectureError: They are not.
        """
        if (
            isinstance(architecture, Architecture)
            and architecture.edges == EDGES
            and not architecture.disabled
            and len(architecture.ops) == 8
            and _OPERATIONS.issuperset(architecture.ops[1:-1])
        ):
            return
        check_value(architecture, self.name, OPERATIONS)
        if architecture.num_vertices != 8:
            raise ArchitectureError(
                f"a {self.name} cell has 8 vertices (input, six operations, output), "
                f"got {architecture.num_vertices}"
            )
        raise ArchitectureError(
            f"a {self.name} cell has the edges {list(EDGES)}, got {shorten(list(architecture.edges))}; "
            "the operation 'none' takes one away"
        )

    @property
    def builder(self) -> Builder:
        """The benchmark's network of an architecture: see `egraph.networks.build_nasbench201`."""
        from egraph.networks import build_nasbench201

        return Builder(build_nasbench201, {"channels": 16, "cells": 5, "seed": 0})

    def relaxation(self) -> Relaxation:
        """Probabilities of the operations on the six edges: see `egraph.networks.mix_nasbench201`."""
        from egraph.networks import mix_nasbench201

        nodes = {name: name[-1] for name in self.positions}
        return ChoiceRelaxation(self, mix_nasbench201, {"channels": 16, "cells": 5}, nodes)

    def __len__(self) -> int:
        return 5260

    def __iter__(self) -> Iterator[Architecture]:
        """One cell for each key: the first one in the order of `cells`."""
        seen = set()
        for cell in self.cells():
            if (key := _key(cell)) not in seen:
                seen.add(key)
                yield cell

    def _key(self, architecture: Architecture) -> str:
        return _key(architecture)


_OPERATIONS = frozenset(OPERATIONS)
_NUMBERS = {op: number for number, op in enumerate(OPERATIONS)}
_OP = r"([^|~+\s]+)"
_CELL = re.compile(rf"\|{_OP}~0\|\+\|{_OP}~0\|{_OP}~1\|\+\|{_OP}~0\|{_OP}~1\|{_OP}~2\|")


_NOTHING = Architecture(("input", *["none"] * 6, "output"), EDGES)


# Both caches can hold the whole space.
@lru_cache(maxsize=5**6)
def _cell(ops: Sequence[str]) -> Architecture:
    return _NOTHING.relabel(("input", *ops, "output"))


@lru_cache(maxsize=5**6)
def _key(architecture: Architecture) -> str:
    number = 0
    for op in architecture.ops[1:-1]:
        number = len(OPERATIONS) * number + _NUMBERS[op]
    return _keys()[number]


@cache
def _keys() -> list[str]:
    """The keys of all cells, in the order of `cells`: those of the base class, computed in advance.

    A search on a table would otherwise spend most of its time on keys. After a change of
    `egraph.canonical`, ``python tests/spaces/test_nasbench201.py`` writes the file anew.
    """
    packed = resources.files("egraph.spaces").joinpath("nasbench201-keys.gz").read_bytes()
    return gzip.decompress(packed).decode("ascii").split("\n")


register(NASBench201())

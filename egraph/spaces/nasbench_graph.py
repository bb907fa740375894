"""The graph neural networks of NAS-Bench-Graph: four operations that form a tree on the raw input.

An architecture is written as ``0012 gcn,gat,skip,fc``: digit k of the link is the input of node k (0 the raw
input, m node m), followed by the operations of nodes 1 to 4. The nodes that no other node reads are
concatenated to give the output.

References:
    Qin et al., "NAS-Bench-Graph: Benchmarking Graph Neural Architecture Search", NeurIPS 2022 Datasets and
    Benchmarks, https://arxiv.org/abs/2206.09166
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

import numpy as np

from egraph import operations
from egraph.architecture import Architecture
from egraph.canonical import canonical_form, simplify
from egraph.errors import ArchitectureError, shorten
from egraph.operations import Operation
from egraph.spaces._checks import check_text, check_value, known_operation
from egraph.spaces._registry import register
from egraph.spaces.choice_space import ChoiceSpace

__all__ = ["NASBenchGraph"]

OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
LINKS: tuple[tuple[int, ...], ...] = ((0, 0, 0, 0), (0, 0, 0, 1), (0, 0, 1, 1), (0, 0, 1, 2), (0, 0, 1, 3),
         (0, 1, 1, 1), (0, 1, 1, 2), (0, 1, 2, 2), (0, 1, 2, 3))  # fmt: skip

_LINK_OF = {"".join(map(str, link)): link for link in LINKS}

operations.register(Operation("gat", "attention"))
for _name in ("gcn", "gin", "cheb", "sage", "arma", "graph"):
    operations.register(Operation(_name, "graph-conv"))
operations.register(Operation("fc", "linear"))
operations.register(Operation("skip", "identity"))


class NASBenchGraph(ChoiceSpace):
    """26,206 networks, in 59,040 spellings.

    Spellings are the same network if they differ only in the order of branches, or in the position of a
    ``skip`` that passes on its input; a ``skip`` that adds a second copy of a node to the output counts. The
    raw input is never part of the output: a ``skip`` of it that no node reads is dead, and an architecture of
    four skips is invalid. With this rule the published tables have each network once; it was found by
    comparison with them: each of their 26,206 rows has a key of its own, and there is no other key.
    """

    name = "nasbench_graph"
    operations = OPERATIONS
    positions = {"link": tuple(_LINK_OF), **{f"node {node}": OPERATIONS for node in range(1, 5)}}  # noqa: RUF012

    def spellings(self) -> Iterator[Architecture]:
        """All 59,040 pairs of a link and four operations, in the order of the published hash."""
        for link in LINKS:
            for ops in itertools.product(OPERATIONS, repeat=4):
                if ops != _ALL_SKIP:
                    yield _tree(link, ops)

    def build(self, options: tuple[str, ...]) -> Architecture:
        """The architecture of a link and four operations.

        Raises:
            ArchitectureError: They are four skips.
        """
        link, *ops = options
        if (chosen := tuple(ops)) == _ALL_SKIP:
            raise ArchitectureError(f"{self.name} has no architecture of four skips")
        return _tree(_LINK_OF[link], chosen)

    def read(self, architecture: Architecture) -> tuple[str, ...]:
        """The link and the four operations."""
        link, ops = self._parts(architecture)
        return ("".join(map(str, link)), *ops)

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """The architecture with its link, or one of its operations, replaced by another random one.

        Each of the five is chosen with equal probability. The result is always another spelling; it can have
        the same key.
        """
        link, ops = self._parts(architecture)
        while True:
            position, step = divmod(int(rng.integers(40)), 8)
            if position == 4:
                return _tree(LINKS[(LINKS.index(link) + step + 1) % 9], ops)
            op = OPERATIONS[(OPERATIONS.index(ops[position]) + step + 1) % 9]
            changed = (*ops[:position], op, *ops[position + 1 :])
            if changed != _ALL_SKIP:
                return _tree(link, changed)

    def parse(self, text: str) -> Architecture:
        """Reads a link of four digits and four operations, such as ``0012 gcn,gat,skip,fc``.

        Raises:
            ArchitectureError: The text is not of this form, or names an unknown link or operation.
        """
        parts = check_text(text, self.name).split()
        if len(parts) != 2 or len(parts[0]) != 4 or parts[1].count(",") != 3:
            raise ArchitectureError(
                f"not a NAS-Bench-Graph architecture: {text[:80]!r}; "
                "expected a link and four operations, such as '0012 gcn,gat,skip,fc'"
            )
        if (link := _LINK_OF.get(parts[0])) is None:
            raise ArchitectureError(
                f"unknown link {shorten(parts[0])}; {self.name} has {', '.join(_LINK_OF)}"
            )
        ops = tuple(known_operation(op, self.name, OPERATIONS) for op in parts[1].split(","))
        if ops == _ALL_SKIP:
            raise ArchitectureError(f"{text.strip()!r} is four skips; {self.name} has no such architecture")
        return _tree(link, ops)

    def format(self, architecture: Architecture) -> str:
        """Writes the link and the four operations."""
        link, ops = self._parts(architecture)
        return f"{''.join(map(str, link))} {','.join(ops)}"

    def validate(self, architecture: Architecture) -> None:
        """Checks the operations, and that the edges are those of a link.

        Raises:
            ArchitectureError: They are not.
        """
        self._parts(architecture)

    def __len__(self) -> int:
        return 26206

    def __iter__(self) -> Iterator[Architecture]:
        """One spelling for each key, the published one, in the order of the published hash.

        Of all spellings of a network it is the one with the last link, then with the most leading skips, then
        with the first operations.
        """
        for link, digits in _representatives():
            yield _tree(LINKS[link], tuple(OPERATIONS[digit] for digit in digits))

    def _key(self, architecture: Architecture) -> str:
        return _key(architecture)

    def _options(self, architecture: Architecture) -> tuple[str, ...]:
        return self.read(architecture)  # which checks

    def _parts(self, architecture: Architecture) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Link and operations, after checking them."""
        check_value(architecture, self.name, OPERATIONS)
        ops = architecture.ops[1:-1]
        if len(ops) != 4:
            raise ArchitectureError(
                f"a {self.name} architecture has 6 vertices (input, four operations, output), "
                f"got {architecture.num_vertices}"
            )
        if ops == _ALL_SKIP:
            raise ArchitectureError(f"{self.name} has no architecture of four skips")
        for link in LINKS:
            if architecture.edges == _edges(link, ops):
                return link, ops
        raise ArchitectureError(
            f"the edges {shorten(list(architecture.edges))} are of no {self.name} link; "
            "each node reads the input or one earlier node, and those that feed none feed the output"
        )


_ALL_SKIP = ("skip",) * 4
_SKIP = OPERATIONS.index("skip")


@lru_cache(maxsize=9 * 2**4)
def _wiring(link: tuple[int, ...], skips: tuple[bool, ...]) -> tuple[tuple[int, int], ...]:
    raw = [True]  # whether a vertex is only the raw input
    for source, skip in zip(link, skips, strict=True):
        raw.append(skip and raw[source])
    to_output = [(node, 5) for node in range(1, 5) if node not in link and not raw[node]]
    return tuple(sorted([(source, node) for node, source in enumerate(link, start=1)] + to_output))


def _edges(link: tuple[int, ...], ops: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    return _wiring(link, tuple(op == "skip" for op in ops))


# Both caches can hold the whole space.
@lru_cache(maxsize=9**5)
def _tree(link: tuple[int, ...], ops: tuple[str, ...]) -> Architecture:
    return Architecture(("input", *ops, "output"), _edges(link, ops))


@lru_cache(maxsize=9**5)
def _key(architecture: Architecture) -> str:
    return canonical_form(simplify(architecture))


@cache
def _representatives() -> tuple[tuple[int, tuple[int, ...]], ...]:
    """The published spelling of each network: the number of the link and those of the operations."""

    def front_skips(digits: tuple[int, ...]) -> int:
        return next((position for position, digit in enumerate(digits) if digit != _SKIP), 4)

    spellings = [(link, digits) for link in range(9) for digits in itertools.product(range(9), repeat=4)]
    spellings.sort(key=lambda spelling: (-spelling[0], -front_skips(spelling[1]), spelling[1]))
    first: dict[tuple[object, ...], tuple[int, tuple[int, ...]]] = {}
    for link, digits in spellings:
        if front_skips(digits) < 4:
            first.setdefault(_branches(LINKS[link], digits), (link, digits))
    return tuple(sorted(first.values()))


def _branches(link: tuple[int, ...], digits: tuple[int, ...]) -> tuple[object, ...]:
    """The network as nested sorted tuples: equal if, and only if, keys are equal, and ten times as fast.

    A node is its operation and the nodes that read it; the empty tuple is a copy in the output.
    """
    readers: list[list[tuple[Any, ...]]] = [[] for _ in range(5)]
    for node in (4, 3, 2, 1):
        digit, found = digits[node - 1], readers[node]
        if digit == _SKIP:
            readers[link[node - 1]] += found or [()]
        else:  # a single skip to the output is the same as no reader
            readers[link[node - 1]].append((digit, *sorted(found)) if found != [()] else (digit,))
    return tuple(sorted(branch for branch in readers[0] if branch))


register(NASBenchGraph())

"""A search space of listed architectures, such as the rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, UsageError
from egraph.spaces.base import Fixer, SearchSpace
from egraph.spaces.subspace import Subspace

__all__ = ["Rows"]

_NEAR = 8  # smallest number of neighbors of an architecture


class Rows(Subspace):
    """The listed architectures of another space, for searches that must not leave them.

    If a table has a sample of a space, nearly every mutation leads to an architecture without a measurement.
    Here the neighbors of a row are the nearest rows by edit distance: the number of vertices and edges that
    differ, numbered as in the list. A mutant is a random neighbor. Children, weighted mutants, and
    architectures that are decoded or built by steps are replaced by the nearest row if they are none.

    All capabilities of the whole space are passed on: encoding, networks, morphisms, episodes, crossovers and
    weighted mutation. `egraph.datasets.Table.search_space` makes this space of a table.

    Args:
        whole: The whole space.
        architectures: Architectures of the whole space; of those with the same key, the first counts.
        name: Name of the list, such as that of the table.

    Raises:
        UsageError: There is no architecture.
        ArchitectureError: An architecture does not belong to the whole space.
    """

    def __init__(self, whole: SearchSpace, architectures: Sequence[Architecture], name: str) -> None:
        if not architectures:
            raise UsageError(f"{name} lists no architecture to search among")
        super().__init__(whole, f"{whole.name}, rows of {name}")
        self._numbers: dict[str, int] = {}
        self._architectures: list[Architecture] = []
        for architecture in architectures:
            if (key := whole.key(architecture)) not in self._numbers:
                self._numbers[key] = len(self._architectures)
                self._architectures.append(architecture)
        self._vertices = max(a.num_vertices for a in self._architectures)
        ops = dict.fromkeys([*self.operations, *(op for a in self._architectures for op in a.ops)])
        self._ops = {op: number for number, op in enumerate(ops, 1)}
        self._vectors = np.array([self._write(a) for a in self._architectures])  # (rows, positions)
        self._near: dict[int, NDArray[np.int64]] = {}

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A uniform random row."""
        return self._architectures[int(rng.integers(len(self._architectures)))]

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """A random neighbor; the only row has none and is returned itself."""
        near = self._find_near(self._find(architecture))
        return self._architectures[int(rng.choice(near))] if len(near) else architecture

    def mutate_weighted(
        self, architecture: Architecture, rng: np.random.Generator, *, odds: Sequence[float], size: float
    ) -> Architecture:
        """The row nearest to a weighted mutant, other than the given one."""
        mutant = self.whole.mutate_weighted(architecture, rng, odds=odds, size=size)
        return self._replace(mutant, self._numbers.get(self.whole.key(architecture)))

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """The rows within the smallest edit distance that gives eight or more."""
        return [self._architectures[row] for row in self._find_near(self._find(architecture))]

    def check(self, architecture: Architecture) -> None:
        """Checks that an architecture is listed.

        Raises:
            ArchitectureError: It is not.
        """
        self._find(architecture)

    def fixer(self, answers: Mapping[str, Any]) -> Fixer:
        """Refuses: the nearest row need not have the answers.

        Raises:
            UsageError: Always.
        """
        raise UsageError(f"choices of the listed architectures of {self.name!r} cannot be fixed; list fewer")

    def __len__(self) -> int:
        return len(self._architectures)

    def __iter__(self) -> Iterator[Architecture]:
        return iter(self._architectures)

    def _draw(
        self, parent: Architecture, draw: Callable[[], Architecture], rng: np.random.Generator
    ) -> Architecture:
        return self._replace(draw())

    def _settle(self, architecture: Architecture) -> Architecture:
        return self._replace(architecture)

    def _find(self, architecture: Architecture) -> int:
        number = self._numbers.get(self.whole.key(architecture))
        if number is None:
            raise ArchitectureError(f"{self.whole.format(architecture)} is not in the space {self.name!r}")
        return number

    def _replace(self, architecture: Architecture, excluded: int | None = None) -> Architecture:
        """The architecture if it is a row, else the nearest row; never that with an excluded number."""
        number = self._numbers.get(self.whole.key(architecture))
        if number is not None and number != excluded:
            return architecture
        edits = self._measure(self._write(architecture))
        if excluded is not None:
            edits[excluded] = edits.max() + 1
        return self._architectures[int(edits.argmin())]

    def _find_near(self, row: int) -> NDArray[np.int64]:
        if row not in self._near:
            most = min(_NEAR, len(self._architectures) - 1)
            edits = self._measure(self._vectors[row])
            edits[row] = edits.max() + 1
            reach = np.partition(edits, most - 1)[most - 1] if most else -1
            self._near[row] = np.flatnonzero(edits <= reach)
        return self._near[row]

    def _measure(self, vector: NDArray[np.int16]) -> NDArray[np.int64]:
        """Edit distance to each row, ``(rows,)``."""
        return np.count_nonzero(self._vectors != vector, axis=1)

    def _write(self, architecture: Architecture) -> NDArray[np.int16]:
        """Operations of the interior vertices and the adjacency, ``(positions,)``; the output is last.

        Vertices beyond those of any row are left out: they add the same distance to every row.
        """
        last, size = architecture.num_vertices - 1, self._vertices
        position = {v: v for v in range(min(last, size - 1))} | {last: size - 1}
        ops = np.zeros(size, dtype=np.int16)
        edges = np.zeros((size, size), dtype=np.int16)
        for vertex, op in enumerate(architecture.ops[1:-1], 1):
            if vertex in position:
                ops[vertex] = self._ops.get(op, -1)
        for i, j in architecture.edges:
            if i in position and j in position:
                edges[position[i], position[j]] = 1
        return np.concatenate([ops, edges.ravel()])

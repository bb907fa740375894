"""A table that holds a part of its space, as a search space of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.datasets import Table
from egraph.errors import ArchitectureError
from egraph.spaces import SearchSpace

if TYPE_CHECKING:
    import torch

__all__ = ["RowSpace"]

_NEAR = 8  # neighbours that each architecture has at least


class RowSpace(SearchSpace):
    """The architectures of a table, for searches that must not leave it.

    Nearly every mutation in a sampled space leads to an architecture that nobody measured. Here neighbours
    are the rows nearest by edits instead: as many vertices and edges as must be changed, both numbered as in
    the table. What the whole space makes of two parents, or decodes, is replaced by the row nearest to it.

    Args:
        table: whose architectures these are.
    """

    def __init__(self, table: Table) -> None:
        distinct = table.distinct()
        self.whole = table.space
        self.name = f"{self.whole.name}, rows of {table.name}"
        self.operations = self.whole.operations
        self._architectures = distinct.architectures
        self._numbers = {key: number for number, key in enumerate(distinct.keys)}
        self._vertices = max(a.num_vertices for a in self._architectures)
        self._ops = {op: number for number, op in enumerate(self.operations, 1)}
        self._vectors = np.array([self._write(a) for a in self._architectures])  # (rows, places)
        self._near: dict[int, NDArray[np.int64]] = {}

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A random row; each is as likely."""
        return self._architectures[int(rng.integers(len(self._architectures)))]

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """A random neighbour."""
        return self._architectures[int(rng.choice(self._find_near(self._find(architecture))))]

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """The row nearest to a child of the whole space."""
        self.validate(a)
        self.validate(b)
        return self._replace(self.whole.crossover(a, b, rng))

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """The rows up to the smallest number of edits at which there are eight or more."""
        return [self._architectures[row] for row in self._find_near(self._find(architecture))]

    def parse(self, text: str) -> Architecture:
        """As the whole space reads it.

        Raises:
            ArchitectureError: the text does not describe an architecture of the table.
        """
        architecture = self.whole.parse(text)
        self.validate(architecture)
        return architecture

    def format(self, architecture: Architecture) -> str:
        """As the whole space writes it."""
        return self.whole.format(architecture)

    def validate(self, architecture: Architecture) -> None:
        """Checks that the table has it.

        Raises:
            ArchitectureError: it has not.
        """
        self._find(architecture)

    def key(self, architecture: Architecture) -> str:
        """As in the whole space.

        Raises:
            ArchitectureError: the table has no such architecture.
        """
        key = self.whole.key(architecture)
        if key not in self._numbers:
            raise ArchitectureError(f"no row of the table is {self.whole.format(architecture)}")
        return key

    @property
    def choices(self) -> tuple[int, ...]:
        """As in the whole space."""
        return self.whole.choices

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """As in the whole space."""
        self.validate(architecture)
        return self.whole.encode(architecture)

    def decode(self, options: Sequence[int]) -> Architecture:
        """The row nearest to what the whole space decodes."""
        return self._replace(self.whole.decode(options))

    def network(
        self,
        architecture: Architecture,
        input_shape: tuple[int, int, int] = (3, 32, 32),
        num_classes: int = 10,
        **options: Any,
    ) -> torch.nn.Module:
        """As the whole space builds it."""
        return self.whole.network(architecture, input_shape, num_classes, **options)

    def __len__(self) -> int:
        return len(self._architectures)

    def __iter__(self) -> Iterator[Architecture]:
        return iter(self._architectures)

    def _find(self, architecture: Architecture) -> int:
        return self._numbers[self.key(architecture)]

    def _replace(self, architecture: Architecture) -> Architecture:
        if self.whole.key(architecture) in self._numbers:
            return architecture
        return self._architectures[int(self._measure(self._write(architecture)).argmin())]

    def _find_near(self, row: int) -> NDArray[np.int64]:
        if row not in self._near:
            edits = self._measure(self._vectors[row])
            edits[row] = edits.max() + 1
            farthest = np.partition(edits, min(_NEAR, len(edits) - 1) - 1)[: min(_NEAR, len(edits) - 1)]
            self._near[row] = np.flatnonzero(edits <= farthest.max())
        return self._near[row]

    def _measure(self, vector: NDArray[np.int8]) -> NDArray[np.int64]:
        """How many edits lie between this and each row, ``(rows,)``."""
        return np.count_nonzero(self._vectors != vector, axis=1)

    def _write(self, architecture: Architecture) -> NDArray[np.int8]:
        """Operations of the interior vertices and the adjacency, ``(places,)``, the output in the last place.

        Vertices that no row has are left out: they are as far from each.
        """
        last, size = architecture.num_vertices - 1, self._vertices
        places = {v: v for v in range(min(last, size - 1))} | {last: size - 1}
        ops = np.zeros(size, dtype=np.int8)
        edges = np.zeros((size, size), dtype=np.int8)
        for vertex, op in enumerate(architecture.ops[1:-1], 1):
            if vertex in places:
                ops[vertex] = self._ops[op]
        for i, j in architecture.edges:
            if i in places and j in places:
                edges[places[i], places[j]] = 1
        return np.concatenate([ops, edges.ravel()])

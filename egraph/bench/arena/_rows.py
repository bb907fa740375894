"""The rows of a table as a search space."""

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

_NEAR = 8  # smallest number of neighbors of an architecture


class RowSpace(SearchSpace):
    """The architectures of a table, for searches that must not leave it.

    If a table has a sample of a space, nearly every mutation leads to an architecture without a measurement.
    Here the neighbors of a row are the nearest rows by edit distance: the number of vertices and edges that
    differ, numbered as in the table. Children and decoded architectures of the whole space are replaced by
    the nearest row.

    Args:
        table: Table of the architectures.
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
        self._vectors = np.array([self._write(a) for a in self._architectures])  # (rows, positions)
        self._near: dict[int, NDArray[np.int64]] = {}

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A uniform random row."""
        return self._architectures[int(rng.integers(len(self._architectures)))]

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """A random neighbor."""
        return self._architectures[int(rng.choice(self._find_near(self._find(architecture))))]

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """The row nearest to a child of the whole space."""
        self.validate(a)
        self.validate(b)
        return self._replace(self.whole.crossover(a, b, rng))

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """The rows within the smallest edit distance that gives eight or more."""
        return [self._architectures[row] for row in self._find_near(self._find(architecture))]

    def parse(self, text: str) -> Architecture:
        """Reads the notation of the whole space.

        Raises:
            ArchitectureError: The text does not describe an architecture of the table.
        """
        architecture = self.whole.parse(text)
        self.validate(architecture)
        return architecture

    def format(self, architecture: Architecture) -> str:
        """Writes the notation of the whole space."""
        return self.whole.format(architecture)

    def validate(self, architecture: Architecture) -> None:
        """Checks that the table has the architecture.

        Raises:
            ArchitectureError: It does not.
        """
        self._find(architecture)

    def key(self, architecture: Architecture) -> str:
        """The key of the whole space.

        Raises:
            ArchitectureError: The table does not have the architecture.
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
        """The row nearest to the architecture that the whole space decodes."""
        return self._replace(self.whole.decode(options))

    def network(
        self,
        architecture: Architecture,
        input_shape: tuple[int, int, int] = (3, 32, 32),
        num_classes: int = 10,
        **options: Any,
    ) -> torch.nn.Module:
        """Builds the network of the whole space."""
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
        """Edit distance to each row, ``(rows,)``."""
        return np.count_nonzero(self._vectors != vector, axis=1)

    def _write(self, architecture: Architecture) -> NDArray[np.int8]:
        """Operations of the interior vertices and the adjacency, ``(positions,)``; the output is last.

        Vertices beyond those of any row are left out: they add the same distance to every row.
        """
        last, size = architecture.num_vertices - 1, self._vertices
        position = {v: v for v in range(min(last, size - 1))} | {last: size - 1}
        ops = np.zeros(size, dtype=np.int8)
        edges = np.zeros((size, size), dtype=np.int8)
        for vertex, op in enumerate(architecture.ops[1:-1], 1):
            if vertex in position:
                ops[vertex] = self._ops[op]
        for i, j in architecture.edges:
            if i in position and j in position:
                edges[position[i], position[j]] = 1
        return np.concatenate([ops, edges.ravel()])

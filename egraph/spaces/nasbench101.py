"""The cells of NAS-Bench-101: convolution cells with at most seven vertices and nine edges.

A cell is written as the rows of its adjacency matrix and the operations of its interior vertices:
``010/001/000 conv3x3-bn-relu`` is input -> conv3x3-bn-relu -> output.

References:
    Ying et al., "NAS-Bench-101: Towards Reproducible Neural Architecture Search", ICML 2019,
    https://arxiv.org/abs/1902.09635
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from egraph import operations
from egraph.architecture import Architecture
from egraph.canonical import live_vertices
from egraph.errors import ArchitectureError, UsageError
from egraph.operations import Operation
from egraph.spaces._cell_enumeration import enumerate_cells, pair_bit
from egraph.spaces._cell_episodes import CellEpisodes
from egraph.spaces._checks import check_text, check_value, known_operation, read_options
from egraph.spaces._module_hash import module_hash, wiring
from egraph.spaces._positions import decode_graph, encode_graph, graph_choices, pairs
from egraph.spaces._registry import register
from egraph.spaces.base import Builder, SearchSpace
from egraph.spaces.episodes import Episodes

__all__ = ["NASBench101"]

OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")

for _operation in (
    Operation("conv3x3-bn-relu", "conv", kernel=3),
    Operation("conv1x1-bn-relu", "conv", kernel=1),
    Operation("maxpool3x3", "max-pool", kernel=3),
):
    operations.register(_operation)

Edges = tuple[tuple[int, int], ...]


class NASBench101(SearchSpace):
    """423,624 cells; the key is the published module hash.

    A vertex on no path from input to output is dead: it is not part of the network and does not count for the
    bounds on vertices and edges. A cell without such a path is invalid. All cells that the space makes have
    no dead vertices and are numbered topologically.

    Args:
        max_vertices: Largest number of vertices, input and output included.
        max_edges: Largest number of edges. Bounds other than the published ones are part of the name.

    Raises:
        UsageError: The bounds allow at most one cell.
    """

    operations = OPERATIONS

    def __init__(self, max_vertices: int = 7, max_edges: int = 9) -> None:
        if max_vertices < 3 or max_edges < 2:
            raise UsageError(
                f"a space of cells needs at least 3 vertices and 2 edges, got {max_vertices} and {max_edges}"
            )
        self.max_vertices, self.max_edges = max_vertices, max_edges
        self.name = "nasbench101"
        if (max_vertices, max_edges) != (7, 9):
            self.name += f"-{max_vertices}v{max_edges}e"

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A random cell, drawn as is usual for this benchmark.

        Each possible edge between the full number of vertices is present with probability one half, and
        operations are uniform. Invalid cells are drawn again, dead vertices are removed. The distribution is
        far from uniform over the keys: most graphs of seven vertices have too many edges, so small cells
        prevail, and about one draw in ten is the cell without any operation.
        """
        n = self.max_vertices
        while True:
            present = rng.integers(2, size=n * (n - 1) // 2).tolist()
            labels = rng.integers(len(OPERATIONS), size=n - 2).tolist()
            edges = [pair for pair, there in zip(pairs(n), present, strict=True) if there]
            if cell := self._cell(_names(labels), edges):
                return cell

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """A cell with another key, by the mutation of the published evolution.

        The cell is padded to the full number of vertices with dead ones of random operation and position.
        Then each possible edge is flipped with probability one over the number of vertices, each operation is
        replaced with probability one over the number of interior vertices, and dead vertices are removed.
        Invalid cells, and those with the key of the given cell, are drawn again. Every cell can be reached
        from every other in one step.
        """
        key = self.key(architecture)
        n = self.max_vertices
        while True:
            labels, present = self._genome(architecture, rng)
            flips = (rng.random(len(present)) < 1 / n).tolist()
            shifts = (rng.random(n - 2) < 1 / max(n - 2, 1)) * rng.integers(1, len(OPERATIONS), size=n - 2)
            edges = [
                pair for pair, there, flip in zip(pairs(n), present, flips, strict=True) if there != flip
            ]
            moved = [(x + s) % len(OPERATIONS) for x, s in zip(labels, shifts.tolist(), strict=True)]
            if (cell := self._cell(_names(moved), edges)) and self.key(cell) != key:
                return cell

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """A cell that takes each edge and each operation from one of its parents, with equal probability.

        Both are padded to the full number of vertices as in `mutate`; invalid cells are drawn again.
        """
        self.validate(a)
        self.validate(b)
        n = self.max_vertices
        while True:
            (labels_a, present_a), (labels_b, present_b) = self._genome(a, rng), self._genome(b, rng)
            mask = rng.integers(2, size=len(present_a) + n - 2).tolist()
            present = [y if m else x for x, y, m in zip(present_a, present_b, mask[n - 2 :], strict=True)]
            labels = [y if m else x for x, y, m in zip(labels_a, labels_b, mask[: n - 2], strict=True)]
            edges = [pair for pair, there in zip(pairs(n), present, strict=True) if there]
            if cell := self._cell(_names(labels), edges):
                return cell

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """The cells one edit away, one for each key.

        An edit replaces an operation, removes an edge (and vertices that are dead then), adds an edge that
        closes no cycle, or adds a vertex with one edge in and one out.
        """
        ops, edges = self._prune(architecture)
        n = len(ops)
        edits: list[tuple[Sequence[str], list[tuple[int, int]]]] = []
        for vertex in range(1, n - 1):
            edits += [((*ops[:vertex], op, *ops[vertex + 1 :]), list(edges)) for op in OPERATIONS]
        edits += [(ops, [e for e in edges if e != edge]) for edge in edges]
        reach = _reachability(n, edges)
        joinable = [(i, j) for i in range(n - 1) for j in range(1, n) if i != j and not reach[j, i]]
        edits += [(ops, [*edges, pair]) for pair in joinable if pair not in edges]
        if n < self.max_vertices:
            moved = [(i, n if j == n - 1 else j) for i, j in edges]  # the new vertex is n - 1
            for (i, j), op in itertools.product(joinable, OPERATIONS):
                edits.append(
                    ((*ops[:-1], op, ops[-1]), [*moved, (i, n - 1), (n - 1, n if j == n - 1 else j)])
                )
        seen = {self.key(architecture)}
        found = []
        for new_ops, new_edges in edits:
            cell = self._cell(new_ops, new_edges)
            if cell and (key := self.key(cell)) not in seen:
                seen.add(key)
                found.append(cell)
        return found

    def parse(self, text: str) -> Architecture:
        """Reads rows of the adjacency matrix and interior operations, such as ``010/001/000 maxpool3x3``.

        Raises:
            ArchitectureError: The text is not of this form, or describes no cell of this space.
        """
        rows, *names = check_text(text, self.name).split() or [""]
        matrix = [[int(x) for x in row] if set(row) <= {"0", "1"} else [] for row in rows.split("/")]
        if len(names) > 1 or len(matrix) < 2 or any(len(row) != len(matrix) for row in matrix):
            raise ArchitectureError(
                f"not a NAS-Bench-101 cell: {text[:80]!r}; expected rows of 0 and 1 and the "
                "operations between input and output, such as '010/001/000 maxpool3x3'"
            )
        ops = [known_operation(op, self.name, OPERATIONS) for op in names[0].split(",")] if names else []
        return self.from_matrix(matrix, ["input", *ops, "output"])

    def format(self, architecture: Architecture) -> str:
        """Writes the adjacency matrix and the interior operations, in the architecture's own numbering."""
        self.validate(architecture)
        rows = "/".join("".join(str(entry) for entry in row) for row in self.to_matrix(architecture).tolist())
        return f"{rows} {','.join(architecture.ops[1:-1])}".rstrip()

    def from_matrix(self, matrix: ArrayLike, ops: Sequence[str]) -> Architecture:
        """The cell of an adjacency matrix and operations, as in the published files and API.

        Args:
            matrix: ``(vertices, vertices)`` of 0 and 1; entry ``[i, j]`` is the edge ``i -> j``.
            ops: ``input``, the operations, ``output``.

        Raises:
            ArchitectureError: Matrix and operations do not fit, or the cell is not of this space.
        """
        try:
            entries = np.asarray(matrix)
        except ValueError:
            raise ArchitectureError(
                "the rows of an adjacency matrix must be equally long lists of numbers"
            ) from None
        if entries.shape != (len(ops), len(ops)):
            raise ArchitectureError(
                f"{len(ops)} operations need a square matrix of that size, got shape {entries.shape}"
            )
        if not np.isin(entries, (0, 1)).all():
            raise ArchitectureError("an adjacency matrix consists of 0 and 1, got other entries")
        architecture = Architecture(ops, np.argwhere(entries).tolist())
        self.validate(architecture)
        return architecture

    def to_matrix(self, architecture: Architecture) -> NDArray[np.int8]:
        """The adjacency matrix, ``(vertices, vertices)``, in the architecture's own numbering."""
        matrix = np.zeros((architecture.num_vertices,) * 2, dtype=np.int8)
        for edge in architecture.edges:
            matrix[edge] = 1
        return matrix

    def validate(self, architecture: Architecture) -> None:
        """Checks operations, bounds, and that a path leads from input to output.

        Raises:
            ArchitectureError: A check fails.
        """
        self._check(architecture)

    def key(self, architecture: Architecture) -> str:
        """The published module hash: 32 hexadecimal digits that are the same for isomorphic cells.

        Raises:
            ArchitectureError: The architecture does not belong to this space.
        """
        vertices, edges = self._check(architecture)
        ops = architecture.ops
        return _hash(tuple([ops[vertex] for vertex in vertices]), edges)

    @property
    def choices(self) -> tuple[int, ...]:
        """Absence or presence of each possible edge, then the operations of the interior vertices."""
        return graph_choices(self.max_vertices, len(OPERATIONS))

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """The cell without dead vertices; a smaller one has the first vertices and the last."""
        self.validate(architecture)
        return encode_graph(architecture, OPERATIONS, self.max_vertices)

    def decode(self, options: Sequence[int]) -> Architecture:
        """The cell without dead vertices.

        Raises:
            ArchitectureError: No path leads from input to output, or there are too many edges.
        """
        read = read_options(options, self.choices, self.name)
        cell = decode_graph(read, OPERATIONS, self.max_vertices)
        self.validate(cell)
        return cell

    def episodes(self) -> Episodes:
        """Cells grow vertex by vertex: see `egraph.spaces._cell_episodes.CellEpisodes`."""
        return CellEpisodes(OPERATIONS, self.max_vertices, self.validate)

    @property
    def builder(self) -> Builder:
        """The benchmark's network of an architecture: see `egraph.networks.build_nasbench101`."""
        from egraph.networks import build_nasbench101

        return Builder(build_nasbench101, {"channels": 128, "cells": 3, "seed": 0})

    def __len__(self) -> int:
        if self.name == "nasbench101":
            return 423_624
        return sum(len(labels) for _, _, labels in self._classes())

    def __iter__(self) -> Iterator[Architecture]:
        """One cell for each key, in the published order and numbering.

        Of all numberings of a cell it is the one with the smallest adjacency, then with the first operations.
        """
        for n, adjacency, labelings in self._classes():
            edges = [(i, j) for i, j in pairs(n) if adjacency >> pair_bit(i, j) & 1]
            for labels in labelings.tolist():
                yield Architecture(_names(labels), edges)

    def _classes(self) -> Iterator[tuple[int, int, NDArray[np.int8]]]:
        for n in range(2, self.max_vertices + 1):
            for adjacency, labels in enumerate_cells(n, self.max_edges, len(OPERATIONS)):
                yield n, adjacency, labels

    def _check(self, architecture: Architecture) -> tuple[tuple[int, ...], Edges]:
        """Validates; returns the live vertices and, with these numbered in their order, the live edges."""
        if (
            not isinstance(architecture, Architecture)
            or architecture.disabled
            or not _OPERATIONS.issuperset(architecture.ops[1:-1])
        ):
            check_value(architecture, self.name, OPERATIONS)
        find = _live if len(architecture.ops) <= _CACHED else _find_live
        vertices, edges = find(len(architecture.ops), architecture.edges)
        if not edges:
            raise ArchitectureError(
                f"no path leads from input to output, so this is not a {self.name} cell; add an edge"
            )
        if len(vertices) > self.max_vertices:
            raise ArchitectureError(
                f"a {self.name} cell has at most {self.max_vertices} vertices, got {len(vertices)}"
            )
        if len(edges) > self.max_edges:
            raise ArchitectureError(
                f"a {self.name} cell has at most {self.max_edges} edges, got {len(edges)}"
            )
        return vertices, edges

    def _prune(self, architecture: Architecture) -> tuple[tuple[str, ...], Edges]:
        """Operations and edges of the live part, numbered topologically."""
        vertices, edges = self._check(architecture)
        return tuple(architecture.ops[vertex] for vertex in vertices), edges

    def _cell(self, ops: Sequence[str], edges: Iterable[tuple[int, int]]) -> Architecture | None:
        """The live part of a graph of known operations; None if it is not of this space."""
        vertices, kept = _find_live(len(ops), tuple(edges))
        if kept and len(vertices) <= self.max_vertices and len(kept) <= self.max_edges:
            return Architecture([ops[vertex] for vertex in vertices], kept)
        return None

    def _genome(self, architecture: Architecture, rng: np.random.Generator) -> tuple[list[int], list[bool]]:
        """Labels of the interior vertices and presence of each of `pairs`, padded with dead vertices."""
        ops, edges = self._prune(architecture)
        n = self.max_vertices
        labels = rng.integers(len(OPERATIONS), size=n - 2).tolist()
        positions = [0, *sorted((rng.permutation(n - 2)[: len(ops) - 2] + 1).tolist()), n - 1]
        for op, position in zip(ops[1:-1], positions[1:-1], strict=True):
            labels[position - 1] = OPERATIONS.index(op)
        there = {(positions[i], positions[j]) for i, j in edges}
        return labels, [pair in there for pair in pairs(n)]


_OPERATIONS = frozenset(OPERATIONS)
_LABELS = {"input": -1, "output": -2} | {op: label for label, op in enumerate(OPERATIONS)}


def _find_live(num_vertices: int, edges: Edges) -> tuple[tuple[int, ...], Edges]:
    vertices = live_vertices(num_vertices, edges)
    position = {vertex: number for number, vertex in enumerate(vertices)}
    return tuple(vertices), tuple(
        sorted([(position[i], position[j]) for i, j in edges if i in position and j in position])
    )


# The same cells occur again and again in a search; the bounds keep each cache at a few megabytes.
_CACHED = 64  # vertices, dead ones included
_live = lru_cache(maxsize=2**13)(_find_live)
_wiring = lru_cache(maxsize=2**13)(wiring)


@lru_cache(maxsize=2**13)
def _hash(ops: tuple[str, ...], edges: Edges) -> str:
    return module_hash(_wiring(len(ops), edges), [_LABELS[op] for op in ops])


def _names(labels: Iterable[int]) -> list[str]:
    return ["input", *[OPERATIONS[label] for label in labels], "output"]


def _reachability(num_vertices: int, edges: Edges) -> NDArray[np.bool_]:
    """Whether a path leads from one vertex of a topologically numbered graph to another."""
    reach = np.eye(num_vertices, dtype=bool)
    for i, j in sorted(edges, reverse=True):
        reach[i] |= reach[j]
    return reach


register(NASBench101())

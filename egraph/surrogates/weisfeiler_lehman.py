"""Subtrees of graphs by Weisfeiler and Lehman: two labellings, their counts, distances and kernels.

`colours` labels all vertices of many graphs at once by hashes of 64 bits, and reads edges one way, from the
input: two vertices share a label if they compute the same. `count_subtrees` labels one graph by digests and
reads edges both ways, so that a label also says how a result is used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from egraph.architecture import Architecture
from egraph.canonical import simplify
from egraph.encoding import Vocabulary
from egraph.encoding.simplification import simplify_many

__all__ = ["ColourHistograms", "SubtreeCounts", "colours", "count_subtrees"]

Floats = NDArray[np.float64]


def colours(graphs: Sequence[Architecture], vocabulary: Vocabulary, rounds: int) -> list[NDArray[np.uint64]]:
    """The colour of each vertex after 0, 1, ... rounds, each ``(graphs, vertices)``; 0 where padded.

    Colours are hashes of 64 bits. They do not depend on the other graphs of the batch, and two different
    subtrees collide with a probability of about 5e-20. Colours of different rounds differ.

    Raises:
        ArchitectureError: An operation is unknown.
    """
    batch = simplify_many(graphs, vocabulary.describe)
    there = batch.codes >= 0
    seeds = [int.from_bytes(hashlib.blake2b(n.encode(), digest_size=8).digest()) for n in batch.names]
    colour = np.array([*seeds, 0], np.uint64)[batch.codes] * there
    times = np.minimum(batch.counts, 2.0**62).astype(np.uint64)
    levels = [colour]
    for _ in range(rounds):
        read = np.zeros_like(colour)
        for vertex in range(colour.shape[1]):
            read[:, vertex] = (times[:, :, vertex] * _scramble(colour)).sum(axis=1)
        colour = _scramble(colour + _scramble(read)) * there
        levels.append(colour)
    return levels


class ColourHistograms:
    """Histograms of colours, and their normalised kernel with the training data.

    Args:
        colour: Colours of the training data's vertices in all rounds, ``(training, vertices x rounds)``;
            0 for none.
    """

    def __init__(self, colour: NDArray[np.uint64]) -> None:
        self._known = np.setdiff1d(colour, np.zeros(1, np.uint64))
        self._training = self._normalised(colour)

    def kernel(self, colour: NDArray[np.uint64]) -> Floats:
        """Normalised kernel between graphs and the training data.

        Args:
            colour: Colours of the graphs' vertices in all rounds, ``(graphs, any)``; 0 for none.

        Returns:
            ``(graphs, training)``, between 0 and 1.
        """
        return (self._normalised(colour) @ self._training.T).toarray()

    def _normalised(self, colour: NDArray[np.uint64]) -> sparse.csr_array:
        graphs, width = colour.shape
        ordered = np.sort(colour, axis=1)
        first = np.ones(ordered.shape, dtype=bool)
        first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        starts = np.flatnonzero(first)
        counts = np.diff(np.append(starts, graphs * width)).astype(np.float64)
        rows, values = starts // width, ordered.ravel()[starts]
        there = values != 0
        rows, values, counts = rows[there], values[there], counts[there]
        # Colours that the training data lacks still count for the norm of a graph.
        length = np.sqrt(np.bincount(rows, counts**2, minlength=graphs))
        column = np.searchsorted(self._known, values)
        known = self._known[np.minimum(column, len(self._known) - 1)] == values
        rows, column, counts = rows[known], column[known], counts[known]
        return sparse.csr_array((counts / length[rows], (rows, column)), shape=(graphs, len(self._known)))


class SubtreeCounts:
    """Counts of the subtrees that the training data has, and distances between them.

    Args:
        architectures: The training data.
    """

    def __init__(self, architectures: Sequence[Architecture]) -> None:
        self._column: dict[str, int] = {}
        for architecture in architectures:
            for subtree in count_subtrees(architecture):
                self._column.setdefault(subtree, len(self._column))
        self._known, self._squares = self._count(architectures)

    def distances(self, architectures: Sequence[Architecture] | None = None) -> Floats:
        """Euclidean distances to the training data, ``(architectures, training)``; None takes that itself."""
        if architectures is None:
            known, squares = self._known, self._squares
        else:
            known, squares = self._count(architectures)
        products = (known @ self._known.T).toarray()
        return np.sqrt(np.maximum(squares[:, None] + self._squares - 2 * products, 0.0))

    def _count(self, architectures: Sequence[Architecture]) -> tuple[sparse.csr_array, Floats]:
        """Counts, ``(architectures, known subtrees)``, and squared norms that include unknown subtrees."""
        counts = [count_subtrees(architecture) for architecture in architectures]
        known = [
            (row, self._column[subtree], count)
            for row, one in enumerate(counts)
            for subtree, count in one.items()
            if subtree in self._column
        ]
        rows, columns, values = np.array(known, dtype=np.int64).reshape(-1, 3).T
        shape = (len(counts), len(self._column))
        return (
            sparse.csr_array((values.astype(np.float64), (rows, columns)), shape=shape),
            np.array([sum(count**2 for count in one.values()) for one in counts], dtype=np.float64),
        )


@lru_cache(maxsize=2**12)  # a searcher fits the same few architectures again after every result
def count_subtrees(architecture: Architecture, depth: int = 2) -> Mapping[str, int]:
    """Counts of the subtrees of the simplified graph up to a depth, by Weisfeiler and Lehman.

    The first label of a vertex is its operation. Each round makes a new label from the vertex's own and those
    of its predecessors and successors, with multiplicity. Architectures of one key have equal counts.
    """
    ops, counts = simplify(architecture)
    before = [[(i, c) for i, c in enumerate(column) if c] for column in counts.T.tolist()]
    behind = [[(j, c) for j, c in enumerate(row) if c] for row in counts.tolist()]
    labels = list(ops)
    found: dict[str, int] = {}
    for step in range(depth + 1):
        for label in labels:
            found[label] = found.get(label, 0) + 1
        if step < depth:
            labels = [
                _digest(
                    label, sorted((labels[i], c) for i, c in ins), sorted((labels[j], c) for j, c in outs)
                )
                for label, ins, outs in zip(labels, before, behind, strict=True)
            ]
    return found


def _digest(label: str, before: list[tuple[str, int]], behind: list[tuple[str, int]]) -> str:
    text = f"{label}|{sorted(before)}|{sorted(behind)}"
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _scramble(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scrambles 64 bits by the finaliser of the splitmix64 generator."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))

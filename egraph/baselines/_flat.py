"""Encodes architectures as rows of numbers, for methods that cannot read graphs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.encoding import Vocabulary, encode
from egraph.encoding.simplification import SimplifiedBatch, simplify_many

__all__ = ["FlatEncoder", "paths_through"]

Floats = NDArray[np.float64]
Path = tuple[str, ...]

_MOST_PATHS = 256


class FlatEncoder:
    """Concatenates three descriptions of the simplified graph.

    - The count of each path of operations from input to output, for all paths of the training data (the path
      encoding of BANANAS, with counts).
    - The adjacency matrix with multiplicities, and the one-hot operation of each vertex. The order of the
      vertices does not depend on their numbering, and the output is last. Rows are padded to the largest
      training architecture; the deepest vertices of larger graphs are left out.
    - The ranker's analytic features.

    Args:
        graphs: Training data.
        vocabulary: Operations of the training data.

    References:
        White, Neiswanger, Savani: BANANAS, Bayesian optimization with neural architectures for neural
        architecture search, AAAI 2021, https://arxiv.org/abs/1910.11858
    """

    def __init__(self, graphs: Sequence[Architecture], vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._width = max(a.num_vertices for a in graphs)
        batch = simplify_many(graphs, vocabulary.describe)
        known = {path for row in range(len(graphs)) for path in paths_through(batch, row)}
        self._columns = {path: column for column, path in enumerate(sorted(known))}

    def __call__(self, graphs: Sequence[Architecture]) -> Floats:
        """Encodes graphs, ``(graphs, numbers)``.

        Raises:
            ArchitectureError: An operation is unknown.
        """
        batch = simplify_many(graphs, self._vocabulary.describe)
        paths = np.zeros((len(graphs), len(self._columns)))
        for row in range(len(graphs)):
            for path, count in paths_through(batch, row).items():
                if (column := self._columns.get(path)) is not None:
                    paths[row, column] = count
        features = encode(graphs, self._vocabulary).features
        return np.concatenate([np.log1p(paths), self._positions(batch), features], axis=1)

    def _positions(self, batch: SimplifiedBatch) -> Floats:
        graphs, width = len(batch.sizes), self._width
        column = {op.name: number for number, op in enumerate(self._vocabulary.interior)}
        to_column = np.array([column.get(name, -1) for name in batch.names] + [-1])
        one_hot = np.vstack([np.eye(len(column)), np.zeros(len(column))])
        kept = np.minimum(batch.sizes, width)
        # The vertex at each position of the row: vertices in their order, the output at the last position.
        source = np.broadcast_to(np.arange(width), (graphs, width)).copy()
        there = source < kept[:, None] - 1
        source[:, -1], there[:, -1] = batch.sizes - 1, True
        source[~there] = 0
        rows = np.arange(graphs)[:, None]
        ops = one_hot[to_column[batch.codes[rows, source]]] * there[:, :, None]
        counts = batch.counts[rows[:, :, None], source[:, :, None], source[:, None, :]]
        counts = counts * (there[:, :, None] & there[:, None, :])
        return np.concatenate([np.minimum(counts, 16.0).reshape(graphs, -1), ops.reshape(graphs, -1)], axis=1)


def paths_through(batch: SimplifiedBatch, row: int) -> dict[Path, float]:
    """Counts the paths of operations from the input to the output of one graph.

    Of all paths to a vertex, only the 256 shortest are counted, so that the cost is bounded for any graph.
    """
    size = int(batch.sizes[row])
    counts = batch.counts[row, :size, :size].T.tolist()
    names = [batch.names[code] for code in batch.codes[row, :size]]
    leading: list[dict[Path, float]] = [{(): 1.0}]  # paths to each vertex, without the input
    for vertex in range(1, size):
        own: Path = (names[vertex],) if vertex < size - 1 else ()
        found: dict[Path, float] = {}
        for source in range(vertex):
            if times := counts[vertex][source]:
                for path, count in leading[source].items():
                    found[path + own] = found.get(path + own, 0.0) + count * times
        if len(found) > _MOST_PATHS:
            shortest = sorted(found, key=lambda path: (len(path), path))[:_MOST_PATHS]
            found = {path: found[path] for path in shortest}
        leading.append(found)
    return leading[-1]

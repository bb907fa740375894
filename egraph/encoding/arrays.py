"""Architectures as padded dense arrays, the input of the ranker.

Graphs are simplified first (`simplification`), so two forms of one computation have the same encoding to the
bit, whatever the numbering of their vertices.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from egraph import operations
from egraph.architecture import Architecture
from egraph.encoding.features import VERTEX_NAMES, graph_features
from egraph.encoding.measures import measure_graphs, measure_vertex
from egraph.encoding.simplification import simplify_many
from egraph.encoding.sweeps import sweep_back, sweep_sum
from egraph.encoding.vocabulary import STRUCTURE, Vocabulary
from egraph.operations import Operation

__all__ = ["Encoding", "encode"]

_CELLS_AT_ONCE = 1 << 21
"""Bound on graphs x vertices x vertices in one encoding step, which limits its memory."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """A batch of architectures as arrays.

    Attributes:
        vertices: Vertex features, zero where padded, ``(graphs, vertices, vertex features)``.
        counts: Edge multiplicities, ``(graphs, vertices, vertices)``; ``[i, j]`` is the number of times that
            ``j`` adds the result of ``i``.
        sizes: Number of vertices, ``(graphs,)``; the output is vertex ``size - 1``.
        features: Analytic features, ``(graphs, graph features)``; see `features`.
        unknown_operations: Operations that the ranker was not trained on.
    """

    vertices: NDArray[np.float32]
    counts: NDArray[np.float32]
    sizes: NDArray[np.int64]
    features: NDArray[np.float64]
    unknown_operations: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.sizes)

    def take(self, indices: NDArray[np.int64] | slice) -> Encoding:
        """The graphs at the given positions."""
        return Encoding(
            self.vertices[indices],
            self.counts[indices],
            self.sizes[indices],
            self.features[indices],
            self.unknown_operations,
        )

    def widen(self, features: NDArray[np.float64]) -> Encoding:
        """The same graphs with further graph features, ``(graphs, further features)``."""
        return replace(self, features=np.hstack([self.features, features]))

    @staticmethod
    def join(parts: Sequence[Encoding]) -> Encoding:
        """Joins several batches, padded to the largest graph."""
        if len(parts) == 1:
            return parts[0]
        width = max(part.vertices.shape[1] for part in parts)

        def pad(array: NDArray[np.float32], axes: Sequence[int]) -> NDArray[np.float32]:
            missing = [
                (0, width - array.shape[axis]) if axis in axes else (0, 0) for axis in range(array.ndim)
            ]
            return np.pad(array, missing)

        return Encoding(
            np.concatenate([pad(part.vertices, [1]) for part in parts]),
            np.concatenate([pad(part.counts, [1, 2]) for part in parts]),
            np.concatenate([part.sizes for part in parts]),
            np.concatenate([part.features for part in parts]),
            tuple(sorted({name for part in parts for name in part.unknown_operations})),
        )


def encode(architectures: Sequence[Architecture], vocabulary: Vocabulary) -> Encoding:
    """Encodes architectures for a ranker with the given vocabulary.

    Raises:
        ArchitectureError: An operation is unknown; see `Vocabulary.describe`.
    """
    if not architectures:
        return Encoding(
            np.zeros((0, 2, vocabulary.vertex_width), np.float32),
            np.zeros((0, 2, 2), np.float32),
            np.zeros(0, np.int64),
            np.zeros((0, len(vocabulary.feature_names))),
        )
    return Encoding.join([_encode_part(part, vocabulary) for part in _parts(architectures)])


def _parts(architectures: Sequence[Architecture]) -> Iterator[Sequence[Architecture]]:
    start = 0
    while start < len(architectures):
        width, stop = 2, start
        while stop < len(architectures):
            width = max(width, len(architectures[stop].ops))
            if stop > start and (stop + 1 - start) * width * width > _CELLS_AT_ONCE:
                break
            stop += 1
        yield architectures[start:stop]
        start = stop


def _encode_part(architectures: Sequence[Architecture], vocabulary: Vocabulary) -> Encoding:
    graph = simplify_many(architectures, vocabulary.measure)
    # Measured operations have names of their own; those of one description are one operation otherwise.
    described = [vocabulary.describe(op.name) if vocabulary.measured else op for op in graph.operations]
    told_apart = vocabulary.told_apart or ()
    code_of = {op.name: position for position, op in enumerate(told_apart)}
    # Operations that are not told apart by name are described, but have no column of their own.
    further = dict.fromkeys(
        op for op in described if op.name not in code_of and op.kind not in ("input", "output")
    )
    code_of |= {op.name: len(told_apart) + position for position, op in enumerate(further)}
    to_code = np.array([code_of.get(op.name, -1) for op in described] + [-1])
    codes = np.where(graph.codes >= 0, to_code[graph.codes], -1)

    table = _vertex_table(graph.operations, described, to_code, vocabulary)
    strides = np.array([op.stride for op in described] + [1])
    features, shares = graph_features(
        vocabulary.told_apart, list(further), codes, graph.counts, graph.sizes, vocabulary.measured
    )
    if vocabulary.measured:
        sizes = measure_graphs(graph.operations, graph.codes, graph.counts, graph.sizes)
        features = np.hstack([features, sizes])
    features = np.hstack([features, vocabulary.asked.encode(architectures)])
    vertices = np.empty((*codes.shape, vocabulary.vertex_width), np.float32)
    own, structure, share = np.split(vertices, np.cumsum([table.shape[1], len(STRUCTURE)]), axis=2)
    own[:] = table[graph.codes]
    structure[:] = _structure(graph.counts, graph.sizes, strides[graph.codes])
    share[:] = shares
    # Simplification may have dropped all vertices of an operation.
    there = set(np.unique(graph.codes).tolist())
    present = {
        known.name
        for row, (op, known) in enumerate(zip(graph.operations, described, strict=True))
        if row in there and known in further and not vocabulary.is_like_known(op)
    }
    counts = graph.counts.astype(np.float32, order="C")
    return Encoding(vertices, counts, graph.sizes, features, tuple(sorted(present)))


def _vertex_table(
    operations_: Sequence[Operation],
    described: Sequence[Operation],
    to_code: NDArray[np.int64],
    vocabulary: Vocabulary,
) -> NDArray[np.float32]:
    """What a vertex is told of its operation, a row for each; the last row, of zeros, is for padding."""
    columns, attributes = len(vocabulary.columns), len(operations.ATTRIBUTES)
    width = vocabulary.vertex_width - len(STRUCTURE) - len(VERTEX_NAMES)
    table = np.zeros((len(described) + 1, width), np.float32)
    for row, operation in enumerate(described):
        table[row, :attributes] = _attributes(operation)
        if operation.kind not in vocabulary.kinds:
            table[row, operations.KINDS.index(operation.kind)] = 0.0
        if 0 <= to_code[row] < columns:
            table[row, attributes + to_code[row]] = 1.0
        if vocabulary.measured:
            table[row, attributes + columns :] = measure_vertex(operations_[row])
    return table


@lru_cache(maxsize=4096)
def _attributes(operation: Operation) -> NDArray[np.float32]:
    return operations.attributes(operation)


def _structure(
    counts: NDArray[np.float64], sizes: NDArray[np.int64], stride: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Position of each vertex in its graph, ``(graphs, vertices, len(STRUCTURE))``; zero where padded."""
    # With the graphs as the last axis, steps over vertices read contiguous memory.
    counts, reduction = counts.transpose(1, 2, 0), np.log2(stride.T)
    width, graphs = reduction.shape
    edges = counts > 0
    depth, height = np.zeros((2, width, graphs))
    for v in range(1, width):
        depth[v] = np.where(edges[:v, v], depth[:v] + 1, 0).max(axis=0)
        reduction[v] += np.where(edges[:v, v], reduction[:v], 0.0).max(axis=0)
    for v in range(width - 2, -1, -1):
        height[v] = np.where(edges[v, v + 1 :], height[v + 1 :] + 1, 0).max(axis=0)
    structure = [
        depth / 4,
        height / 4,
        np.log1p(counts.sum(axis=0)),
        np.log1p(counts.sum(axis=1)),
        _log_paths_through(counts, sizes) / 4,
        reduction,
    ]
    return np.stack(structure).transpose(2, 1, 0)


def _log_paths_through(counts: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """The logarithm of one plus the number of paths through each vertex, ``(vertices, graphs)``."""
    paths = sweep_sum(counts)
    behind = sweep_back(counts, sizes - 1)
    with np.errstate(over="ignore"):
        product = paths.number * behind.number
    large = (paths.scale + behind.scale > 0) | ~np.isfinite(product)
    if not large.any():
        return np.log1p(product)
    logs = [np.log(np.maximum(each.number, 1e-300)) + each.scale * math.log(2) for each in (paths, behind)]
    # A vertex that no path passes has none, however many lead to it.
    return np.where(large, np.maximum(sum(logs), 0.0), np.log1p(np.where(large, 0.0, product)))

"""`canonical.simplify` for many architectures at once, with an order of vertices independent of numbering.

The rules are those of `egraph.canonical.simplify`, and the tests compare the two graph by graph. Here the
rules are applied to whole batches as arrays, which makes it possible to rank a space of half a million graphs
in seconds.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.canonical import live_vertices
from egraph.operations import Operation

__all__ = ["SimplifiedBatch", "simplify_many"]

_MOST_EDGES = 2.0**62
"""Most edges between two vertices: a chain of n sums of a result with itself would have 2^n."""

_Edges = tuple[tuple[int, int], ...]


class SimplifiedBatch(NamedTuple):
    """Simplified graphs, padded to the largest.

    Vertices are sorted by depth (longest path from the input) and, within a depth, by their predecessors and
    successors. The order is therefore topological, and isomorphic graphs become equal.

    Attributes:
        operations: Operations in the batch, those of dropped vertices included.
        codes: Position of each vertex in ``operations``, -1 where padded, ``(graphs, vertices)``.
        counts: Edge multiplicities, ``(graphs, vertices, vertices)``; ``[i, j]`` is the number of times that
            vertex ``j`` adds the result of ``i``.
        sizes: Number of vertices, ``(graphs,)``. The input is vertex 0, the output vertex ``size - 1``.
    """

    operations: tuple[Operation, ...]
    codes: NDArray[np.int64]
    counts: NDArray[np.float64]
    sizes: NDArray[np.int64]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the operations."""
        return tuple(operation.name for operation in self.operations)


def simplify_many(
    architectures: Sequence[Architecture], describe: Callable[[str], Operation]
) -> SimplifiedBatch:
    """Simplifies every architecture.

    Args:
        architectures: Architectures, at least one.
        describe: Function from the name of an operation to its description, whose name replaces the first.
    """
    names, codes, adjacency, sizes = _to_arrays(architectures)
    table = [describe(name) for name in names]
    if any(op.name != name for op, name in zip(table, names, strict=True)):
        described = {op.name: op for op in table}
        number = {name: position for position, name in enumerate(described)}
        codes = np.array([number[op.name] for op in table] + [-1])[codes]
        table = list(described.values())
    is_zero = np.array([op.kind == "zero" for op in table] + [False])
    is_identity = np.array([op.kind == "identity" for op in table] + [False])
    is_shareable = np.array([op.shareable for op in table] + [False])

    usable = ~is_zero[codes]
    adjacency &= usable[:, None] & usable
    live = _live(adjacency, sizes)
    adjacency &= live[:, None] & live
    ends = np.zeros_like(live)
    ends[0] = True
    ends[sizes - 1, np.arange(len(sizes))] = True

    splice = is_identity[codes] & ~ends
    counts = np.zeros(adjacency.shape)
    kept = live & ~splice
    meaning = np.zeros(adjacency.shape)  # row v: the kept vertices that vertex v is the sum of
    share = is_shareable[codes] & kept & ~ends
    for v in range(len(codes)):
        inputs = np.einsum("ig,ikg->kg", adjacency[:v, v].astype(np.float64), meaning[:v, :v])
        inputs = np.minimum(inputs, _MOST_EDGES)
        own = np.zeros_like(inputs)
        for u in range(1, v) if share[v].any() else ():
            twin = share[v] & kept[v] & kept[u] & (codes[u] == codes[v])
            twin &= (counts[:v, u] == inputs).all(axis=0)
            own[u, twin] = 1.0
            kept[v] &= ~twin
        meaning[v, :v] = np.where(splice[v], inputs, own)
        meaning[v, v] = kept[v]
        counts[:v, v] = inputs * kept[v]
    return _in_canonical_order(tuple(table), np.where(kept, codes, -1), counts, ends)


# In this module the graphs are the last axis of every array: steps over vertices then read contiguous memory.


def _to_arrays(
    architectures: Sequence[Architecture],
) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    """Names, ``(vertices, graphs)`` codes, ``(vertices, vertices, graphs)`` adjacency, and sizes."""
    ops = [a.ops for a in architectures]
    edges = [a.edges for a in architectures]
    graph, ends = _flat_edges(edges)
    if (backward := ends[:, 0] >= ends[:, 1]).any():
        for position in np.unique(graph[backward]).tolist():
            ops[position], edges[position] = _numbered_topologically(ops[position], edges[position])
        graph, ends = _flat_edges(edges)
    number: defaultdict[str, int] = defaultdict()
    number.default_factory = number.__len__
    sizes = np.fromiter(map(len, ops), np.int64, len(ops))
    flat_codes = np.fromiter(map(number.__getitem__, chain.from_iterable(ops)), np.int64, int(sizes.sum()))
    width = int(sizes.max())
    codes = np.full((len(ops), width), -1, dtype=np.int64)
    codes[np.arange(width) < sizes[:, None]] = flat_codes
    adjacency = np.zeros((width, width, len(ops)), dtype=bool)
    adjacency[ends[:, 0], ends[:, 1], graph] = True
    return tuple(number), np.ascontiguousarray(codes.T), adjacency, sizes


def _flat_edges(edges: Sequence[_Edges]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The graph of each edge, ``(edges,)``, and its vertices, ``(edges, 2)``."""
    many = np.fromiter(map(len, edges), np.int64, len(edges))
    flat = chain.from_iterable(chain.from_iterable(edges))
    ends = np.fromiter(flat, np.int64, 2 * int(many.sum())).reshape(-1, 2)
    return np.repeat(np.arange(len(edges)), many), ends


def _numbered_topologically(ops: tuple[str, ...], edges: _Edges) -> tuple[tuple[str, ...], _Edges]:
    order = live_vertices(len(ops), edges)
    number = {vertex: position for position, vertex in enumerate(order)}
    return (
        tuple(ops[v] for v in order),
        tuple((number[i], number[j]) for i, j in edges if i in number and j in number),
    )


def _live(adjacency: NDArray[np.bool_], sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which vertices lie on a path from input to output, ``(vertices, graphs)``; both ends always do."""
    width, _, graphs = adjacency.shape
    output = sizes - 1, np.arange(graphs)
    reached = np.zeros((width, graphs), dtype=bool)
    reached[0] = True
    for v in range(1, width):
        reached[v] = (adjacency[:v, v] & reached[:v]).any(axis=0)
    reaching = np.zeros((width, graphs), dtype=bool)
    reaching[output] = True
    for v in range(width - 2, -1, -1):
        reaching[v] |= (adjacency[v, v + 1 :] & reaching[v + 1 :]).any(axis=0)
    live = reached & reaching
    live[0] = live[output] = True
    return live


def _in_canonical_order(
    operations: tuple[Operation, ...],
    codes: NDArray[np.int64],
    counts: NDArray[np.float64],
    ends: NDArray[np.bool_],
) -> SimplifiedBatch:
    width, graphs = codes.shape
    kept = codes >= 0
    edges = counts > 0
    depth = np.zeros((width, graphs), dtype=np.int32)
    for v in range(1, width):
        depth[v] = np.where(edges[:v, v], depth[:v] + 1, 0).max(axis=0)
    depth[1:][ends[1:]] = 2 * width
    depth[~kept] = 4 * width

    # Vertices of equal depth are distinguished by hashes of everything before and behind them, in three
    # sweeps. Those still tied are equal for any message passing that changes direction fewer than six times.
    digests = [hashlib.blake2b(op.name.encode(), digest_size=8).digest() for op in operations]
    seeds = np.array([int.from_bytes(digest) for digest in digests] + [0], np.uint64)
    label = seeds[codes]
    multiplicity = counts.astype(np.uint64)
    mixed = np.empty_like(label)
    for _ in range(3):
        before, behind = label.copy(), label.copy()
        for v in range(width):
            before[v] = _mix(before[v] + (multiplicity[:v, v] * mixed[:v]).sum(axis=0))
            mixed[v] = _mix(before[v])
        for v in reversed(range(width)):
            behind[v] = _mix(behind[v] + (multiplicity[v, v + 1 :] * mixed[v + 1 :]).sum(axis=0))
            mixed[v] = _mix(behind[v])
        label = _mix(before + mixed)

    # Graphs are small: comparing all pairs of vertices is faster than sorting each graph.
    position = np.zeros((width, graphs), dtype=np.int64)
    for v in range(1, width):
        earlier = (depth[:v] < depth[v]) | ((depth[:v] == depth[v]) & (label[:v] <= label[v]))
        position[v] = earlier.sum(axis=0)
        position[:v] += ~earlier
    sizes = kept.sum(axis=0)
    size = int(sizes.max())
    column = np.arange(graphs)
    in_order = np.empty_like(codes)
    in_order.put(position * graphs + column, codes)
    moved = np.empty_like(counts)
    moved.put((position[:, None] * width + position) * graphs + column, counts)
    return SimplifiedBatch(operations, in_order[:size].T, moved[:size, :size].transpose(2, 0, 1), sizes)


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scrambles 64 bits (the finaliser of the splitmix64 generator)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))

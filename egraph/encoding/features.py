"""Numbers that describe a whole graph: its operations, depth, width and paths.

All are computed from the simplified graph and the descriptions of its operations, by the sweeps of `sweeps`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from egraph.encoding.sweeps import (
    Paths,
    log_paths,
    path_histogram,
    path_statistics,
    split_channels,
    sweep_max,
    sweep_sum,
    sweep_width,
    walk_back,
)
from egraph.operations import Operation

__all__ = ["VERTEX_NAMES", "feature_groups", "feature_names", "graph_features", "parameter_cost"]

Floats = NDArray[np.float64]

VERTEX_NAMES = ("met walking back", "met walking back a little", "split channels")
"""Names of the columns of `graph_features` for vertices."""

_PATH_BINS = 6
"""Number of bins for paths of 0, 1, ... trainable operations; the last bin holds all longer ones."""

_LEVELS = 4
"""Number of levels for operations at the whole, half, ... of the resolution; the last holds all below."""

_GOES_ON = 0.75
"""Probability of a further step in the shorter of the two walks back from the output."""

_WEIGHTINGS = ("vertices", "trainable", "parameters", "scaled parameters", "lost pixels", "halvings")
"""Quantities that are summed over paths, in addition to the count of each class of operations."""

_MAX_CLASSES = 10
"""With more operation names than this, operations are counted by kind instead of by name."""


_FAMILIES = {
    "inverted residuals": ("inverted-residual",),
    "graph operations": ("graph-conv", "attention", "linear", "aggregation"),
}
"""Kinds of operations that are counted where operations are not told apart by name.

What makes a network good differs between chains of inverted residuals, networks on graphs, and others.
"""


def parameter_cost(operation: Operation) -> float:
    """Weights of an operation per squared channel: 9 for a 3x3 convolution, 0 for a pool."""
    area = operation.kernel**2
    match operation.kind:
        case "conv":
            dense = area if operation.groups else 0.1 * area
            return dense / max(operation.groups, 1) * operation.width
        case "separable-conv":
            return (1.0 + 0.1 * area) * operation.width
        case "inverted-residual":
            return (2.0 + 0.1 * area) * operation.expansion * operation.width
        case "linear" | "graph-conv" | "other":
            return operation.width
        case "attention":
            return 2.0 * operation.width
        case _:
            return 0.0


def feature_names(operations: Sequence[Operation] | None) -> list[str]:
    """The names of the columns of `graph_features` for the same operations."""
    return [name for names in _names(operations).values() for name in names]


def feature_groups(operations: Sequence[Operation] | None) -> list[str]:
    """The group of each of these columns; columns of a group have a similar meaning and the same unit."""
    groups = []
    for group, names in _names(operations).items():
        if group == "path":
            groups += [name.split()[0] for name in names]
        else:
            groups += [group] * len(names)
    return groups


def _names(operations: Sequence[Operation] | None) -> dict[str, list[str]]:
    classes, _ = _classes(operations or ())
    weightings = [*_WEIGHTINGS, *classes]
    ends = ["input", *classes, "output"]
    families = {"family": [f"share of {name}" for name in _FAMILIES]}
    return {
        "whole": [
            "log vertices",
            "log edges",
            "log paths",
            "connected",
            "in-degree of output",
            "out-degree of input",
            "widest depth",
            "input-output edges",
            "split parameters",
            "split projections",
            "width where branches meet",
        ],
        "total": [f"total {w}" for w in weightings],
        "share": [f"share of {c}" for c in classes],
        "path": [
            f"{statistic} {w} of a path"
            for w in weightings
            for statistic in ("shortest", "longest", "mean", "spread")
        ],
        "paths": [f"paths with {k} trainable" for k in range(_PATH_BINS)],
        "log paths": [f"log paths with {k} trainable" for k in range(_PATH_BINS)],
        "edges": [f"edges {a} to {b}" for a in ends[:-1] for b in ends[1:]],
        "walk": [f"{w} met walking back" for w in weightings],
        "short walk": [f"{w} met walking back a little" for w in weightings],
        "steps": [f"{a} met walking back from {b}" for a in ends[:-1] for b in ends[1:]],
        "levels": [f"{c} at 1/{2**level} of the resolution" for level in range(_LEVELS) for c in classes],
        **(families if operations is None else {}),
    }


def graph_features(
    operations: Sequence[Operation] | None,
    unknown: Sequence[Operation],
    codes: NDArray[np.int64],
    counts: Floats,
    sizes: NDArray[np.int64],
    count_unknown: bool = False,
) -> tuple[Floats, Floats]:
    """Numbers that describe each graph, and the share of each vertex in it.

    Args:
        operations: Interior operations to tell apart; None counts families of operations instead.
        unknown: Further operations, which add to totals but are not counted by name.
        codes: Position of each vertex in ``operations`` and, behind them, ``unknown``; -1 for padding, input
            and output; ``(graphs, vertices)``.
        counts: Edge multiplicities in topological order, ``(graphs, vertices, vertices)``.
        sizes: Number of vertices, ``(graphs,)``.
        count_unknown: Whether unknown operations are counted by kind where the others are.

    Returns:
        ``(graphs, len(feature_names(operations)))`` and ``(graphs, vertices, len(VERTEX_NAMES))``.
    """
    batch = _describe(operations or (), unknown, codes, counts, sizes, count_unknown)
    weights = _weigh(batch)
    one_hot = weights[:, len(_WEIGHTINGS) :]
    paths = sweep_sum(batch.counts)
    channels = split_channels(batch.present, batch.last)
    # A walk back from the output takes an edge with the share of its source in the sum of its target: unlike
    # the number of paths, visits do not grow with the number of ways to a vertex.
    share = batch.counts / np.maximum(batch.counts.sum(axis=0), 1.0)
    visits = walk_back(share, batch.last)
    near = walk_back(_GOES_ON * share, batch.last)
    edges = np.nonzero(batch.present)
    pairs = _pairs(batch, edges)
    level = np.minimum(batch.reduction, _LEVELS - 1).astype(np.int64)
    columns = [  # in the order of `_names`
        *_whole_columns(batch, paths, channels),
        weights.sum(axis=0),
        one_hot.sum(axis=0) / np.maximum(batch.interior.sum(axis=0), 1.0),
        *_path_columns(batch, paths, weights),
        # Splicing identities can multiply edges; the bound keeps one pair of vertices from dominating.
        np.log1p(pairs.sums(np.minimum(batch.counts[edges], 16.0))),
        np.einsum("vg,vwg->wg", visits, weights),
        np.einsum("vg,vwg->wg", near, weights),
        pairs.sums((share * visits)[edges]),
        *(np.einsum("vg,vwg->wg", level == one, one_hot) for one in range(_LEVELS)),
        *(_family_columns(batch, unknown) if operations is None else ()),
    ]
    channels[0] = channels[batch.output] = 1.0
    vertices = np.stack([visits, near, channels], axis=-1).transpose(1, 0, 2)
    return np.ascontiguousarray(np.concatenate(columns).T), vertices


class _Batch(NamedTuple):
    """Graphs as arrays with the graphs as last axis, so that steps over vertices read contiguous memory.

    Attributes:
        counts: Edge multiplicities, ``(sources, targets, graphs)``.
        present: Whether there is an edge, ``(sources, targets, graphs)``.
        last: Output vertex, ``(graphs,)``.
        interior: 1 for vertices between input and output, ``(vertices, graphs)``.
        parameters: `parameter_cost` of each vertex, ``(vertices, graphs)``.
        stride: Logarithm to base 2 of the stride, ``(vertices, graphs)``.
        reduction: Largest sum of these on a path from the input, ``(vertices, graphs)``.
        border: Pixels by which an unpadded operation shrinks its input, ``(vertices, graphs)``.
        filters: Width of the operation, ``(vertices, graphs)``.
        codes: Position of the operation of each vertex, ``(vertices, graphs)``.
        membership: Membership of each operation in each class, by code, ``(codes, classes)``.
        ends: Kind of each vertex as end of an edge: 0 the input, 1 and more the classes, then the output, and
            last all that are not told apart; ``(vertices, graphs)``.
    """

    counts: Floats
    present: NDArray[np.bool_]
    last: NDArray[np.int64]
    interior: Floats
    parameters: Floats
    stride: Floats
    reduction: Floats
    border: Floats
    filters: Floats
    codes: NDArray[np.int64]
    membership: Floats
    ends: NDArray[np.int64]

    @property
    def output(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Index of the outputs in arrays of shape ``(vertices, graphs)``."""
        return self.last, np.arange(len(self.last))


def _describe(
    operations: Sequence[Operation],
    unknown: Sequence[Operation],
    codes: NDArray[np.int64],
    counts: Floats,
    sizes: NDArray[np.int64],
    count_unknown: bool,
) -> _Batch:
    codes, counts = codes.T, counts.transpose(1, 2, 0)
    last = sizes - 1
    vertex = np.arange(len(codes))[:, None]
    names, member = _classes(operations)
    by_kind = count_unknown and len(operations) > _MAX_CLASSES
    others = np.array([[float(by_kind and op.kind == name) for name in names] for op in unknown])
    # Tables by code; their last row, which code -1 selects, is for padding, input and output.
    member = np.pad(np.vstack([member, others.reshape(len(unknown), len(names))]), [(0, 1), (0, 0)])
    everything = [*operations, *unknown]
    parameters = np.array([parameter_cost(op) for op in everything] + [0.0])[codes]
    stride = np.log2(np.array([op.stride for op in everything] + [1]))[codes]
    border = np.array([0.0 if op.padded else op.kernel - op.stride for op in everything] + [0.0])[codes]
    filters = np.array([op.width for op in everything] + [1.0])[codes]
    kinds = member @ np.arange(1, len(names) + 1)
    kinds[member.sum(axis=1) == 0] = -1
    ends = kinds.astype(np.int64)[codes] % (len(names) + 3)
    ends[0] = 0
    ends[last, np.arange(len(sizes))] = len(names) + 1
    present = counts > 0
    return _Batch(
        counts=counts,
        present=present,
        last=last,
        interior=((vertex > 0) & (vertex < last)).astype(np.float64),
        parameters=parameters,
        stride=stride,
        reduction=np.minimum(sweep_max(present, stride), 10.0),  # bounds the powers of two below
        border=border,
        filters=filters,
        codes=codes,
        membership=member,
        ends=ends,
    )


def _weigh(batch: _Batch) -> Floats:
    """Each vertex in the weightings and the classes, ``(vertices, weightings, graphs)``."""
    width, graphs = batch.codes.shape
    weights = np.empty((width, len(_WEIGHTINGS) + batch.membership.shape[1], graphs))
    weights[:, 0] = batch.interior
    weights[:, 1] = batch.parameters > 0
    weights[:, 2] = batch.parameters
    # Channels are usually doubled where the resolution is halved, which makes weights four times as many.
    weights[:, 3] = batch.parameters * np.exp2(2 * batch.reduction)
    # In pixels of the network's input: a pixel behind n halvings covers 2^n of them. The operation loses its
    # border before its own stride takes effect.
    weights[:, 4] = batch.border * np.exp2(batch.reduction - np.minimum(batch.stride, batch.reduction))
    weights[:, 5] = batch.stride
    for position, column in enumerate(batch.membership.T, len(_WEIGHTINGS)):
        weights[:, position] = column[batch.codes]
    return weights


def _whole_columns(batch: _Batch, paths: Paths, channels: Floats) -> list[Floats]:
    """The columns of the group ``whole``, ``(1, graphs)`` each."""
    counts, present, output = batch.counts, batch.present, batch.output
    width, graphs = batch.interior.shape
    depth = sweep_max(present, np.ones((width, graphs))).astype(np.int64)
    at_depth = np.bincount((depth * graphs + output[1]).ravel(), batch.interior.ravel(), (width + 1) * graphs)
    return [
        np.log1p(batch.last + 1)[None],
        np.log1p(counts.sum(axis=(0, 1)))[None],
        log_paths(paths.number[output], paths.scale[output])[None],
        (paths.number[output] > 0)[None],
        np.log1p(counts[:, *output].sum(axis=0))[None],
        np.log1p(counts[0].sum(axis=0))[None],
        at_depth.reshape(width + 1, graphs).max(axis=0)[None],
        np.log1p(counts[0][output])[None],
        (batch.parameters * channels**2).sum(axis=0)[None],
        (present[0] * channels * batch.interior).sum(axis=0)[None],
        sweep_width(present, batch.parameters > 0, batch.filters)[output][None],
    ]


def _path_columns(batch: _Batch, paths: Paths, weights: Floats) -> list[Floats]:
    """The columns of the groups ``path``, ``paths`` and ``log paths``, ``(columns, graphs)`` each."""
    found, scale = paths.number[batch.output], paths.scale[batch.output]
    connected = found > 0
    total = np.where(connected, found, 1.0)
    statistics = path_statistics(batch.counts, batch.present, paths, weights, batch.last) * connected
    histogram = path_histogram(batch.counts, paths, batch.parameters > 0, _PATH_BINS)
    histogram = histogram[batch.last, :, batch.output[1]].T  # (bins, graphs)
    return [statistics.reshape(-1, len(total)), histogram / total, log_paths(histogram, scale)]


def _family_columns(batch: _Batch, operations: Sequence[Operation]) -> list[Floats]:
    """The columns of the group ``family``, ``(1, graphs)`` each."""
    interior = np.maximum(batch.interior.sum(axis=0), 1.0)
    members = [[op.kind in kinds for op in operations] + [False] for kinds in _FAMILIES.values()]
    return [(np.array(member)[batch.codes].sum(axis=0) / interior)[None] for member in members]


class _Pairs(NamedTuple):
    """Edges by the kinds of their two ends.

    Attributes:
        position: Position of each edge in a flat array of ``shape``, ``(edges,)``.
        shape: Number of kinds, the same again, and number of graphs.
    """

    position: NDArray[np.int64]
    shape: tuple[int, int, int]

    def sums(self, amounts: Floats) -> Floats:
        """Sums of ``(edges,)`` amounts for each pair of kinds and graph, ``(pairs of kinds, graphs)``."""
        total = np.bincount(self.position, amounts, np.prod(self.shape)).astype(np.float64, copy=False)
        # No edge leaves the output or enters the input, and what is not told apart is left out.
        return total.reshape(self.shape)[:-2, 1:-1].reshape(-1, self.shape[2])


def _pairs(batch: _Batch, edges: tuple[NDArray[np.int64], ...]) -> _Pairs:
    source, target, graph = edges
    kinds = batch.membership.shape[1] + 3
    pairs = batch.ends[source, graph], batch.ends[target, graph], graph
    shape = kinds, kinds, len(batch.last)
    return _Pairs(np.ravel_multi_index(pairs, shape), shape)


def _classes(operations: Sequence[Operation]) -> tuple[list[str], Floats]:
    """The classes in which operations are counted, and membership in them, ``(operations, classes)``."""
    labels = [op.name for op in operations]
    if len(labels) > _MAX_CLASSES:
        labels = [op.kind for op in operations]
    names = sorted(set(labels))
    return names, np.array([[float(label == name) for name in names] for label in labels]).reshape(
        len(labels), len(names)
    )

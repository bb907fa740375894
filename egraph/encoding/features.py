"""Numbers that describe a whole graph: what it computes, how deep, how wide, along which paths.

Everything comes from the simplified graph and the descriptions of its operations, by dynamic programming
over the vertices: no path is listed, so a graph with 10^18 paths costs as much as a chain.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from egraph.operations import Operation

__all__ = ["VERTEX_NAMES", "feature_groups", "feature_names", "graph_features", "parameter_cost"]

Floats = NDArray[np.float64]

VERTEX_NAMES = ("met walking back", "met walking back a little", "split channels")
"""What `graph_features` says of each vertex."""

_PATH_BINS = 6
"""Paths of 0, 1, ... trainable operations are told apart up to this many."""

_LEVELS = 4
"""Operations at the whole, half, ... of the resolution are told apart, the last level for all below."""

_GOES_ON = 0.75
"""Probability of a further step in the shorter of the two walks back from the output."""

_WEIGHTINGS = ("vertices", "trainable", "parameters", "scaled parameters", "lost pixels", "halvings")
"""What is summed over paths, beside each class of operations."""

_ROUNDING = 1e-12
"""Variance over mean square that is no more than rounding."""

_MAX_CLASSES = 10
"""Above so many operation names, operations are counted by kind and not by name."""


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


def feature_names(operations: Sequence[Operation]) -> list[str]:
    """The names of the columns of `graph_features` for the same operations."""
    return [name for names in _names(operations).values() for name in names]


def feature_groups(operations: Sequence[Operation]) -> list[str]:
    """The group of each of these columns: those that say much the same in the same units."""
    groups = []
    for group, names in _names(operations).items():
        if group == "path":
            groups += [name.split()[0] for name in names]
        else:
            groups += [group] * len(names)
    return groups


def _names(operations: Sequence[Operation]) -> dict[str, list[str]]:
    classes, _ = _classes(operations)
    weightings = [*_WEIGHTINGS, *classes]
    ends = ["input", *classes, "output"]
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
    }


def graph_features(
    operations: Sequence[Operation],
    unknown: Sequence[Operation],
    codes: NDArray[np.int64],
    counts: Floats,
    sizes: NDArray[np.int64],
) -> tuple[Floats, Floats]:
    """Describes each graph in numbers, and how much of the graph each vertex is.

    Args:
        operations: the interior operations to tell apart.
        unknown: further operations, which add to totals but are not counted by name.
        codes: ``(graphs, vertices)``; position of each vertex in ``operations`` and, behind them,
            ``unknown``;
            -1 for padding, input and output.
        counts: ``(graphs, vertices, vertices)``; edge multiplicities in topological order.
        sizes: ``(graphs,)``; number of vertices.

    Returns:
        ``(graphs, len(feature_names(operations)))`` and ``(graphs, vertices, len(VERTEX_NAMES))``.
    """
    # From here on the graphs are the last axis of every array: steps over vertices then run along memory.
    codes, counts = codes.T, counts.transpose(1, 2, 0)
    width, graphs = codes.shape
    last = sizes - 1
    output = last, np.arange(graphs)
    classes, member = _classes(operations)
    everything = [*operations, *unknown]
    parameters = np.array([parameter_cost(op) for op in everything] + [0.0])[codes]
    stride = np.log2(np.array([op.stride for op in everything] + [1]))[codes]
    border = np.array([0.0 if op.padded else op.kernel - op.stride for op in everything] + [0.0])[codes]
    filters = np.array([op.width for op in everything] + [1.0])[codes]
    vertex = np.arange(width)[:, None]
    interior = ((vertex > 0) & (vertex < last)).astype(np.float64)
    present = counts > 0

    weights = np.empty((width, len(_WEIGHTINGS) + len(classes), graphs))  # of vertices, in several weightings
    weights[:, 0] = interior
    weights[:, 1] = parameters > 0
    weights[:, 2] = parameters
    # Channels are usually doubled where the resolution is halved, which makes weights four times as many.
    reduction = np.minimum(_sweep_max(present, stride), 10.0)
    weights[:, 3] = parameters * np.exp2(2 * reduction)
    weights[:, 4] = border * np.exp2(reduction - np.minimum(stride, reduction))  # in pixels of the input
    weights[:, 5] = stride
    one_hot = weights[:, len(_WEIGHTINGS) :]
    for position, column in enumerate(np.pad(member, [(0, len(unknown) + 1), (0, 0)]).T):
        one_hot[:, position] = column[codes]

    paths = _sweep_sum(counts)
    connected = paths[output] > 0
    total_paths = np.where(connected, paths[output], 1.0)
    statistics = _path_statistics(counts, present, paths, weights, last) * connected
    histogram = _histogram(counts, parameters > 0)[last, :, output[1]].T  # (bins, graphs)

    depth = _sweep_max(present, np.ones((width, graphs))).astype(np.int64)
    at_depth = np.bincount((depth * graphs + output[1]).ravel(), interior.ravel(), (width + 1) * graphs)
    level = np.minimum(reduction, _LEVELS - 1).astype(np.int64)
    channels = _split_channels(present, last)
    from_input = counts[0]
    to_output = counts[:, last, output[1]]

    # Ends of edges: the input, the classes, the output, and what is not told apart.
    kinds = np.pad(member @ np.arange(1, len(classes) + 1), (0, len(unknown) + 1), constant_values=-1)
    ends = kinds.astype(np.int64)[codes] % (len(classes) + 3)
    ends[0] = 0
    ends[output] = len(classes) + 1
    edges = np.nonzero(present)
    pairs = ends[edges[0], edges[2]], ends[edges[1], edges[2]], edges[2]
    kinds_and_graphs = len(classes) + 3, graphs
    share = counts / np.maximum(counts.sum(axis=0), 1.0)
    visits = _walk_back(share, last)
    near = _walk_back(_GOES_ON * share, last)

    columns = [
        np.log1p(sizes)[None],
        np.log1p(counts.sum(axis=(0, 1)))[None],
        np.log1p(paths[output])[None],
        connected[None],
        np.log1p(to_output.sum(axis=0))[None],
        np.log1p(from_input.sum(axis=0))[None],
        at_depth.reshape(width + 1, graphs).max(axis=0)[None],
        np.log1p(from_input[output])[None],
        (parameters * channels**2).sum(axis=0)[None],
        (present[0] * channels * interior).sum(axis=0)[None],
        _sweep_width(present, parameters > 0, filters)[output][None],
        weights.sum(axis=0),
        one_hot.sum(axis=0) / np.maximum(interior.sum(axis=0), 1.0),
        statistics.reshape(-1, graphs),
        histogram / total_paths,
        np.log1p(histogram),
        np.log1p(_by_pair(pairs, np.minimum(counts[edges], 16.0), kinds_and_graphs)),
        np.einsum("vg,vwg->wg", visits, weights),
        np.einsum("vg,vwg->wg", near, weights),
        _by_pair(pairs, (share * visits)[edges], kinds_and_graphs),
        *(np.einsum("vg,vwg->wg", level == one, one_hot) for one in range(_LEVELS)),
    ]
    channels[0] = channels[output] = 1.0
    vertices = np.stack([visits, near, channels], axis=-1).transpose(1, 0, 2)
    return np.ascontiguousarray(np.concatenate(columns).T), vertices


def _classes(operations: Sequence[Operation]) -> tuple[list[str], Floats]:
    """The groups operations are counted in, and ``(operations, groups)`` membership."""
    labels = [op.name for op in operations]
    if len(labels) > _MAX_CLASSES:
        labels = [op.kind for op in operations]
    names = sorted(set(labels))
    return names, np.array([[float(label == name) for name in names] for label in labels]).reshape(
        len(labels), len(names)
    )


def _by_pair(
    pairs: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    amounts: Floats,
    kinds_and_graphs: tuple[int, int],
) -> Floats:
    """Sums over the edges of each graph by the kinds of their two ends, ``(pairs of kinds, graphs)``.

    Args:
        pairs: of each edge the kinds of its source and target, and its graph; ``(edges,)`` each.
        amounts: ``(edges,)``.
        kinds_and_graphs: how many there are. Kind 0 is never a target, the last but one never a source, and
            the last is left out.
    """
    kinds, graphs = kinds_and_graphs
    place = np.ravel_multi_index(pairs, (kinds, kinds, graphs))
    sums = np.bincount(place, amounts, kinds * kinds * graphs).astype(np.float64, copy=False)
    return sums.reshape(kinds, kinds, graphs)[:-2, 1:-1].reshape(-1, graphs)


def _sweep_sum(counts: Floats) -> Floats:
    """Number of paths from the input to each vertex, ``(vertices, graphs)``."""
    paths = np.zeros(counts.shape[1:])
    paths[0] = 1.0
    for v in range(1, len(counts)):
        paths[v] = (counts[:v, v] * paths[:v]).sum(axis=0)
    return paths


def _sweep_max(present: NDArray[np.bool_], weight: Floats) -> Floats:
    """Largest sum of weights on a path to each vertex, its own included, ``(vertices, graphs)``."""
    best = weight.copy()
    for v in range(1, len(weight)):
        best[v] += np.where(present[:v, v], best[:v], 0.0).max(axis=0)
    return best


def _sweep_width(present: NDArray[np.bool_], trainable: NDArray[np.bool_], filters: Floats) -> Floats:
    """Width of each vertex if the narrowest of what meets there decides, ``(vertices, graphs)``."""
    found = filters.copy()
    for v in range(1, len(found)):
        narrowest = np.where(present[:v, v], found[:v], np.inf).min(axis=0)
        found[v] = np.where(trainable[v] | np.isinf(narrowest), found[v], narrowest)
    return found


def _path_statistics(
    counts: Floats, present: NDArray[np.bool_], paths: Floats, weights: Floats, last: NDArray[np.int64]
) -> Floats:
    """Least, largest, mean and sd of the weight of a path to the output, ``(weightings, 4, graphs)``."""
    least, largest = weights.copy(), weights.copy()
    mean, square = weights.copy(), weights**2
    least[1:] += np.inf
    for v in range(1, len(weights)):
        edge = present[:v, v, None]
        share = counts[:v, v] * paths[:v] / np.maximum(paths[v], 1.0)  # (sources, graphs)
        least[v] = weights[v] + np.where(edge, least[:v], np.inf).min(axis=0)
        largest[v] += np.where(edge, largest[:v], 0.0).max(axis=0)
        before = np.einsum("ig,iwg->wg", share, mean[:v])
        mean[v] = before + weights[v]
        square[v] += np.einsum("ig,iwg->wg", share, square[:v]) + 2 * before * weights[v]
    output = last, slice(None), np.arange(len(last))
    least, largest, mean, square = (s[output].T for s in (least, largest, mean, square))
    least[~np.isfinite(least)] = 0.0
    variance = square - mean**2
    variance[variance < _ROUNDING * square] = 0.0  # else equal paths would seem to differ
    return np.stack([least, largest, mean, np.sqrt(variance)], axis=1)


def _histogram(counts: Floats, trainable: NDArray[np.bool_]) -> Floats:
    """Number of paths to each vertex with 0, 1, ... trainable operations, the last bin for all above.

    ``(vertices, bins, graphs)``
    """
    width, graphs = trainable.shape
    bins = np.zeros((width, _PATH_BINS, graphs))
    bins[0, 0] = 1.0
    for v in range(1, width):
        incoming = np.einsum("ig,ikg->kg", counts[:v, v], bins[:v])
        shifted = np.concatenate([np.zeros((1, graphs)), incoming[:-1]])
        shifted[-1] += incoming[-1]
        bins[v] = np.where(trainable[v], shifted, incoming)
    return bins


def _walk_back(share: Floats, last: NDArray[np.int64]) -> Floats:
    """Expected visits of each vertex by a walk from the output against the edges, ``(vertices, graphs)``.

    Where branches are averaged or normalised after they meet, this is how much of the output a vertex makes:
    unlike the share of paths, it does not grow with the number of ways that lead to the vertex.

    Args:
        share: probability of the step to each vertex from each, ``(vertices, vertices, graphs)``.
        last: ``(graphs,)``; the output.
    """
    width, _, graphs = share.shape
    visits = np.zeros((width, graphs))
    visits[last, np.arange(graphs)] = 1.0
    for v in range(width - 1, 0, -1):
        visits[:v] += share[:v, v] * visits[v]
    return visits


def _split_channels(present: NDArray[np.bool_], last: NDArray[np.int64]) -> Floats:
    """Width of each vertex if the results that meet in the output are concatenated there, not summed."""
    to_output = present[:, last, np.arange(len(last))]
    to_output[0] = False
    channels = to_output / np.maximum(to_output.sum(axis=0), 1)
    for v in range(len(present) - 2, 0, -1):
        wider = np.where(present[v, v + 1 :], channels[v + 1 :], 0.0).max(axis=0)
        channels[v] = np.maximum(channels[v], wider)
    return channels

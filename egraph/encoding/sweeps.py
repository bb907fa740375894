"""Quantities of whole graphs, by one sweep over the vertices in topological order.

No path is listed, so a graph with 10^18 paths costs as much as a chain. In all arrays the graphs are the last
axis, so that steps over vertices read contiguous memory. Padded vertices have no edges.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "path_histogram",
    "path_statistics",
    "split_channels",
    "sweep_max",
    "sweep_sum",
    "sweep_width",
    "walk_back",
]

Floats = NDArray[np.float64]

_ROUNDING = 1e-12
"""Ratio of variance to mean square below which the variance is rounding error."""


def sweep_sum(counts: Floats) -> Floats:
    """Number of paths from the input to each vertex, ``(vertices, graphs)``."""
    paths = np.zeros(counts.shape[1:])
    paths[0] = 1.0
    for v in range(1, len(counts)):
        paths[v] = (counts[:v, v] * paths[:v]).sum(axis=0)
    return paths


def sweep_max(present: NDArray[np.bool_], weight: Floats) -> Floats:
    """Largest sum of weights on a path to each vertex, its own weight included, ``(vertices, graphs)``."""
    best = weight.copy()
    for v in range(1, len(weight)):
        best[v] += np.where(present[:v, v], best[:v], 0.0).max(axis=0)
    return best


def sweep_width(present: NDArray[np.bool_], trainable: NDArray[np.bool_], filters: Floats) -> Floats:
    """Width of each vertex, its own if trainable, else its narrowest source's; ``(vertices, graphs)``."""
    found = filters.copy()
    for v in range(1, len(found)):
        narrowest = np.where(present[:v, v], found[:v], np.inf).min(axis=0)
        found[v] = np.where(trainable[v] | np.isinf(narrowest), found[v], narrowest)
    return found


def path_statistics(
    counts: Floats, present: NDArray[np.bool_], paths: Floats, weights: Floats, last: NDArray[np.int64]
) -> Floats:
    """Least, largest, mean and standard deviation of the weights of paths to the output.

    ``(weightings, 4, graphs)``
    """
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
    variance[variance < _ROUNDING * square] = 0.0  # equal paths have no spread
    return np.stack([least, largest, mean, np.sqrt(variance)], axis=1)


def path_histogram(counts: Floats, trainable: NDArray[np.bool_], bins: int) -> Floats:
    """Number of paths to each vertex with 0, 1, ... trainable operations; the last bin holds all longer ones.

    ``(vertices, bins, graphs)``
    """
    width, graphs = trainable.shape
    found = np.zeros((width, bins, graphs))
    found[0, 0] = 1.0
    for v in range(1, width):
        incoming = np.einsum("ig,ikg->kg", counts[:v, v], found[:v])
        shifted = np.concatenate([np.zeros((1, graphs)), incoming[:-1]])
        shifted[-1] += incoming[-1]
        found[v] = np.where(trainable[v], shifted, incoming)
    return found


def walk_back(share: Floats, last: NDArray[np.int64]) -> Floats:
    """Expected visits of each vertex by a walk from the output against the edges, ``(vertices, graphs)``.

    If branches are averaged or normalised where they join, this is the share of the output that a vertex
    contributes. Unlike the share of paths, it does not grow with the number of ways to the vertex.

    Args:
        share: Probability of the step from each target to each source, ``(sources, targets, graphs)``.
        last: Output vertex, ``(graphs,)``.
    """
    width, _, graphs = share.shape
    visits = np.zeros((width, graphs))
    visits[last, np.arange(graphs)] = 1.0
    for v in range(width - 1, 0, -1):
        visits[:v] += share[:v, v] * visits[v]
    return visits


def split_channels(present: NDArray[np.bool_], last: NDArray[np.int64]) -> Floats:
    """Width of each vertex if the output concatenates instead of summing, ``(vertices, graphs)``."""
    to_output = present[:, last, np.arange(len(last))]
    to_output[0] = False
    channels = to_output / np.maximum(to_output.sum(axis=0), 1)
    for v in range(len(present) - 2, 0, -1):
        wider = np.where(present[v, v + 1 :], channels[v + 1 :], 0.0).max(axis=0)
        channels[v] = np.maximum(channels[v], wider)
    return channels

"""Quantities of whole graphs, by one sweep over the vertices in topological order.

No path is listed, so a graph with 10^18 paths costs as much as a chain. In all arrays the graphs are the last
axis, so that steps over vertices read contiguous memory. Padded vertices have no edges.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Paths",
    "log_paths",
    "path_histogram",
    "path_statistics",
    "split_channels",
    "sweep_back",
    "sweep_max",
    "sweep_sum",
    "sweep_width",
    "walk_back",
]

Floats = NDArray[np.float64]

_ROUNDING = 1e-12
"""Ratio of variance to mean square below which the variance is rounding error."""

_SCALE = 800
"""Numbers of paths above two to this power are divided by it: 1,100 residual blocks have 2^1100 paths."""


class Paths(NamedTuple):
    """Number of paths from the input to each vertex.

    Attributes:
        number: The number, divided by two to the power of ``scale``, ``(vertices, graphs)``.
        scale: A multiple of `_SCALE`, 0 for all but the deepest graphs, ``(vertices, graphs)``.
    """

    number: Floats
    scale: NDArray[np.int64]

    def at(self, vertex: int, values: Floats) -> Floats:
        """Values of the earlier vertices, ``(vertex, ..., graphs)``, in the scale of this one."""
        if not self.scale[vertex].any():
            return values
        shift = self.scale[:vertex] - self.scale[vertex]  # (sources, graphs)
        return np.ldexp(values, shift.reshape(vertex, *[1] * (values.ndim - 2), -1))


def log_paths(number: Floats, scale: NDArray[np.int64]) -> Floats:
    """The logarithm of one plus numbers in such scales."""
    if not scale.any():
        return np.log1p(number)
    large = np.log(np.maximum(number, 1e-300)) + scale * np.log(2)
    return np.where(scale > 0, np.maximum(large, 0.0), np.log1p(number))


def sweep_sum(counts: Floats) -> Paths:
    """Number of paths from the input to each vertex."""
    paths = Paths(np.zeros(counts.shape[1:]), np.zeros(counts.shape[1:], np.int64))
    paths.number[0] = 1.0
    for v in range(1, len(counts)):
        paths.scale[v] = np.where(counts[:v, v] > 0, paths.scale[:v], 0).max(axis=0)
        found = (counts[:v, v] * paths.at(v, paths.number[:v])).sum(axis=0)
        large = found > 2.0**_SCALE
        paths.number[v] = np.where(large, found * 2.0**-_SCALE, found)
        paths.scale[v] += _SCALE * large
    return paths


def sweep_back(counts: Floats, last: NDArray[np.int64]) -> Paths:
    """Number of paths from each vertex to the output, ``last``."""
    paths = Paths(np.zeros(counts.shape[1:]), np.zeros(counts.shape[1:], np.int64))
    paths.number[last, np.arange(len(last))] = 1.0
    for v in range(len(counts) - 2, -1, -1):
        scale = np.where(counts[v, v + 1 :] > 0, paths.scale[v + 1 :], 0).max(axis=0)
        behind = paths.number[v + 1 :]
        if scale.any():
            behind = np.ldexp(behind, paths.scale[v + 1 :] - scale)
        paths.number[v] += (counts[v, v + 1 :] * behind).sum(axis=0)
        large = paths.number[v] > 2.0**_SCALE
        paths.number[v] *= np.where(large, 2.0**-_SCALE, 1.0)
        paths.scale[v] = scale + _SCALE * large
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
    counts: Floats, present: NDArray[np.bool_], paths: Paths, weights: Floats, last: NDArray[np.int64]
) -> Floats:
    """Least, largest, mean and standard deviation of the weights of paths to the output.

    ``(weightings, 4, graphs)``
    """
    least, largest = weights.copy(), weights.copy()
    mean, square = weights.copy(), weights**2
    least[1:] += np.inf
    for v in range(1, len(weights)):
        edge = present[:v, v, None]
        before = paths.at(v, paths.number[:v])
        share = counts[:v, v] * before / np.maximum(paths.number[v], 1.0)  # (sources, graphs)
        least[v] = weights[v] + np.where(edge, least[:v], np.inf).min(axis=0)
        largest[v] += np.where(edge, largest[:v], 0.0).max(axis=0)
        expected = np.einsum("ig,iwg->wg", share, mean[:v])
        mean[v] = expected + weights[v]
        square[v] += np.einsum("ig,iwg->wg", share, square[:v]) + 2 * expected * weights[v]
    output = last, slice(None), np.arange(len(last))
    least, largest, mean, square = (s[output].T for s in (least, largest, mean, square))
    least[~np.isfinite(least)] = 0.0
    variance = square - mean**2
    variance[variance < _ROUNDING * square] = 0.0  # equal paths have no spread
    return np.stack([least, largest, mean, np.sqrt(variance)], axis=1)


def path_histogram(counts: Floats, paths: Paths, trainable: NDArray[np.bool_], bins: int) -> Floats:
    """Number of paths to each vertex with 0, 1, ... trainable operations; the last bin holds all longer ones.

    ``(vertices, bins, graphs)``, in the scale of the paths.
    """
    width, graphs = trainable.shape
    found = np.zeros((width, bins, graphs))
    found[0, 0] = 1.0
    for v in range(1, width):
        incoming = np.einsum("ig,ikg->kg", counts[:v, v], paths.at(v, found[:v]))
        shifted = np.concatenate([np.zeros((1, graphs)), incoming[:-1]])
        shifted[-1] += incoming[-1]
        found[v] = np.where(trainable[v], shifted, incoming)
        if (grown := paths.scale[v] - np.where(counts[:v, v] > 0, paths.scale[:v], 0).max(axis=0)).any():
            found[v] = np.ldexp(found[v], -grown)
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

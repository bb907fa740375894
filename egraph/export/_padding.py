"""Graphs in runs of one padded width, so that a score does not depend on the other graphs of a call."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["CELLS_AT_ONCE", "pad", "padded_widths", "split_runs"]

CELLS_AT_ONCE = 1 << 16
"""Bound on graphs x vertices x vertices in one run, which limits its memory."""

_WIDTH = 8
"""Graphs are padded to a multiple of this number of vertices."""


def split_runs(sizes: NDArray[np.int64], most: int) -> Iterator[NDArray[np.int64]]:
    """Positions of the graphs of each run, which are padded to the same width.

    Args:
        sizes: Number of vertices of each graph, ``(graphs,)``.
        most: Largest number of graphs in a run.
    """
    widths = padded_widths(sizes)
    for width in np.unique(widths):
        alike = np.flatnonzero(widths == width)
        size = max(min(most, CELLS_AT_ONCE // int(width) ** 2), 1)
        yield from np.split(alike, range(size, len(alike), size))


def padded_widths(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of vertices after padding, ``(graphs,)``.

    It depends on the graph alone, because sums over more vertices round differently.
    """
    return -(-sizes // _WIDTH) * _WIDTH


def pad(array: NDArray[np.float32], axes: tuple[int, ...], width: int) -> NDArray[np.float32]:
    """Cuts or pads some axes of an array to a width."""
    shape = tuple(width if axis in axes else size for axis, size in enumerate(array.shape))
    inner = tuple(slice(0, min(a, b)) for a, b in zip(shape, array.shape, strict=True))
    if shape == tuple(s.stop for s in inner):
        return array[inner]
    wide = np.zeros(shape, np.float32)
    wide[inner] = array[inner]
    return wide

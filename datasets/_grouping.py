"""Rows of a table that are the same network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["average", "group"]


def group(keys: Sequence[str]) -> tuple[list[int], NDArray[np.int64]]:
    """The first row of each key, and for each row the number of its key in order of first appearance."""
    numbers: dict[str, int] = {}
    first: list[int] = []
    groups = np.empty(len(keys), dtype=np.int64)
    for row, key in enumerate(keys):
        if key not in numbers:
            numbers[key] = len(first)
            first.append(row)
        groups[row] = numbers[key]
    return first, groups


def average(values: NDArray[np.float64], groups: NDArray[np.int64], num_groups: int) -> NDArray[np.float64]:
    """The mean of each group without NaN, ``(num_groups,)``; NaN for a group without a number."""
    measured = ~np.isnan(values)
    groups, values = groups[measured], values[measured]
    counts = np.bincount(groups, minlength=num_groups)
    low, high = np.full(num_groups, np.inf), np.full(num_groups, -np.inf)
    np.minimum.at(low, groups, values)
    np.maximum.at(high, groups, values)
    sums = np.bincount(groups, weights=values, minlength=num_groups)
    means = np.full(num_groups, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    # Rounding must not change the mean of equal values, or ties would be lost.
    return np.where(counts > 0, np.clip(means, low, high), np.nan)

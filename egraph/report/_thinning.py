"""Parts of what a large search has, for a page that shows not all of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["MOST_BINS", "MOST_POINTS", "MOST_ROWS", "bin_rows", "choose_trials", "corners", "spread"]

MOST_POINTS = 2000
"""Largest number of points that one search has in a chart."""

MOST_ROWS = 1000
"""Largest number of rows in a table."""

MOST_BINS = 250
"""Largest number of points of a curve over rounds."""


def spread(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most so many rows, evenly spaced, with the first and the last one."""
    if len(rows) <= most:
        return rows
    return rows.take(np.linspace(0, len(rows) - 1, most).round().astype(int))


def choose_trials(trials: pd.DataFrame, most: int = MOST_ROWS) -> pd.DataFrame:
    """At most so many trials in their order: the best half by score, the newest for the rest."""
    if len(trials) <= most:
        return trials
    best = np.argsort(-trials["score"].to_numpy(dtype=float), kind="stable")[: most // 2]  # NaN last
    chosen = np.zeros(len(trials), dtype=bool)
    chosen[best] = True
    newest = np.flatnonzero(~chosen)[-(most - most // 2) :]
    chosen[newest] = True
    return trials[chosen]


def corners(best: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows of a curve of steps that draw the same as all rows, ``(corners,)``: the ends and the changes.

    Args:
        best: Heights, ``(rows,)``; NaN draws nothing.
    """
    changes = np.flatnonzero((best[1:] != best[:-1]) & ~(np.isnan(best[1:]) & np.isnan(best[:-1]))) + 1
    return np.unique([0, *changes, len(best) - 1])


def bin_rows(rounds: pd.DataFrame, most: int = MOST_BINS) -> tuple[pd.DataFrame, int]:
    """The means of successive rounds, at most so many, and the number of rounds in each."""
    size = -(-len(rounds) // most)
    if size <= 1:
        return rounds, 1
    numbers = rounds.select_dtypes("number")
    return numbers.groupby(np.arange(len(rounds)) // size).mean(), size

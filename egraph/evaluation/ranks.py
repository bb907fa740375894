"""One score from several that have no common scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from egraph.errors import UsageError

__all__ = ["rank_average"]


def rank_average(values: ArrayLike) -> NDArray[np.float64]:
    """The mean rank of each architecture over several scores.

    Ranks are relative to the architectures of the call, so results of two calls cannot be compared.

    Args:
        values: Scores, ``(architectures, scores)``, higher is better. Architectures that lack a score (NaN)
            are left out.

    Returns:
        Mean ranks divided by the number of architectures, ``(architectures,)``: 1 for one that is best in
        every score. Ties share their mean rank. NaN for architectures that are left out.

    Raises:
        UsageError: The values do not have two dimensions, or have no column.
    """
    from scipy import stats

    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or not table.shape[1]:
        raise UsageError(f"values must be (architectures, scores), got shape {table.shape}")
    complete = ~np.isnan(table).any(axis=1)
    result = np.full(len(table), np.nan)
    if complete.any():
        result[complete] = stats.rankdata(table[complete], axis=0).mean(axis=1) / complete.sum()
    return result

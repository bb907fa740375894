"""Several scores without a common scale as one."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from egraph.errors import UsageError

__all__ = ["rank_average"]


def rank_average(values: ArrayLike) -> NDArray[np.float64]:
    """The mean rank of each architecture over several scores.

    Ranks are counted among the architectures given, so that the results of two calls cannot be compared.

    Args:
        values: ``(architectures, scores)``, higher is better. An architecture that lacks a score (NaN) takes
            no part.

    Returns:
        ``(architectures,)``: mean ranks over their number, up to 1 for one that is best in every score; tied
        ones share their mean rank. NaN for those that take no part.

    Raises:
        UsageError: the values are no table of numbers.
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

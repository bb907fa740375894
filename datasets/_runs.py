"""Several trainings of the same architecture."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import count, takewhile

import numpy as np
from numpy.typing import NDArray

__all__ = ["find_runs", "mean_of_runs"]


def find_runs(columns: Iterable[str]) -> dict[str, list[str]]:
    """The columns of single trainings of the same architectures, by what their names have in common.

    By convention these are ``NAME_0``, ``NAME_1`` and so on, at least two of them.
    """
    names = set(columns)
    stems = [name.removesuffix("_0") for name in sorted(names) if re.search(r"._0$", name)]
    found = {
        stem: list(takewhile(names.__contains__, (f"{stem}_{run}" for run in count()))) for stem in stems
    }
    return {stem: runs for stem, runs in found.items() if len(runs) > 1}


def mean_of_runs(runs: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The mean of each architecture's runs, and how many there are.

    Args:
        runs: Values ``(architectures, runs)``, NaN where a run is missing.

    Returns:
        The means, ``(architectures,)``, NaN without any run; the mean of equal runs is exactly their value,
        so that ties remain ties. And the numbers of runs, ``(architectures,)``.
    """
    present = ~np.isnan(runs)
    counts = present.sum(axis=1)
    sums = np.where(present, runs, 0).sum(axis=1)
    means = np.divide(sums, counts, out=np.full(len(runs), np.nan), where=counts > 0)
    low, high = np.where(present, runs, np.inf).min(axis=1), np.where(present, runs, -np.inf).max(axis=1)
    return np.where(counts > 0, np.clip(means, low, high), np.nan), counts

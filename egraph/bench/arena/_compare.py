"""Significance tests between the results of searchers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph.bench.arena._curves import TASK, group

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SIGNIFICANT", "compare"]

SIGNIFICANT = 0.05


def compare(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Compares the final test scores of all pairs of contestants of each benchmark.

    Both tests are two-sided: Mann-Whitney's U tests whether one score tends to be larger, the
    Kolmogorov-Smirnov test whether the distributions differ. The p-values of one test on one benchmark are
    adjusted together (Benjamini and Hochberg), so that 5 % of the significant differences are false.
    Searches with the same seed start alike; this makes both tests conservative.

    Args:
        rows: Results of `measure`.

    Returns:
        The columns ``benchmark``, ``metric``, ``test``, ``queries``, ``searcher``, ``fitness``,
        ``other_searcher``, ``other_fitness``, ``superiority`` (share of all pairs of seeds in which the first
        is above the other, ties counted half), ``mann_whitney`` and ``kolmogorov_smirnov`` (p-values),
        and each of these adjusted, with ``_adjusted``.
    """
    import pandas as pd
    from scipy.stats import false_discovery_control

    lines = []
    for task, part in group(rows, TASK).items():
        finals = {
            contestant: np.array([row["final"] for row in own], dtype=np.float64)
            for contestant, own in group(part, ["searcher", "fitness"]).items()
        }
        pairs = list(itertools.combinations(finals, 2))
        if not pairs:
            continue
        figures = np.array([_test(finals[first], finals[other]) for first, other in pairs])  # (pairs, 3)
        adjusted = np.apply_along_axis(false_discovery_control, 0, figures[:, 1:])
        lines += [
            (*task, *first, *other, *values, *corrected)
            for (first, other), values, corrected in zip(
                pairs, figures.tolist(), adjusted.tolist(), strict=True
            )
        ]
    tests = ["mann_whitney", "kolmogorov_smirnov"]
    names = [*TASK, "searcher", "fitness", "other_searcher", "other_fitness", "superiority", *tests]
    return pd.DataFrame(lines, columns=[*names, *(f"{test}_adjusted" for test in tests)])


def _test(first: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, float, float]:
    from scipy.stats import ks_2samp, mannwhitneyu

    u, ks = mannwhitneyu(first, other), ks_2samp(first, other)
    # From SciPy 1.18 on the p-value of equal results is NaN instead of 1.
    p_value = 1.0 if np.isnan(u.pvalue) else float(u.pvalue)
    return float(u.statistic) / (len(first) * len(other)), p_value, float(ks.pvalue)

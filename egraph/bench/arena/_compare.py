"""Whether what two searchers found differs by more than chance."""

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
    """The final test scores of all contestants of a benchmark, each pair once.

    Two tests, both two-sided: Mann-Whitney's U asks whether one is larger more often, Kolmogorov and
    Smirnov's whether the distributions differ anywhere. The p-values of one test on one benchmark are
    adjusted together (Benjamini and Hochberg), so that of the differences called significant 5 % are false.
    Searches with one seed begin alike, with which both tests err towards finding no difference.

    Args:
        rows: what `measure` has given.

    Returns:
        The columns ``benchmark``, ``metric``, ``test``, ``queries``, ``searcher``, ``fitness``,
        ``other_searcher``, ``other_fitness``, ``superiority`` (how often the first is above the other, equal
        ones counted half, over all pairs of seeds), ``mann_whitney`` and ``kolmogorov_smirnov`` (p-values),
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
    return float(u.statistic) / (len(first) * len(other)), float(u.pvalue), float(ks.pvalue)

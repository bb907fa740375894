"""Kendall's tau with its bootstrap error, and pictures of many."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Tau", "bootstrap_tau", "check_normal", "draw_heat_map"]

BATCH = 20
"""Number of resamples whose row numbers are in memory at a time."""


class Tau(NamedTuple):
    """An estimate of Kendall's tau-b.

    Attributes:
        value: Tau of the sample; NaN where one side is constant.
        error: Standard error, the standard deviation over the resamples.
        low: Lower end of the interval of 95% of the resamples.
        high: Upper end.
        resamples: Tau of each resample, ``(resamples,)``.
    """

    value: float
    error: float
    low: float
    high: float
    resamples: NDArray[np.float64]


def bootstrap_tau(first: ArrayLike, second: ArrayLike, *, resamples: int = 800, seed: int = 0) -> Tau:
    """Kendall's tau-b between two measurements of the same networks.

    Resamples draw networks with replacement. Two copies of one network are tied on both sides, which tau-b
    leaves out.

    Args:
        first: One measurement, ``(networks,)``.
        second: The other one, ``(networks,)``.
        resamples: Number of resamples; the thesis has 800.
        seed: Seed of the resamples.
    """
    from scipy.stats import DegenerateDataWarning, bootstrap, kendalltau

    def tau(one: NDArray[Any], two: NDArray[Any]) -> float:
        return float(kendalltau(one, two).statistic)

    pair = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    value = tau(*pair)
    if math.isnan(value):
        return Tau(value, math.nan, math.nan, math.nan, np.empty(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateDataWarning)
        drawn = bootstrap(
            pair,
            tau,
            paired=True,
            vectorized=False,
            n_resamples=resamples,
            batch=BATCH,
            method="percentile",
            random_state=np.random.default_rng(seed),
        )
    found = drawn.bootstrap_distribution
    # A resample of few networks can be constant, which has no tau.
    found = found[~np.isnan(found)]
    low, high = np.quantile(found, [0.025, 0.975]) if len(found) else (math.nan, math.nan)
    error = float(found.std(ddof=1)) if len(found) > 1 else math.nan
    return Tau(value, error, float(low), float(high), found)


def check_normal(values: NDArray[np.float64], *, samples: int = 499) -> float:
    """The p-value of Lilliefors' test: how likely normal values of any mean and deviation differ as much.

    The distance of Kolmogorov and Smirnov, compared with that of random normal samples of the same size.

    Args:
        values: Values, ``(n,)``; equal ones are not normal, and their p-value is 0.
        samples: Number of random samples.
    """
    from scipy.stats import goodness_of_fit, norm

    if np.ptp(values) < 1e-12:
        return 0.0
    generator = np.random.default_rng(0)
    return float(
        goodness_of_fit(norm, values, statistic="ks", n_mc_samples=samples, random_state=generator).pvalue
    )


def draw_heat_map(
    axes: Axes,
    values: NDArray[np.float64],
    errors: NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
) -> None:
    """Draws taus as colours from 0 to 1, with their numbers and standard errors as text.

    Args:
        axes: Where to draw.
        values: Taus, ``(rows, columns)``; NaN is left empty.
        errors: Standard errors, of the same shape.
        rows: Names of the rows.
        columns: Names of the columns.
        title: Title of the picture.
    """
    axes.imshow(values, vmin=0, vmax=1, cmap="viridis", aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=90 if max(map(len, columns)) > 4 else 0)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_title(title)
    small = len(columns) > 12
    for row, column in np.argwhere(~np.isnan(values)):
        value, error = values[row, column], errors[row, column]
        text = f"{value:.2f}" if small or math.isnan(error) else f"{value:.3f}\n±{error:.3f}"
        colour = "black" if value > 0.6 else "white"
        axes.text(column, row, text, ha="center", va="center", fontsize=5 if small else 8, color=colour)

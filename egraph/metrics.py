"""Measures of how well scores rank architectures of known quality.

All functions take true values ``y`` and scores ``s``, both of shape ``(architectures,)``; higher is better,
and only the order of ``s`` matters. For tied scores, no function depends on the order of the rows: rank
correlations handle ties explicitly, and the functions of the best ``k`` return the mean over all ways to
break ties.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from egraph.errors import UsageError

__all__ = [
    "bootstrap_interval",
    "kendall_tau",
    "precision_at_k",
    "regret_at_k",
    "spearman",
    "three_way_accuracy",
]

Values = NDArray[np.float64]

_BLOCK = 512  # rows compared with all others at a time, which bounds the memory


def kendall_tau(y: ArrayLike, s: ArrayLike, *, top: float | None = None, eps: float | None = None) -> float:
    """Kendall's tau-b: 1 for the same order, -1 for the opposite order, about 0 for unrelated orders.

    The number of pairs that ``y`` and ``s`` order alike minus that of pairs that they order differently,
    divided by the geometric mean of the numbers of pairs that are not tied in ``y`` and in ``s``.

    Args:
        y: True values, ``(architectures,)``.
        s: Scores, ``(architectures,)``.
        top: Share of the rows to use, in (0, 1], best by ``y``; rows tied with the last are included.
        eps: Least difference of true values of a pair, in units of ``y``; the order of closer pairs is mostly
            measurement noise.

    Returns:
        The coefficient; NaN if it is undefined, because all pairs are tied in ``y`` or in ``s``.

    Raises:
        UsageError: Lengths differ, a value is NaN or infinite, or ``top`` or ``eps`` is out of range.

    References:
        M. G. Kendall, The treatment of ties in ranking problems, Biometrika 33 (1945),
        https://doi.org/10.1093/biomet/33.3.239
    """
    from scipy import stats

    truth, scores = _read(y, s)
    if top is not None:
        if not 0 < top <= 1:
            raise UsageError(f"top must be a share of the rows above 0 and at most 1, got {top}")
        best = truth >= _kth_largest(truth, max(1, round(top * len(truth)))) if len(truth) else slice(0)
        truth, scores = truth[best], scores[best]
    if eps is not None and _check_margin("eps", eps) > 0:
        return _tau_of_pairs_apart(truth, scores, eps)
    if _is_constant(truth) or _is_constant(scores):
        return math.nan
    # The p-value is not used; its asymptotic form is cheap, but undefined for two rows.
    method = "asymptotic" if len(truth) > 2 else "auto"
    return float(stats.kendalltau(truth, scores, variant="b", method=method).statistic)


def spearman(y: ArrayLike, s: ArrayLike) -> float:
    """Spearman's rho: the linear correlation of the ranks; tied rows have their mean rank.

    Returns:
        The coefficient; NaN if there are fewer than two rows, or ``y`` or ``s`` is constant.

    Raises:
        UsageError: Lengths differ, or a value is NaN or infinite.
    """
    from scipy import stats

    truth, scores = _read(y, s)
    if _is_constant(truth) or _is_constant(scores):
        return math.nan
    return float(np.corrcoef(stats.rankdata(truth), stats.rankdata(scores))[0, 1])


def precision_at_k(y: ArrayLike, s: ArrayLike, k: int = 10) -> float:
    """The share of the ``k`` best-scored rows that are among the ``k`` truly best, in [0, 1].

    A row is among the truly best if fewer than ``k`` rows are better; all rows tied with the k-th count.

    Raises:
        UsageError: Lengths differ, a value is NaN or infinite, or ``k`` is not in 1 to the number of rows.
    """
    truth, scores = _read(y, s)
    _check_k(k, len(truth))
    hits = truth >= _kth_largest(truth, k)
    certain, tied = _best_scored(scores, k)
    remaining = k - int(certain.sum())
    return float((hits[certain].sum() + remaining * hits[tied].mean()) / k)


def regret_at_k(y: ArrayLike, s: ArrayLike, k: int = 10) -> float:
    """The loss of training only the ``k`` best-scored rows: the best ``y`` minus the best among them.

    Returns:
        The regret in the unit of ``y``, at least 0.

    Raises:
        UsageError: Lengths differ, a value is NaN or infinite, or ``k`` is not in 1 to the number of rows.
    """
    truth, scores = _read(y, s)
    _check_k(k, len(truth))
    certain, tied = _best_scored(scores, k)
    floor = truth[certain].max(initial=-math.inf)
    remaining = k - int(certain.sum())
    regret, unseen = 0.0, 1.0  # unseen: probability that no better row of the tied ones is chosen
    for rank, value in enumerate(np.sort(truth[tied])[::-1]):
        chance = remaining / (tied.sum() - rank)
        regret += unseen * chance * (truth.max() - max(value, floor))
        unseen *= 1 - chance
        if unseen <= 0:
            break
    return float(regret)


def three_way_accuracy(y: ArrayLike, s: ArrayLike, *, eps: float, margin: float) -> float:
    """The share of pairs that are correctly classified as worse, about equal or better, in [0, 1].

    Args:
        y: True values, ``(architectures,)``.
        s: Scores, ``(architectures,)``.
        eps: Difference of true values below which they are about equal, in units of ``y``.
        margin: Difference of scores below which they are about equal, in units of ``s``; equal scores always
            are.

    Returns:
        The share; NaN if there are fewer than two rows.

    Raises:
        UsageError: Lengths differ, a value is NaN or infinite, or a margin is negative.
    """
    truth, scores = _read(y, s)
    _check_margin("eps", eps)
    _check_margin("margin", margin)
    right = 0
    for start in range(0, len(truth), _BLOCK):
        true_class, given_class = (
            _three_way(values[start : start + _BLOCK, None] - values, width)
            for values, width in ((truth, eps), (scores, margin))
        )
        right += int(np.count_nonzero(true_class == given_class))
    # Each pair was counted in both orders, and each row once with itself.
    pairs = len(truth) * (len(truth) - 1)
    return (right - len(truth)) / pairs if pairs else math.nan


def bootstrap_interval(
    metric: Callable[..., float],
    y: ArrayLike,
    s: ArrayLike,
    *,
    seed: int = 0,
    level: float = 0.95,
    resamples: int = 200,
    **options: Any,
) -> tuple[float, float]:
    """A percentile bootstrap interval of a metric over the rows.

    Rows are drawn with replacement. The interval covers the choice of rows that were measured, but not the
    noise of the measurements or of the fit.

    Args:
        metric: Function of this module, or any other ``metric(y, s, **options)``.
        y: True values, ``(architectures,)``.
        s: Scores, ``(architectures,)``.
        seed: Seed of the resampling.
        level: Share of the resampled values in the interval, in (0, 1).
        resamples: Number of resamples.
        options: Options of the metric.

    Returns:
        Lower and upper end; NaN if no resample has a defined value.

    Raises:
        UsageError: The metric refuses its arguments, or ``level`` or ``resamples`` is out of range.
    """
    truth, scores = _read(y, s)
    if not 0 < level < 1:
        raise UsageError(f"level must be between 0 and 1, such as 0.95, got {level}")
    if resamples < 1:
        raise UsageError(f"resamples must be at least 1, got {resamples}")
    if not len(truth):
        return math.nan, math.nan
    rng = np.random.default_rng(seed)
    values = np.empty(resamples)
    for i in range(resamples):
        rows = rng.integers(len(truth), size=len(truth))
        values[i] = metric(truth[rows], scores[rows], **options)
    values = values[~np.isnan(values)]
    if not len(values):
        return math.nan, math.nan
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _read(y: ArrayLike, s: ArrayLike) -> tuple[Values, Values]:
    try:
        truth, scores = np.asarray(y, dtype=np.float64), np.asarray(s, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"y and s must be arrays of numbers: {error}") from None
    if truth.ndim != 1 or truth.shape != scores.shape:
        raise UsageError(
            f"y and s must have one value a row each, got shapes {truth.shape} and {scores.shape}"
        )
    for name, values in (("y", truth), ("s", scores)):
        if not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values))[0])
            raise UsageError(f"{name} must be finite, got {values[row]} in row {row}; leave such rows out")
    return truth, scores


def _tau_of_pairs_apart(truth: Values, scores: Values, eps: float) -> float:
    """Tau-b over the pairs at least ``eps`` apart in ``truth``; ``eps`` is above 0, so none is tied."""
    order = np.argsort(truth, kind="stable")
    truth, scores = truth[order], scores[order]
    agree = disagree = pairs = 0
    for start in range(0, len(truth), _BLOCK):
        stop = min(start + _BLOCK, len(truth))
        apart = truth[start:stop, None] - truth[:stop] >= eps
        better = scores[start:stop, None]
        agree += int(np.count_nonzero((better > scores[:stop]) & apart))
        disagree += int(np.count_nonzero((better < scores[:stop]) & apart))
        pairs += int(np.count_nonzero(apart))
    ordered = agree + disagree
    return (agree - disagree) / math.sqrt(pairs * ordered) if ordered else math.nan


def _three_way(differences: Values, width: float) -> NDArray[np.int8]:
    return np.where(np.abs(differences) < width, 0, np.sign(differences)).astype(np.int8)


def _check_margin(name: str, margin: float) -> float:
    if not (math.isfinite(margin) and margin >= 0):
        raise UsageError(f"{name} must be a finite number of at least 0, got {margin}")
    return margin


def _is_constant(values: Values) -> bool:
    return len(values) < 2 or bool((values == values[0]).all())


def _check_k(k: int, rows: int) -> None:
    if not isinstance(k, Integral) or not 1 <= k <= rows:
        raise UsageError(f"k must be between 1 and the number of rows, {rows}, got {k}")


def _kth_largest(values: Values, k: int) -> float:
    return float(np.partition(values, len(values) - k)[len(values) - k])


def _best_scored(scores: Values, k: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The rows that are certainly among the ``k`` best-scored, and the tied ones at the threshold."""
    threshold = _kth_largest(scores, k)
    return scores > threshold, scores == threshold

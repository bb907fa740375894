"""What a ranker promised of a round's trials, and what they delivered.

Before a trial runs, the ranker gives its prediction and intervals, whose widths come from errors on held-out
folds. Together they are a distribution of the score. Scores drawn from these distributions show which tau and
which regret the ranker promises for exactly these trials: a choice of the best predicted ones is harder to
order than a random sample, and the draws have the same difficulty.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from egraph.architecture import Architecture
from egraph.errors import OutOfDistributionWarning
from egraph.metrics import kendall_tau, regret_at_k
from egraph.study._trial import Trial
from egraph.surrogates.exact_inference import choose_evenly

__all__ = ["LEVELS", "Verdict", "ask_intervals", "judge", "weigh_drift"]

Values = NDArray[np.float64]

LEVELS = (0.5, 0.8, 0.95)
"""Levels of the intervals that are asked for and checked."""
_TESTED = 1  # position in LEVELS of the interval whose coverage is tested
_DRAWS = 2000
_MOST = 64  # trials of a round that are compared pair by pair
_KNOTS = ndtri((1 + np.array((0.0, *LEVELS))) / 2)  # in standard deviations of a normal distribution


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the predictions for a round's trials compare with the measured scores.

    Attributes:
        tau: Kendall's tau-b between predictions and scores; NaN if undefined.
        promised_tau: Mean of the same over scores drawn from the ranker's intervals; NaN without intervals.
        coverage50: Share of the scores inside the intervals of 50 %; NaN without intervals, or if the ranker
            had not learned from scores of this study.
        coverage80: The same for 80 %.
        coverage95: The same for 95 %.
        regret: Best score of the round minus the score of the trial with the best prediction.
        promised_regret: Mean of the same over drawn scores; NaN where coverage is.
    """

    tau: float = math.nan
    promised_tau: float = math.nan
    coverage50: float = math.nan
    coverage80: float = math.nan
    coverage95: float = math.nan
    regret: float = math.nan
    promised_regret: float = math.nan


def ask_intervals(model: Any, architectures: Sequence[Architecture]) -> list[tuple[float, ...]]:
    """The ranker's intervals for each architecture: lower and upper end for each of `LEVELS`.

    Empty tuples where the ranker has no ``intervals``, held nothing out to calibrate them, or learned from
    several fidelities, so that its predictions are in the unit of none.
    """
    if getattr(model, "groups_", {}):
        return [()] * len(architectures)
    coverage = getattr(model, "coverage_", {})
    calibrated = not coverage or not all(map(math.isnan, coverage.values()))
    if not architectures or not calibrated or not hasattr(model, "intervals"):
        return [()] * len(architectures)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfDistributionWarning)
        ends = [end for level in LEVELS for end in model.intervals(list(architectures), level)]
    rows = np.stack([np.asarray(end, dtype=np.float64) for end in ends], axis=1)
    return [tuple(row) if np.isfinite(row).all() else () for row in rows.tolist()]


def judge(trials: Sequence[Trial], *, learned: bool, seed: int) -> Verdict:
    """Compares predictions and scores of trials that are done.

    Args:
        trials: Trials of one round; those that failed or were not predicted do not count.
        learned: Whether the ranker had learned from scores of this study, so that its predictions are in
            their unit.
        seed: Seed of the drawn scores.
    """
    known = _measured(trials)
    if len(known) < 2:
        return Verdict()
    scores, predicted = _columns(known)
    tau, regret = kendall_tau(scores, predicted), regret_at_k(scores, predicted, 1)
    if not all(trial.intervals for trial in known):
        return Verdict(tau, regret=regret)
    ends = np.array([trial.intervals for trial in known])
    drawn = _draw(predicted, ends, np.random.default_rng(seed))
    promised_tau = float(np.mean(_agreement(drawn, predicted))) / max(_pairs(predicted), 1)
    if not learned:
        return Verdict(tau, promised_tau, regret=regret)
    inside = (scores[:, None] >= ends[:, 0::2]) & (scores[:, None] <= ends[:, 1::2])
    half, most, nearly_all = inside.mean(axis=0).tolist()
    chosen = drawn[:, predicted.argmax()]
    promised_regret = float((drawn.max(axis=1) - chosen).mean())
    return Verdict(tau, promised_tau, half, most, nearly_all, regret, promised_regret)


def weigh_drift(rounds: Sequence[tuple[Sequence[Trial], int]], seed: int) -> float:
    """The probability that trials agree so little with the predictions if the ranker's intervals are right.

    Two one-sided tests, each with half of the level. The first counts the pairs of trials within each round
    that the ranker ordered rightly minus the others; its distribution is that of scores drawn from the
    intervals. The second counts the scores outside their intervals of 80 %. As the intervals come from few
    held-out errors themselves, that number has a beta-binomial distribution.

    Args:
        rounds: For each of the rounds that are judged together, its trials and the number of trials that its
            ranker had learned from. Coverage is not tested where that is 0, for the ranker's predictions may
            be in another unit.
        seed: Seed of the drawn scores.

    Returns:
        A p-value; NaN where there is nothing to test.

    References:
        Vovk: Conditional validity of inductive conformal predictors (2012), for the distribution of coverage,
        https://arxiv.org/abs/1209.2673
    """
    rng = np.random.default_rng(seed)
    delivered, promised = 0.0, np.zeros(_DRAWS)
    outside, held_out, any_tested = 0, [], False
    for trials, learned_from in rounds:
        known = [trial for trial in _measured(trials) if trial.intervals]
        if len(known) < 2:
            continue
        any_tested = True
        scores, predicted = _columns(known)
        ends = np.array([trial.intervals for trial in known])
        promised += _agreement(_draw(predicted, ends, rng), predicted)
        delivered += float(_agreement(scores[None], predicted)[0])
        if learned_from:
            low, high = ends[:, 2 * _TESTED], ends[:, 2 * _TESTED + 1]
            outside += int(((scores < low) | (scores > high)).sum())
            held_out += [learned_from] * len(known)
    if not any_tested:
        return math.nan
    p_order = (1 + int((promised <= delivered).sum())) / (1 + _DRAWS)
    if not held_out:
        return p_order
    from scipy.stats import betabinom  # here, because it takes a second to load

    level, least = LEVELS[_TESTED], min(held_out)
    null = betabinom(len(held_out), (least + 1) * (1 - level), (least + 1) * level)
    return min(1.0, 2 * min(p_order, float(null.sf(outside - 1))))


def _measured(trials: Sequence[Trial]) -> list[Trial]:
    return [t for t in trials if t.state == "complete" and t.predicted == t.predicted]


def _columns(trials: Sequence[Trial]) -> tuple[Values, Values]:
    """Scores and predictions, ``(trials,)`` each."""
    return np.array([t.score for t in trials]), np.array([t.predicted for t in trials])


def _draw(predicted: Values, ends: Values, rng: np.random.Generator) -> Values:
    """Scores that agree with the intervals, ``(draws, trials)``.

    Each is the image of a normal number under the increasing, piecewise linear map from quantiles of the
    normal distribution to the prediction and the ends of the intervals.

    Args:
        predicted: ``(trials,)``.
        ends: Lower and upper end for each of `LEVELS`, ``(trials, 2 * levels)``.
        rng: Source of randomness.
    """
    normal = rng.normal(size=(_DRAWS, len(predicted)))
    size = np.abs(normal)
    drawn = np.empty_like(normal)
    for row, middle in enumerate(predicted):
        for side, columns in (
            (normal[:, row] < 0, slice(0, None, 2)),
            (normal[:, row] >= 0, slice(1, None, 2)),
        ):
            knots = np.array([middle, *ends[row, columns]])
            beyond = np.maximum(size[side, row] - _KNOTS[-1], 0) * (knots[-1] - middle) / _KNOTS[-1]
            drawn[side, row] = np.interp(size[side, row], _KNOTS, knots) + beyond
    return drawn


def _agreement(scores: Values, predicted: Values) -> Values:
    """Pairs of the same order minus pairs of the opposite order, for each row of scores, ``(rows,)``."""
    chosen = choose_evenly(len(predicted), _MOST)
    first, second = np.triu_indices(len(chosen), 1)
    wanted = np.sign(predicted[chosen][first] - predicted[chosen][second])
    values = scores[:, chosen]
    return (np.sign(values[:, first] - values[:, second]) * wanted).sum(axis=1)


def _pairs(predicted: Values) -> float:
    """The largest possible agreement, as tau-b takes it where scores have no ties."""
    chosen = predicted[choose_evenly(len(predicted), _MOST)]
    first, second = np.triu_indices(len(chosen), 1)
    return math.sqrt(len(first) * int((chosen[first] != chosen[second]).sum()))

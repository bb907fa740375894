"""Orders architectures by the trade-off of a score and costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.evaluation import CostMeter
from egraph.study._guide import Predictor
from egraph.study._selection import Candidates, predict
from egraph.study._trial import Trial

__all__ = ["find_front", "order_by_tradeoff", "sort_by_front", "weigh"]

Values = NDArray[np.float64]

_SHARE = 8  # one of so many candidates is ordered by trade-off


def weigh(
    candidates: Candidates, model: Predictor, meter: CostMeter, tried: Mapping[str, Architecture], most: int
) -> Candidates:
    """The candidates with a merit by predicted score and costs, see `order_by_tradeoff`.

    Args:
        candidates: Candidates of the round.
        model: Ranker.
        meter: Costs.
        tried: Architectures of all trials, by their keys.
        most: Smallest number of candidates to order by trade-off; it grows with their number.
    """
    known = list(tried.values())
    order = order_by_tradeoff(
        candidates.predicted,
        meter.measure_all(candidates.architectures),
        predict(model, known) if known else np.zeros(0),
        meter.measure_all(known),
        max(most, len(candidates.architectures) // _SHARE),
    )
    merit = np.empty(len(order))
    merit[order] = -np.arange(len(order))
    return replace(candidates, merit=merit)


def sort_by_front(trials: Sequence[Trial], most: int) -> list[Trial]:
    """Complete trials by Pareto fronts of score and costs, each front in the given order; then the others.

    Args:
        trials: Complete trials.
        most: Number of trials after which no further front is looked for.
    """
    points = np.array([[-trial.score, *trial.costs.values()] for trial in trials])
    left = [row for row in range(len(trials)) if np.isfinite(points[row]).all()]
    order: list[int] = []
    while left and len(order) < most:
        front = {left[row] for row in find_front(points[left])}
        order += [row for row in left if row in front]
        left = [row for row in left if row not in front]
    return [trials[row] for row in (*order, *sorted(set(range(len(trials))) - set(order)))]


def order_by_tradeoff(
    scores: Values, costs: Values, known_scores: Values, known_costs: Values, most: int
) -> NDArray[np.int64]:
    """Candidates in the order in which they should be measured, ``(candidates,)``.

    The Pareto fronts of candidates and known points come one after another. Within a front, the candidate
    with the best score comes first if nothing is known, then always the one that is farthest from everything
    before it and from the known points of the first front. Distances are Euclidean between ranks, so that no
    unit and no outlier decides. Candidates of unknown cost come last.

    Args:
        scores: Predicted scores of the candidates, ``(candidates,)``; higher is better.
        costs: Their costs, ``(candidates, costs)``; lower is better, NaN where unknown.
        known_scores: Scores of measured architectures on the same scale, ``(known,)``.
        known_costs: Their costs, ``(known, costs)``.
        most: Number of candidates to order in this way; the others follow by their scores.
    """
    from scipy.stats import rankdata  # here, because it takes a second to load

    points = np.column_stack([-np.concatenate([scores, known_scores]), np.concatenate([costs, known_costs])])
    usable = np.isfinite(points).all(axis=1)
    ranks = np.full(points.shape, np.nan)
    ranks[usable] = rankdata(points[usable], axis=0) / max(1, usable.sum())
    left = np.flatnonzero(usable)
    chosen: list[int] = []
    around: Values | None = None  # distance of each point to what was chosen, (points,)
    while left.size and len(chosen) < most:
        front = left[find_front(points[left])]
        left = np.setdiff1d(left, front)
        if around is None and (front >= len(scores)).any():
            around = _measure(ranks, ranks[front[front >= len(scores)]])
        own = front[front < len(scores)]
        own = own[np.argsort(-scores[own], kind="stable")]
        while own.size and len(chosen) < most:
            place = 0 if around is None else int(around[own].argmax())
            row, own = int(own[place]), np.delete(own, place)
            chosen.append(row)
            here = _measure(ranks, ranks[[row]])
            around = here if around is None else np.minimum(around, here)
    rest = np.setdiff1d(np.argsort(-scores, kind="stable"), chosen, assume_unique=True)
    rest = rest[np.argsort(~usable[rest], kind="stable")]
    return np.array([*chosen, *rest.tolist()], dtype=np.int64)


def find_front(points: Values) -> NDArray[np.int64]:
    """Rows of points that no other dominates, in ascending order; of equal points only the first.

    Args:
        points: Points without NaN, ``(points, objectives)``; lower is better.
    """
    left = np.lexsort(points.T[::-1])  # by the first objective, then the second, and so on
    front: list[int] = []
    while left.size:
        best, left = left[0], left[1:]
        front.append(int(best))
        left = left[(points[left] < points[best]).any(axis=1)]
    return np.array(sorted(front), dtype=np.int64)


def _measure(points: Values, others: Values) -> Values:
    """Distance of each point to the nearest of others, ``(points,)``."""
    return np.linalg.norm(points[:, None] - others[None], axis=2).min(axis=1)

"""Pareto ranks, crowding distances and hypervolumes of points with several objectives."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from egraph.errors import UsageError

__all__ = ["crowding_distance", "hypervolume", "pareto_ranks", "rank_sum_order"]


def pareto_ranks(points: ArrayLike, violations: ArrayLike | None = None) -> NDArray[np.int64]:
    """The non-dominated front of each point, 0 for the best.

    A point dominates another if it is nowhere worse and somewhere better. Violations follow Deb's rule:
    feasible points come before infeasible ones, which are ordered by violation.

    Args:
        points: Points, ``(points, objectives)``; lower is better.
        violations: Violations, ``(points,)``; 0 for a feasible point, infinite for a failed one.

    Returns:
        Ranks, ``(points,)``; points of equal rank do not dominate each other.
    """
    values = np.asarray(points, dtype=np.float64)
    broken = np.zeros(len(values)) if violations is None else np.asarray(violations, dtype=np.float64)
    ranks = np.zeros(len(values), dtype=np.int64)
    left = np.flatnonzero(broken == 0)
    rank = 0
    while left.size:
        here = values[left]
        no_worse = (here[:, None] <= here[None]).all(axis=2)  # (points, points): the row against the column
        best = ~(no_worse & ~no_worse.T).any(axis=0)
        ranks[left[best]] = rank
        left, rank = left[~best], rank + 1
    for violation in np.unique(broken[broken > 0]):
        ranks[broken == violation] = rank
        rank += 1
    return ranks


def crowding_distance(points: ArrayLike) -> NDArray[np.float64]:
    """Crowding distance of each point of one front: the gaps around it, summed over the objectives.

    A gap is the distance of the two neighbors of a point in one objective, relative to the range of the
    front. The extreme points of an objective have infinite distance.

    Args:
        points: Points of one front, ``(points, objectives)``.

    Returns:
        Distances, ``(points,)``.
    """
    values = np.asarray(points, dtype=np.float64)
    distance = np.zeros(len(values))
    for column in values.T:
        order = np.argsort(column, kind="stable")
        span = column[order[-1]] - column[order[0]]
        distance[order[[0, -1]]] = np.inf
        if span > 0:
            distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return distance


def rank_sum_order(points: ArrayLike, violations: ArrayLike | None = None) -> NDArray[np.int64]:
    """Order of points for selection by rank sums.

    A point beats another if it is better in all objectives and its violation is not larger. Points are
    ordered by violation, then by the number of points that beat them. Among equals, the best of each
    objective come first, then the others by the sum of their ranks among these equals; equal values have one
    rank.

    Args:
        points: Points, ``(points, objectives)``; lower is better.
        violations: Violations, ``(points,)``; 0 for a feasible point.

    Returns:
        Indices of points, ``(points,)``, best first.
    """
    from scipy.stats import rankdata  # here, because it takes a second to load

    values = np.asarray(points, dtype=np.float64)
    broken = np.zeros(len(values)) if violations is None else np.asarray(violations, dtype=np.float64)
    beats = (values[:, None] < values[None]).all(axis=2) & (broken[:, None] <= broken[None])
    _, groups = np.unique(np.stack([broken, beats.sum(axis=0)]), axis=1, return_inverse=True)
    groups = groups.reshape(-1)  # NumPy 2.0 gave it another shape
    order: list[int] = []
    for group in range(groups.max(initial=-1) + 1):
        members = np.flatnonzero(groups == group)
        ranks = rankdata(values[members], method="min", axis=0)
        is_best = np.zeros(len(members), dtype=bool)
        is_best[ranks.argmin(axis=0)] = True
        order += members[np.lexsort((ranks.sum(axis=1), ~is_best))].tolist()
    return np.array(order, dtype=np.int64)


def hypervolume(points: ArrayLike, reference: ArrayLike) -> float:
    """The exact volume that is dominated by the points and bounded by the reference.

    Slices the volume along the last objective; each slice is a hypervolume of one dimension less. This takes
    ``points ** (objectives - 1)`` steps, few for two or three objectives.

    Args:
        points: Points, ``(points, objectives)``; lower is better. Points that do not dominate the reference
            are ignored.
        reference: Reference point, ``(objectives,)``: the worst that counts.

    Raises:
        UsageError: The numbers of objectives differ.

    References:
        While et al., "A Faster Algorithm for Calculating Hypervolume", IEEE TEC 2006.
    """
    worst = np.asarray(reference, dtype=np.float64)
    values = np.asarray(points, dtype=np.float64)
    if not values.size:
        return 0.0
    if worst.ndim != 1 or values.ndim != 2 or values.shape[1] != len(worst):
        raise UsageError(
            f"points of shape {values.shape} need a reference of as many objectives, got shape {worst.shape}"
        )
    return _slice(values[(values < worst).all(axis=1)], worst)


def _slice(values: NDArray[np.float64], worst: NDArray[np.float64]) -> float:
    if not len(values):
        return 0.0
    if values.shape[1] == 1:
        return float(worst[0] - values.min())
    values = values[np.argsort(values[:, -1], kind="stable")]
    depths = np.diff(np.append(values[:, -1], worst[-1]))
    return sum(
        float(depth) * _slice(values[:position, :-1], worst[:-1])
        for position, depth in enumerate(depths, 1)
        if depth
    )

"""Which of several points are better when more than one number counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from egraph.errors import UsageError

__all__ = ["crowding_distance", "hypervolume", "pareto_ranks", "rank_sum_order"]


def pareto_ranks(points: ArrayLike, violations: ArrayLike | None = None) -> NDArray[np.int64]:
    """The non-dominated front that each point belongs to, 0 for the best.

    One point dominates another if it is nowhere worse and somewhere better. With violations Deb's rule holds:
    whatever keeps all constraints comes before whatever does not, and of those that do not, the smaller
    violation comes first.

    Args:
        points: ``(points, objectives)``, lower is better.
        violations: ``(points,)``, 0 for a point that keeps the constraints, infinite for one that failed.

    Returns:
        ``(points,)`` ranks; equal ones do not dominate each other.
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
    """How much room each point of one front has: the gaps around it, summed over the objectives.

    A gap is what lies between the two neighbours of a point in one objective, over the range of the front.
    The ends of a front are infinitely far from the others.

    Args:
        points: ``(points, objectives)``, all of one front.

    Returns:
        ``(points,)`` distances.
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
    """Points in the order in which a selection by rank sums takes them.

    A point beats another if it is better in all objectives, and breaks constraints no more. Those beaten by
    fewest come first. Of those beaten by as many, first come the best of each objective, then the others by
    the sum of their ranks among them; equal values have one rank. A smaller violation comes before all that.

    Args:
        points: ``(points, objectives)``, lower is better.
        violations: ``(points,)``, 0 for a point that keeps the constraints.

    Returns:
        ``(points,)`` numbers of points, the first to be taken first.
    """
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
    """The volume of what is dominated by some point and dominates the reference; exact.

    Cuts the volume into slices along the last objective, each a hypervolume of one dimension less. That is
    quick for two and three objectives, and takes ``points ** (objectives - 1)`` steps beyond.

    Args:
        points: ``(points, objectives)``, lower is better; what does not dominate the reference is left out.
        reference: ``(objectives,)``, the worst that counts.

    Raises:
        UsageError: the numbers of objectives differ.

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
        float(depth) * _slice(values[:place, :-1], worst[:-1])
        for place, depth in enumerate(depths, 1)
        if depth
    )

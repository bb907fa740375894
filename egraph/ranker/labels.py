"""Scores that are compared inside their group only: tables, data sets or recipes with scales of their own."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from egraph.metrics import kendall_tau
from egraph.surrogates.exact_inference import choose_evenly

__all__ = ["Labels", "centre", "pairs_within", "rank_gauss", "spread_within"]

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

_NOISE = 0.1
"""Noise of a difference of two measured scores, in interquartile ranges of the scores."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Training scores with their groups.

    Scores of one group have the user's units. With several groups, each group's scores are in units of its
    interquartile range, from its median.

    Attributes:
        scores: ``(graphs,)``; higher is better.
        groups: Number of each score's group, ``(graphs,)``.
        margin: Largest difference of two scores that counts as about equal.
        noise: Standard deviation of a measured difference.
    """

    scores: Floats
    groups: Numbers
    margin: float
    noise: float

    @classmethod
    def of(cls, scores: Floats, groups: Numbers, eps: float | None) -> Labels:
        """Labels of scores in the user's units.

        Args:
            scores: ``(graphs,)``, at least two of them distinct in each group.
            groups: Number of each score's group, ``(graphs,)``.
            eps: The margin, with several groups in interquartile ranges of each group; None for a
                fiftieth of the range.
        """
        several = len(np.unique(groups)) > 1
        if several:
            scores = scores.copy()
            for group in np.unique(groups):
                rows = groups == group
                low, middle, high = np.quantile(scores[rows], [0.25, 0.5, 0.75])
                unit = high - low if high > low else np.ptp(scores[rows])
                scores[rows] = (scores[rows] - middle) / unit
        low, high = (0.0, 1.0) if several else np.quantile(scores, [0.25, 0.75])
        width = float(high - low)
        return cls(scores, groups, width / 50 if eps is None else float(eps), max(_NOISE * width, 1e-12))

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def ranks(self) -> Floats:
        """Ranks inside the group from 0, the worst, to 1, ``(graphs,)``; equal scores stay equal."""
        found = np.empty(len(self.scores))
        for group in np.unique(self.groups):
            rows = self.groups == group
            found[rows] = _mid_ranks(self.scores[rows])
        return found

    @property
    def targets(self) -> Floats:
        """Standard normal quantiles of the ranks, ``(graphs,)``."""
        return ndtri(self.ranks)

    def tau(self, predicted: Floats) -> float:
        """Kendall's tau-b of predictions inside each group, averaged over architectures.

        Groups where it is undefined are left out; NaN if there are no others.
        """
        found, sizes = [], []
        for group in np.unique(self.groups):
            rows = self.groups == group
            if rows.sum() > 1 and not np.isnan(tau := kendall_tau(self.scores[rows], predicted[rows])):
                found.append(tau)
                sizes.append(int(rows.sum()))
        return float(np.average(found, weights=sizes)) if found else math.nan

    def take(self, rows: Numbers) -> Labels:
        """The labels at the given positions."""
        return Labels(self.scores[rows], self.groups[rows], self.margin, self.noise)


def rank_gauss(scores: Floats) -> Floats:
    """Standard normal quantiles of the ranks of the scores of one group; equal scores stay equal."""
    return ndtri(_mid_ranks(scores))


def pairs_within(groups: Numbers, most: int) -> tuple[Numbers, Numbers]:
    """Positions of pairs inside groups, among about ``most`` evenly chosen positions, ``(pairs,)`` each."""
    first, second = [], []
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        share = max(most * len(rows) // len(groups), 2)
        chosen = rows[choose_evenly(len(rows), share)]
        a, b = np.triu_indices(len(chosen), 1)
        first.append(chosen[a])
        second.append(chosen[b])
    return np.concatenate(first), np.concatenate(second)


def centre(values: Floats, groups: Numbers) -> Floats:
    """Values, ``(..., graphs)``, minus their group's mean; those of a single group unchanged."""
    names = np.unique(groups)
    if len(names) < 2:
        return values
    found = values.copy()
    for group in names:
        rows = groups == group
        found[..., rows] -= values[..., rows].mean(axis=-1, keepdims=True)
    return found


def spread_within(values: Floats, groups: Numbers) -> Floats:
    """Standard deviation inside groups along the last axis; nothing orders values of different groups."""
    return centre(values, groups).std(axis=-1)


def _mid_ranks(scores: Floats) -> Floats:
    return (rankdata(scores) - 0.5) / len(scores)

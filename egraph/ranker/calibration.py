"""How far measured scores lie from predicted ones, learnt on folds that the fold's ranker did not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

__all__ = ["LEVELS", "ONE_DEVIATION", "Calibration", "split_folds"]

Floats = NDArray[np.float64]

LEVELS = (0.5, 0.8, 0.95)
"""The levels that coverage is reported at."""

ONE_DEVIATION = 0.6827
"""Share of a normal distribution within one standard deviation."""

_FEWEST = 10
_MOST_KEPT = 1000


@dataclass(frozen=True, eq=False)
class Calibration:
    """Conformal: half the width of an interval is the raw deviation times a quantile of such ratios.

    Attributes:
        ratios: error over raw deviation of held-out architectures, increasing, ``(kept,)``; empty where there
            were too few to hold any out, and deviations are taken for those of a normal distribution.
        coverage: for each of `LEVELS` the share of held-out scores in the interval that the other folds give.

    References:
        Lei, G'Sell, Rinaldo, Tibshirani, Wasserman: Distribution-free predictive inference for regression,
        https://arxiv.org/abs/1604.04173
    """

    ratios: Floats
    coverage: Floats

    @classmethod
    def none(cls) -> Calibration:
        """Of a ranker that held nothing out."""
        return cls(np.zeros(0), np.full(len(LEVELS), np.nan))

    @classmethod
    def fit(cls, folds: Sequence[Floats]) -> Calibration:
        """Learns from the ratios of each fold."""
        everything = np.sort(np.concatenate(folds))
        inside = [
            np.concatenate(
                [
                    fold <= _quantile(np.sort(np.concatenate([*folds[:k], *folds[k + 1 :]])), level)
                    for k, fold in enumerate(folds)
                ]
            ).mean()
            for level in LEVELS
        ]
        kept = everything
        if len(everything) > _MOST_KEPT:
            kept = everything[np.linspace(0, len(everything) - 1, _MOST_KEPT).round().astype(int)]
        return cls(kept, np.array(inside))

    def factor(self, level: float) -> float:
        """Raw deviations in half an interval that holds a measured score with probability ``level``."""
        return _quantile(self.ratios, level) if len(self.ratios) else float(norm.ppf((1 + level) / 2))


def split_folds(groups: NDArray[np.int64], folds: int, seed: int) -> list[NDArray[np.int64]]:
    """Held-out positions of each fold; none where there are too few to learn from.

    Args:
        groups: what each architecture computes, as a number, ``(graphs,)``: twins stay in one fold.
        folds: how many; 0 holds nothing out.
        seed: of the order.
    """
    distinct = int(groups.max()) + 1
    if folds == 0 or distinct < _FEWEST:
        return []
    fold = np.random.default_rng(seed).permutation(np.arange(distinct) % folds)[groups]
    return [np.flatnonzero(fold == k) for k in range(folds)]


def _quantile(ordered: Floats, level: float) -> float:
    """The conformal quantile: one more than the given are thought of, so that coverage is no less."""
    place = (len(ordered) + 1) * level - 1
    return float(np.interp(place, np.arange(len(ordered)), ordered))

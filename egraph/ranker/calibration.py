"""Calibrates prediction intervals by the errors on held-out folds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

__all__ = ["FEWEST", "LEVELS", "ONE_DEVIATION", "Calibration", "split_folds"]

Floats = NDArray[np.float64]

LEVELS = (0.5, 0.8, 0.95)
"""Levels for which coverage is reported."""

ONE_DEVIATION = 0.6827
"""Share of a normal distribution within one standard deviation."""

FEWEST = 10
"""Fewest different architectures of which folds are held out."""
_MOST_KEPT = 1000


@dataclass(frozen=True, eq=False)
class Calibration:
    """Conformal prediction: half the width of an interval is the raw deviation times a quantile of ratios.

    Attributes:
        ratios: Errors over raw deviations of held-out architectures, increasing, ``(kept,)``. Empty where
            none were held out; errors then count as normally distributed.
        coverage: Share of held-out scores inside the interval of each of `LEVELS`, calibrated on the other
            folds.
        tau: Kendall's tau-b between held-out predictions and scores; NaN where none were held out.

    References:
        Lei, G'Sell, Rinaldo, Tibshirani, Wasserman: Distribution-free predictive inference for regression,
        https://arxiv.org/abs/1604.04173
    """

    ratios: Floats
    coverage: Floats
    tau: float = math.nan

    @classmethod
    def none(cls) -> Calibration:
        """Calibration of a ranker that held nothing out."""
        return cls(np.zeros(0), np.full(len(LEVELS), np.nan))

    @classmethod
    def fit(cls, folds: Sequence[Floats], tau: float = math.nan) -> Calibration:
        """Calibrates on the ratios of each fold; ``tau`` is that of all held-out predictions."""
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
        return cls(kept, np.array(inside), tau)

    def factor(self, level: float) -> float:
        """Half the width, in raw deviations, of an interval that holds a score with probability ``level``."""
        return _quantile(self.ratios, level) if len(self.ratios) else float(norm.ppf((1 + level) / 2))


def split_folds(
    groups: NDArray[np.int64], folds: int, seed: int, fewest: int = FEWEST
) -> list[NDArray[np.int64]]:
    """Held-out positions of each fold; no folds where there are too few groups.

    Args:
        groups: Number of each architecture's group, ``(graphs,)``. Architectures that compute the same are
            one group, which stays in one fold.
        folds: Number of folds; 0 holds nothing out.
        seed: Seed of the order.
        fewest: Fewest groups that are split.
    """
    distinct = int(groups.max()) + 1
    if folds == 0 or distinct < fewest:
        return []
    fold = np.random.default_rng(seed).permutation(np.arange(distinct) % folds)[groups]
    return [np.flatnonzero(fold == k) for k in range(folds)]


def _quantile(ordered: Floats, level: float) -> float:
    """The conformal quantile, of one value more than given, so that coverage is at least the level."""
    position = (len(ordered) + 1) * level - 1
    return float(np.interp(position, np.arange(len(ordered)), ordered))

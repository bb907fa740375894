"""A ranker's prediction and zero-cost scores as one score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from egraph.architecture import Architecture
from egraph.errors import UsageError
from egraph.evaluation.base import Fitness
from egraph.evaluation.scoring import ZeroCost

__all__ = ["RANKER_WEIGHT", "Fused", "fuse"]

RANKER_WEIGHT = 0.4
"""Weight of the ranker's prediction beside zero-cost scores; docs/concepts/zero-cost.md has the figures."""


class _Predictor(Protocol):
    def predict(self, architectures: Sequence[Architecture]) -> Any:
        """Scores ``(architectures,)``, higher is better."""


def fuse(predicted: ArrayLike, values: ArrayLike, weight: float = RANKER_WEIGHT) -> NDArray[np.float64]:
    """The weighted geometric mean of the ranks by a prediction and by scores of other scales.

    A low rank in one score counts for more than in the arithmetic mean: most networks that are bad are bad in
    some way. Ranks are relative to the architectures of the call, so results of two calls cannot be compared.

    Args:
        predicted: Predictions of a ranker, ``(architectures,)``, higher is better.
        values: Zero-cost scores, ``(architectures, scores)``, higher is better. NaN ranks below all numbers.
        weight: Weight of the prediction, from 0 to 1. The scores have equal shares of the rest.

    Returns:
        Weighted mean ranks divided by the number of architectures, ``(architectures,)``: 1 for one that is
        best in everything. Ties share their mean rank.

    Raises:
        UsageError: The shapes do not fit, or the weight is not between 0 and 1.

    References:
        J. Lee and B. Ham, AZ-NAS: Assembling Zero-Cost Proxies for Network Architecture Search, CVPR 2024,
        https://arxiv.org/abs/2403.19232 (sums of logarithms of ranks)
    """
    from scipy import stats

    first, table = np.asarray(predicted, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if first.ndim != 1 or table.ndim != 2 or len(table) != len(first) or not table.shape[1]:
        raise UsageError(
            "fuse needs predictions (architectures,) and scores (architectures, scores), got shapes "
            f"{first.shape} and {table.shape}"
        )
    if not 0 <= weight <= 1:
        raise UsageError(f"weight must be a number from 0 to 1, got {weight!r}")
    both = np.nan_to_num(np.column_stack([first, table]), nan=-math.inf, posinf=math.inf, neginf=-math.inf)
    ranks = stats.rankdata(both, axis=0) / max(len(first), 1)
    shares = [weight, *[(1 - weight) / table.shape[1]] * table.shape[1]]
    return np.exp(np.average(np.log(ranks), axis=1, weights=shares))


class Fused:
    """A ranker whose predictions are fused with zero-cost scores, by rank within each call.

    It serves as a fitness and wherever a model with ``predict`` does. Each prediction builds and scores every
    network, which takes a fraction of a second each: predict for a few hundred architectures, not for all
    candidates. A study that is given a fitted ranker and ``screen=`` does so for its first trials.

    Args:
        ranker: Fitted ranker, or any model with ``predict``.
        scores: `ZeroCost` with one or several proxies, each of which counts as one score; or another fitness.
        weight: Weight of the ranker, as in `fuse`.

    Raises:
        UsageError: The weight is not between 0 and 1.
    """

    def __init__(self, ranker: _Predictor, scores: Fitness, *, weight: float = RANKER_WEIGHT) -> None:
        if not 0 <= weight <= 1:
            raise UsageError(f"weight must be a number from 0 to 1, got {weight!r}")
        self.ranker, self.scores, self.weight = ranker, scores, weight

    def predict(self, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """The fused scores, ``(architectures,)``, relative to the architectures of this call."""
        if isinstance(self.scores, ZeroCost):
            table = self.scores.columns(architectures)
        else:
            table = np.asarray(self.scores(architectures), dtype=np.float64)[:, None]
        return fuse(self.ranker.predict(architectures), table, self.weight)

    def __call__(self, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """The same as `predict`."""
        return self.predict(architectures)

    def describe(self) -> dict[str, object]:
        """Ranker, scores and weight as JSON-ready values."""
        from egraph.evaluation.wrapping import as_evaluator

        name = f"{type(self.ranker).__module__}.{type(self.ranker).__qualname__}"
        return {"ranker": name, "scores": as_evaluator(self.scores).describe(), "weight": self.weight}

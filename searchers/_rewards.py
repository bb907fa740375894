"""Advantages of scores over their moving average, independent of their scale."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["Rewards"]


class Rewards:
    """Moving average, moving variance and minimum of rewards.

    Averages of the first results are plain means, until exponential averaging with ``decay`` gives the past
    more weight.

    Args:
        decay: Share of the old average that remains after one result, between 0 and 1.
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._count = 0
        self._mean = self._variance = self._worst = 0.0

    def compare(self, score: float) -> float | None:
        """The difference of a score from the average before it, in standard deviations.

        Clipped to [-5, 5]. A failed score, NaN, counts as the worst so far; the result is None before the
        first success.
        """
        if math.isnan(score):
            if not self._count:
                return None
            score = self._worst
        difference = score - self._mean if self._count else 0.0
        self._worst = min(score, self._worst) if self._count else score
        self._count += 1
        share = max(1 - self._decay, 1 / self._count)
        self._mean = self._mean + share * difference if self._count > 1 else score
        self._variance = (1 - share) * (self._variance + share * difference**2)
        spread = math.sqrt(self._variance)
        return max(-5.0, min(5.0, difference / spread)) if spread > 0 else 0.0

    def state_dict(self) -> dict[str, Any]:
        """Everything, as JSON-ready values."""
        return {
            "count": self._count,
            "mean": self._mean,
            "variance": self._variance,
            "worst": self._worst,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` returned."""
        self._count, self._worst = state["count"], state["worst"]
        self._mean, self._variance = state["mean"], state["variance"]

"""Scores of any scale as advantages over their moving average."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["Rewards"]


class Rewards:
    """The moving average of rewards, their moving spread, and the worst of them.

    The first score is the first average; averages of the first results are plain means, until ``decay`` says
    more of the past.

    Args:
        decay: share of the old average that is left after one result, between 0 and 1.
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._count = 0
        self._mean = self._variance = self._worst = 0.0

    def compare(self, score: float) -> float | None:
        """How far a score lies above the average of those before, in their standard deviations.

        Clipped at five. A failed score, NaN, counts as the worst so far, and is None before the first that
        succeeded.
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
        """All of it as JSON-ready values."""
        return {
            "count": self._count,
            "mean": self._mean,
            "variance": self._variance,
            "worst": self._worst,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes back what `state_dict` gave."""
        self._count, self._worst = state["count"], state["worst"]
        self._mean, self._variance = state["mean"], state["variance"]

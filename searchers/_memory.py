"""The results that a predictor learns from: bounded, the better half for good."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from egraph.architecture import Architecture

__all__ = ["Memory"]


class Memory:
    """Successful results, of which the oldest outside the better half leaves where there are too many.

    Args:
        points: how many are kept, at least 2.

    Attributes:
        architectures: those kept, in the order of telling.
        scores: theirs.
        told: how many results came in all, failed ones included.
    """

    def __init__(self, points: int) -> None:
        self._points = points
        self.architectures: list[Architecture] = []
        self.scores: list[float] = []
        self.told = 0

    def add(self, architectures: Sequence[Architecture], scores: Iterable[float]) -> None:
        """Takes in results; NaN for those that failed."""
        for architecture, score in zip(architectures, scores, strict=True):
            self.told += 1
            if np.isnan(score):
                continue
            self.architectures.append(architecture)
            self.scores.append(float(score))
            if len(self.scores) > self._points:
                median = sorted(self.scores)[len(self.scores) // 2]
                leaves = next(place for place, kept in enumerate(self.scores) if kept <= median)
                del self.architectures[leaves], self.scores[leaves]

    def best(self, count: int) -> list[Architecture]:
        """The best of them, best first, fewer where there are not as many."""
        order = np.argsort(-np.array(self.scores), kind="stable")[:count]
        return [self.architectures[place] for place in order]

    def state_dict(self) -> dict[str, Any]:
        """All of it as JSON-ready values."""
        kept = [architecture.to_dict() for architecture in self.architectures]
        return {"architectures": kept, "scores": list(self.scores), "told": self.told}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes back what `state_dict` gave."""
        self.architectures = [Architecture.from_dict(kept) for kept in state["architectures"]]
        self.scores, self.told = list(state["scores"]), state["told"]

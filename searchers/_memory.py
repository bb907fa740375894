"""A bounded memory of results; the better half is never evicted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from egraph.architecture import Architecture

__all__ = ["Memory"]


class Memory:
    """Successful results; when there are too many, the oldest outside the better half is evicted.

    Args:
        points: Largest number of results, at least 2.

    Attributes:
        architectures: Architectures in the memory, in the order of telling.
        scores: Their scores.
        told: Number of all results, failed ones included.
    """

    def __init__(self, points: int) -> None:
        self._points = points
        self.architectures: list[Architecture] = []
        self.scores: list[float] = []
        self.told = 0

    def add(self, architectures: Sequence[Architecture], scores: Iterable[float]) -> None:
        """Adds results; NaN for a failed one."""
        for architecture, score in zip(architectures, scores, strict=True):
            self.told += 1
            if np.isnan(score):
                continue
            self.architectures.append(architecture)
            self.scores.append(float(score))
            if len(self.scores) > self._points:
                median = sorted(self.scores)[len(self.scores) // 2]
                leaves = next(position for position, kept in enumerate(self.scores) if kept <= median)
                del self.architectures[leaves], self.scores[leaves]

    def best(self, count: int) -> list[Architecture]:
        """The ``count`` best architectures, best first; fewer if the memory has fewer."""
        order = np.argsort(-np.array(self.scores), kind="stable")[:count]
        return [self.architectures[position] for position in order]

    def rescore(self, scores: Iterable[float]) -> None:
        """Replaces the scores, in the order of `architectures`; a result with NaN is forgotten."""
        kept = [pair for pair in zip(self.architectures, scores, strict=True) if not np.isnan(pair[1])]
        self.architectures, self.scores = [a for a, _ in kept], [score for _, score in kept]

    def state_dict(self) -> dict[str, Any]:
        """Everything, as JSON-ready values."""
        kept = [architecture.to_dict() for architecture in self.architectures]
        return {"architectures": kept, "scores": list(self.scores), "told": self.told}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` returned."""
        self.architectures = [Architecture.from_dict(kept) for kept in state["architectures"]]
        self.scores, self.told = list(state["scores"]), state["told"]

"""Stands in for OnnxRanker until that is there; to be removed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from egraph.architecture import Architecture


class Assessment(NamedTuple):
    score: Any
    deviation: Any
    lower: Any
    upper: Any


class OnnxRanker:
    def __init__(self, path: Any, threads: int | None = None) -> None:
        from egraph.ranker import load

        self.ranker = load(path)
        self.card = dict(self.ranker.card)
        self.space = self.card.get("space")
        self.trials, self.largest = self.ranker.n_trials_, self.ranker.largest_
        self.vocabulary = self.ranker.vocabulary_
        self.coverage = self.ranker.coverage_

    def assess(self, architectures: list[Architecture], level: float = 0.8) -> Assessment:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not level:
                nothing = np.full(len(architectures), np.nan)
                return Assessment(self.ranker(architectures), nothing, nothing, nothing)
            score, deviation = self.ranker.predict(architectures, return_std=True)
            return Assessment(score, deviation, *self.ranker.intervals(architectures, level))

    def compare(self, a: Any, b: Any) -> Any:
        return self.ranker.compare(a, b)

    def strangers(self, architectures: Any) -> tuple[str, ...]:
        return self.ranker.encode(architectures).strangers

"""One real evaluation, as the journal keeps it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from egraph.architecture import Architecture
from egraph.evaluation.base import Evaluation

__all__ = [
    "BASELINE",
    "DONE",
    "FAR",
    "INITIAL",
    "OWN",
    "RANDOM",
    "SCREENED",
    "SEARCH",
    "TOP",
    "State",
    "Trial",
]

State = Literal["queued", "running", "complete", "failed"]
DONE: tuple[State, ...] = ("complete", "failed")
"""States of trials that will not change any more."""

INITIAL = "initial"
"""Random, before there is a ranker; belongs to the random baseline too."""
SCREENED = "screened"
"""The best of many random ones by a score that needs no training, before there is a ranker."""
TOP = "top"
"""Among the best predicted of its round."""
FAR = "far"
"""Promising, and far from everything tried before."""
SEARCH = "search"
"""Proposed by the searcher itself, in a study without a ranker."""
RANDOM = "random"
"""Random, because too few trials had succeeded to fit the ranker."""
BASELINE = "baseline"
"""Random; neither the ranker nor the searcher ever sees it."""
OWN = (INITIAL, SCREENED, TOP, FAR, SEARCH, RANDOM)
"""Origins of the trials of the search itself: all but the baseline's."""

UNMEASURED = Evaluation(math.nan)
"""Of a trial that has no result yet."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One real evaluation of one architecture.

    Attributes:
        number: counts from 0, in the order of proposing.
        round: the round that proposed it.
        origin: why it was proposed: initial, screened, top, far, search, random or baseline.
        state: queued, running, complete or failed.
        key: of the architecture in its search space.
        architecture: what is evaluated.
        seed: of its evaluation.
        predicted: what the ranker said before the evaluation; NaN where there was no ranker.
        evaluation: what was measured; the score is NaN until the trial is complete.
        reason: why it failed.
        started: seconds since 1970; NaN until it runs.
        finished: seconds since 1970; NaN until complete or failed.
    """

    number: int
    round: int
    origin: str
    state: State
    key: str
    architecture: Architecture
    seed: int
    predicted: float = math.nan
    evaluation: Evaluation = UNMEASURED
    reason: str = ""
    started: float = math.nan
    finished: float = math.nan

    @property
    def score(self) -> float:
        """What the search maximises; NaN until complete."""
        return self.evaluation.score

    @property
    def test_score(self) -> float:
        """Only ever reported; NaN where there is none."""
        return self.evaluation.test_score

    @property
    def seconds(self) -> float:
        """Cost of the evaluation; NaN where unknown."""
        return self.evaluation.seconds

    @property
    def params(self) -> int:
        """Number of trainable parameters; 0 where unknown."""
        return self.evaluation.params

    @property
    def flops(self) -> int:
        """Multiply-adds of one forward pass; 0 where unknown."""
        return self.evaluation.flops

    @property
    def source(self) -> str:
        """Where the score came from."""
        return self.evaluation.source

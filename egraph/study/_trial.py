"""One real evaluation of one architecture, with its state and origin."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from egraph.architecture import Architecture
from egraph.evaluation.base import Evaluation

__all__ = [
    "BASELINE",
    "DONE",
    "ENQUEUED",
    "FAR",
    "GIVEN",
    "INITIAL",
    "KNOWN",
    "MUTANTS",
    "OWN",
    "PROMOTED",
    "RANDOM",
    "REFERENCE",
    "SAMPLES",
    "SCREENED",
    "SEARCH",
    "TOLD",
    "TOP",
    "UNPROPOSED",
    "WHOLE",
    "WHOLE_COST",
    "State",
    "Trial",
    "add_costs",
    "known_first",
    "tidy_cost",
]

State = Literal["queued", "running", "asked", "complete", "failed"]
DONE: tuple[State, ...] = ("complete", "failed")
"""States that do not change any more."""

INITIAL = "initial"
"""Random, before there is a ranker; counts for the random baseline too."""
SCREENED = "screened"
"""Among the best of many random ones by a score that needs no training, before there is a ranker."""
TOP = "top"
"""Among those with the best predictions of its round."""
FAR = "far"
"""Promising, and far from everything tried before it."""
SEARCH = "search"
"""Proposed by the searcher itself, in a study without a ranker."""
RANDOM = "random"
"""Random, because too few trials had succeeded to fit the ranker."""
PROMOTED = "promoted"
"""Among the best at a lower fidelity."""
TOLD = "told"
"""Source of a score that was told from outside."""

KNOWN = "known"
"""Measured before the study, which was given its score; costs nothing."""
GIVEN = "given"
"""The network that the space is about."""
REFERENCE = "reference"
"""The network that the space is about, beyond the limits: evaluated to compare with, and never the best."""
ENQUEUED = "enqueued"
"""Wished for by the user."""
BASELINE = "baseline"
"""Random, for comparison; neither ranker nor searcher learns from it."""

MUTANTS = "mutants"
"""Finder: mutants of the best trials."""
SAMPLES = "samples"
"""Finder: random samples."""
WHOLE = "whole space"
"""Finder of all candidates where the whole space is scored."""

UNPROPOSED = (KNOWN, GIVEN, REFERENCE, ENQUEUED)
"""Origins of the trials that a study was given and did not propose itself."""

OWN = (INITIAL, SCREENED, TOP, FAR, SEARCH, RANDOM, PROMOTED, KNOWN, GIVEN, ENQUEUED)
"""Origins of the trials of the search itself: all but the baseline's."""

WHOLE_COST = 1.0
"""Fidelity of a whole evaluation."""

UNMEASURED = Evaluation(math.nan)
"""The evaluation of a trial without a result."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One real evaluation of one architecture.

    Attributes:
        number: Number in the order of proposing, from 0.
        round: Number of the round that proposed it.
        origin: Reason of the proposal: initial, screened, top, far, search, random, promoted, known,
            given, reference, enqueued or baseline.
        state: State: queued, running, asked (handed out, its score is to be told), complete or failed.
        key: Key of the architecture in its search space.
        architecture: Architecture that is evaluated.
        seed: Seed of the evaluation.
        predicted: Prediction of the ranker before the evaluation; NaN without a ranker.
        intervals: Lower and upper ends of its intervals of 50, 80 and 95 %, one after another; empty without
            calibrated intervals.
        evaluation: Measurement; its score is NaN until the trial is complete.
        reason: Reason of the failure.
        started: Start in seconds since 1970; NaN until it runs.
        finished: End in seconds since 1970; NaN until it is complete or failed.
        finder: Name of the searcher that found the architecture; empty if none searched.
        costs: Costs by name, known before the evaluation; NaN where unknown, empty in a study without costs.
        fidelity: Cost relative to a whole evaluation; 1 is a whole one, whose score alone is the study's.
        known_in: Number of the first round that was proposed when its result was known; None before that.
    """

    number: int
    round: int
    origin: str
    state: State
    key: str
    architecture: Architecture
    seed: int
    predicted: float = math.nan
    intervals: tuple[float, ...] = ()
    evaluation: Evaluation = UNMEASURED
    reason: str = ""
    started: float = math.nan
    finished: float = math.nan
    finder: str = ""
    costs: Mapping[str, float] = field(default_factory=dict, hash=False)
    fidelity: float = WHOLE_COST
    known_in: int | None = None

    @property
    def score(self) -> float:
        """The score that the search maximises; NaN until complete."""
        return self.evaluation.score

    @property
    def test_score(self) -> float:
        """The test score, which decides nothing; NaN where there is none."""
        return self.evaluation.test_score

    @property
    def seconds(self) -> float:
        """The cost of the evaluation; NaN where unknown."""
        return self.evaluation.seconds

    @property
    def params(self) -> int:
        """The number of trainable parameters; 0 where unknown."""
        return self.evaluation.params

    @property
    def flops(self) -> int:
        """The multiply-adds of one forward pass; 0 where unknown."""
        return self.evaluation.flops

    @property
    def source(self) -> str:
        """The origin of the score, such as ``"trained on digits (cpu)"``."""
        return self.evaluation.source


def known_first(trials: Iterable[Trial]) -> list[Trial]:
    """Trials in the order in which rounds knew their results; of one round, and without one, by number."""
    return sorted(trials, key=lambda one: (math.inf if one.known_in is None else one.known_in, one.number))


def add_costs(trials: Iterable[Trial]) -> float:
    """The cost of trials in whole evaluations; a whole number of these as an int.

    Results that were known before the study cost nothing.
    """
    return tidy_cost(math.fsum(trial.fidelity for trial in trials if trial.origin != KNOWN))


def tidy_cost(total: float) -> float:
    """A sum of costs without rounding errors, because .1 + .2 is not quite .3; a whole number as an int."""
    total = round(total, 9)
    return int(total) if total == int(total) else total

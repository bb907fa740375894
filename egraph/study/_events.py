"""What a study tells a progress callback while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from egraph.study._trial import Trial

__all__ = [
    "Event",
    "RankerFitted",
    "RetrainFinished",
    "RoundFinished",
    "RoundStarted",
    "RunFinished",
    "RunStarted",
    "Screening",
    "TrialFinished",
    "TrialStarted",
]


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins, or goes on where an earlier one was broken off.

    Attributes:
        finished: trials that are done already, those of the baseline not counted.
        baseline_finished: trials of the baseline alone that are done already.
        requeued: trials that were running when the last run was broken off, and run again.
        trials: the budget, or None where only time limits the run.
        seconds: the budget, or None where only the number of trials does.
        baseline: whether random search runs beside it.
    """

    finished: int
    baseline_finished: int
    requeued: int
    trials: int | None
    seconds: float | None
    baseline: bool


@dataclass(frozen=True, slots=True)
class Screening:
    """The first trials will be chosen by a score that needs no training, which is computed now.

    Attributes:
        architectures: how many are scored.
    """

    architectures: int


@dataclass(frozen=True, slots=True)
class RankerFitted:
    """The ranker learned from all trials of the study.

    Attributes:
        round: the round that it will guide.
        trials: how many it learned from.
        seconds: how long the fit took.
    """

    round: int
    trials: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RoundStarted:
    """A round was proposed and is in the journal.

    Attributes:
        round: counts from 0.
        trials: how many were proposed, those of the baseline not counted.
        baseline_trials: how many random ones run beside them.
        candidates: how many the ranker scored to choose them.
        seconds: how long that took.
    """

    round: int
    trials: int
    baseline_trials: int
    candidates: int
    seconds: float


@dataclass(frozen=True, slots=True)
class TrialStarted:
    """A trial began."""

    trial: Trial


@dataclass(frozen=True, slots=True)
class TrialFinished:
    """A trial is complete or failed.

    Attributes:
        trial: with its result.
        finished: trials that are done, those of the baseline not counted.
        baseline_finished: trials of the baseline alone that are done.
    """

    trial: Trial
    finished: int
    baseline_finished: int


@dataclass(frozen=True, slots=True)
class RoundFinished:
    """All trials of a round are done.

    Attributes:
        round: counts from 0.
        tau: Kendall's tau of the ranker on the round's trials before it saw them; NaN where undefined.
        tau_baseline: the same on the round's random trials.
    """

    round: int
    tau: float
    tau_baseline: float


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run ended by itself.

    Attributes:
        reason: why, in words.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class RetrainFinished:
    """One of several evaluations with fresh seeds is done.

    Attributes:
        done: how many are.
        total: how many there will be.
    """

    done: int
    total: int


Event = (
    RunStarted
    | Screening
    | RankerFitted
    | RoundStarted
    | TrialStarted
    | TrialFinished
    | RoundFinished
    | RunFinished
    | RetrainFinished
)
"""Anything that a study reports while it runs."""

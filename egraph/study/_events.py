"""The events that a study passes to a progress callback while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from egraph.study._promises import Verdict
from egraph.study._trial import Trial

__all__ = [
    "DriftAlarm",
    "Event",
    "NetworkScored",
    "PreparationStep",
    "Prepared",
    "Preparing",
    "RankerFitted",
    "RetrainFinished",
    "RetrainStarted",
    "RoundFinished",
    "RoundStarted",
    "RunFinished",
    "RunStarted",
    "Screened",
    "Screening",
    "TrialFinished",
    "TrialStarted",
    "ignore",
]


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins, or resumes an interrupted one.

    Attributes:
        finished: Number of trials that are done already, those of the baseline not counted; with fidelities
            their cost in whole trials.
        baseline_finished: The same for the trials of the baseline.
        requeued: Number of trials that ran when the last run was interrupted, and run again.
        trials: Budget of trials; None if only time limits the run.
        seconds: Budget of time; None if only the number of trials limits the run.
        baseline: Whether random search runs beside the search.
        lost: Number of processes that ended without a word during a trial, by the number of the trial.
    """

    finished: float
    baseline_finished: float
    requeued: int
    trials: float | None
    seconds: float | None
    baseline: bool
    lost: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preparing:
    """A searcher needs work before the first trial, such as the training of a supernet, which begins.

    Attributes:
        searcher: Name of the searcher.
        title: The work in words.
        done: Number of steps that earlier runs have done.
        total: Number of steps in all.
    """

    searcher: str
    title: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class PreparationStep:
    """A step of this work is done, such as an epoch.

    Attributes:
        searcher: Name of the searcher.
        title: The work in words.
        done: Number of steps that are done.
        total: Number of steps in all.
        note: A short text about the state.
    """

    searcher: str
    title: str
    done: int
    total: int
    note: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """This work is done.

    Attributes:
        searcher: Name of the searcher.
        title: The work in words.
        seconds: Duration, that of interrupted runs included.
    """

    searcher: str
    title: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Screening:
    """Networks are about to be scored without training, to choose the first trials.

    Attributes:
        architectures: Number of networks.
    """

    architectures: int


@dataclass(frozen=True, slots=True)
class NetworkScored:
    """An untrained network was scored.

    Attributes:
        done: Number of networks that are scored.
        total: Number of networks in all.
    """

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Screened:
    """The untrained networks are scored, or the time for it is over.

    Attributes:
        architectures: Number of networks.
        scored: Number of those that were scored; there was no time for the others.
        seconds: Duration, that of interrupted runs included.
    """

    architectures: int
    scored: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RankerFitted:
    """The ranker learned from all trials of the study.

    Attributes:
        round: Number of the round that it will guide.
        trials: Number of trials that it learned from.
        seconds: Duration of the fit.
    """

    round: int
    trials: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RoundStarted:
    """A round was proposed and is in the journal.

    Attributes:
        round: Number of the round, from 0.
        trials: Number of proposed trials, those of the baseline not counted.
        baseline_trials: Number of random trials beside them.
        candidates: Number of architectures that the ranker scored to choose them.
        seconds: Duration of the choice.
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
        trial: The trial with its result.
        finished: Number of trials that are done, those of the baseline not counted; with fidelities their
            cost in whole trials.
        baseline_finished: The same for the trials of the baseline.
    """

    trial: Trial
    finished: float
    baseline_finished: float


@dataclass(frozen=True, slots=True)
class RoundFinished:
    """All trials of a round are done.

    Attributes:
        round: Number of the round, from 0.
        tau: Kendall's tau between the ranker's predictions and the scores of the round; NaN if undefined.
        tau_baseline: The same for the round's random trials.
        own: What the ranker promised and delivered for the trials of the search.
        random: The same for the round's random trials.
    """

    round: int
    tau: float
    tau_baseline: float
    own: Verdict = field(default_factory=Verdict)
    random: Verdict = field(default_factory=Verdict)


@dataclass(frozen=True, slots=True)
class DriftAlarm:
    """The ranker delivers significantly less than it promised; the next round explores more.

    Attributes:
        round: Number of the round, from 0.
        own: What the ranker promised and delivered for its trials.
        p_value: Probability of such a result if the ranker's intervals are right.
    """

    round: int
    own: Verdict
    p_value: float


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run ended without an error.

    Attributes:
        reason: Reason in words.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class RetrainStarted:
    """Evaluations with fresh seeds begin; it does not occur where the journal holds all of them.

    Attributes:
        total: Number of evaluations in all.
    """

    total: int


@dataclass(frozen=True, slots=True)
class RetrainFinished:
    """One of several evaluations with fresh seeds is done.

    Attributes:
        done: Number of evaluations that are done.
        total: Number of evaluations in all.
    """

    done: int
    total: int


Event = (
    RunStarted
    | Preparing
    | PreparationStep
    | Prepared
    | Screening
    | NetworkScored
    | Screened
    | RankerFitted
    | RoundStarted
    | TrialStarted
    | TrialFinished
    | RoundFinished
    | DriftAlarm
    | RunFinished
    | RetrainStarted
    | RetrainFinished
)
"""Every event of a study."""


def ignore(event: Event) -> None:
    """Does nothing with an event."""

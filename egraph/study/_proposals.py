"""What a strategy gets and gives: the state of a study, and what shall be evaluated next."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from egraph.architecture import Architecture
from egraph.study._events import Event
from egraph.study._guide import Predictor
from egraph.study._screen import Screener
from egraph.study._trial import BASELINE, DONE, WHOLE_COST, Trial, add_costs, known_first

__all__ = ["Plan", "Proposal", "Situation", "Strategy"]

_DUST = 1e-9  # rounding errors of sums of costs


@dataclass(frozen=True, slots=True)
class Proposal:
    """One architecture that shall be evaluated.

    Attributes:
        architecture: What to evaluate.
        origin: Reason, one of the origins of `Trial`.
        predicted: Score that the ranker expects; NaN where there is no ranker.
        finder: Name of the searcher that found it; empty if none searched.
        fidelity: Cost relative to a whole evaluation.
        seed: Seed of the evaluation; None for one of its own.
    """

    architecture: Architecture
    origin: str
    predicted: float = math.nan
    finder: str = ""
    fidelity: float = WHOLE_COST
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """The state of a study before a round.

    Attributes:
        trials: All trials. Those without a result are still evaluated.
        number: Number of the round, from 0.
        limit: Number of whole evaluations that there may be in all, those of the baseline not counted.
        searcher_state: State that the last plan gave.
        emit: Called with an event when the ranker was fitted.
        screener: Scores architectures without training.
        learned_from: Number of trials that the ranker of the last round had learned from.
        alarm: Whether the last round ended with an alarm of drift, so that this one explores more.
        evidence: Trials that the ranker learns from, where these are not those of the search itself.
        pause: Seconds that it took to propose the last round; 0 before the first.
    """

    trials: Sequence[Trial]
    number: int
    limit: float
    searcher_state: dict[str, Any] | None
    emit: Callable[[Event], object]
    screener: Screener
    learned_from: int = 0
    alarm: bool = False
    evidence: Sequence[Trial] | None = None
    pause: float = 0.0

    @property
    def own(self) -> list[Trial]:
        """The trials of the search itself, without the baseline's."""
        return [trial for trial in self.trials if trial.origin != BASELINE]

    @property
    def done(self) -> list[Trial]:
        """Those of them that have a result; what earlier rounds knew comes first."""
        return known_first(trial for trial in self.own if trial.state in DONE)

    @property
    def known(self) -> list[Trial]:
        """The trials that the ranker learns from, in the same order."""
        return self.done if self.evidence is None else list(self.evidence)

    @property
    def left(self) -> float:
        """The number of whole evaluations that the limit leaves."""
        return self.limit - add_costs(self.own)

    def room(self, size: int) -> int:
        """As many whole evaluations as are wanted, or as the limit leaves."""
        return int(min(self.left, size) + _DUST)


@dataclass(frozen=True, slots=True)
class Plan:
    """The trials of a round, and how they were found.

    Attributes:
        proposals: What to evaluate, in this order; empty where nothing is left to propose.
        learned_from: Number of trials that the ranker was fitted on; 0 where it was not.
        fit_seconds: Duration of the fit; NaN where there was none.
        candidates: Number of architectures that the ranker scored.
        model: The ranker that chose; None where there was none.
        exploring: Whether the share of exploration was raised.
        searcher_state: State of the searchers; None where none is kept.
        supplied: Number of candidates by the name of the searcher that found them.
    """

    proposals: list[Proposal]
    learned_from: int = 0
    fit_seconds: float = math.nan
    candidates: int = 0
    model: Predictor | None = None
    exploring: bool = False
    searcher_state: dict[str, Any] | None = None
    supplied: Mapping[str, int] = field(default_factory=dict)


class Strategy(Protocol):
    """A way to propose. The same situation gives the same plan."""

    def propose(self, situation: Situation) -> Plan:
        """The next round. The limit leaves room for one trial at least."""

"""Proposes the next round out of the trials so far; the same trials give the same round.

To add a way to propose: a class with the method of `Strategy`, and its place in `choose_strategy`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from egraph.evaluation import CostMeter
from egraph.spaces import SearchSpace
from egraph.study._events import Event
from egraph.study._guide import Guide
from egraph.study._guided import Guided
from egraph.study._pace import Pace
from egraph.study._proposals import Plan, Situation, Strategy
from egraph.study._screen import Screen, Screener
from egraph.study._shares import Mixture
from egraph.study._strategies import (
    RandomRounds,
    RandomStart,
    ScreenedStart,
    SearchersAlone,
    Staged,
    WithBaseline,
)
from egraph.study._team import Team
from egraph.study._trial import Trial

__all__ = ["Proposer", "Round", "choose_strategy"]


def choose_strategy(
    space: SearchSpace,
    seed: int,
    guide: Guide | None,
    *,
    team: Team,
    initial: int,
    first: int,
    screen: Screen | None,
    batch: int,
    mixture: Mixture,
    candidates: int,
    whole: bool,
    meter: CostMeter | None = None,
    pace: Pace | None = None,
) -> Strategy:
    """The strategy of a study with these settings.

    Args:
        space: Where to search.
        seed: Seed of the study.
        guide: Fits the ranker; None lets the searchers see only the real scores.
        team: The searchers.
        initial: Trials before the first fit.
        first: Largest number of them in a round.
        screen: Chooses them among many random ones; None takes random ones, or lets a ranker that was fitted
            before choose by itself.
        batch: Trials a round after that.
        mixture: Whose candidates are scored and evaluated, and how many are chosen to be different.
        candidates: Number of architectures that the ranker scores in a round.
        whole: Whether all of a space that has no more is scored, without searchers.
        meter: Costs of the study; None without costs.
        pace: Sizes of the rounds of several workers; None for rounds of ``batch``.
    """
    if guide is None:
        return SearchersAlone(team, batch)
    guided = Guided(
        space,
        seed,
        guide=guide,
        team=team,
        otherwise=RandomRounds(space, seed, batch),
        batch=batch,
        mixture=mixture,
        candidates=candidates,
        whole=whole,
        meter=meter,
        pace=pace,
    )
    if screen is not None:
        start = ScreenedStart(space, seed, initial, first, screen, guide.prior, candidates)
        return Staged(start, min(initial, screen.count), guided)  # no more than were scored
    if guide.prior is not None:
        return guided
    return Staged(RandomStart(space, seed, initial, first), initial, guided)


@dataclass(frozen=True, slots=True)
class Round:
    """What shall be evaluated next.

    Attributes:
        number: Number of the round, from 0.
        plan: The trials, and how they were found.
        search_seconds: Duration of finding them, without the fit of the ranker.
    """

    number: int
    plan: Plan
    search_seconds: float


class Proposer:
    """Proposes rounds by a strategy, with a random baseline beside it where that is wanted.

    Args:
        space: Where to search.
        seed: Seed of the study.
        strategy: The way to propose.
    """

    def __init__(self, space: SearchSpace, seed: int, strategy: Strategy) -> None:
        limited = _Limited(strategy)
        self._strategies: dict[bool, Strategy] = {
            False: limited,
            True: WithBaseline(space, seed, limited),
        }

    def propose(
        self,
        trials: Sequence[Trial],
        limit: float,
        baseline: bool,
        searcher_state: dict[str, Any] | None,
        emit: Callable[[Event], object],
        screener: Screener,
        *,
        learned_from: int = 0,
        alarm: bool = False,
        pause: float = 0.0,
    ) -> Round:
        """The next round, to be called when no trial waits to be evaluated.

        Args:
            trials: All trials of the study.
            limit: Number of whole evaluations that there may be in all, those of the baseline not counted.
            baseline: Whether to add as many random trials as make the baseline cost as much as the search.
            searcher_state: State that the last round gave.
            emit: Called with an event when the ranker was fitted.
            screener: Scores architectures without training.
            learned_from: Number of trials that the ranker of the last round had learned from.
            alarm: Whether the last round ended with an alarm of drift.
            pause: Seconds that it took to propose the last round.
        """
        number = max((trial.round for trial in trials), default=-1) + 1
        began = time.perf_counter()
        situation = Situation(
            trials, number, limit, searcher_state, emit, screener, learned_from, alarm, pause=pause
        )
        plan = self._strategies[baseline].propose(situation)
        seconds = time.perf_counter() - began
        if not math.isnan(plan.fit_seconds):
            seconds -= plan.fit_seconds
        return Round(number, plan, seconds)


@dataclass(frozen=True, slots=True)
class _Limited:
    """Asks the strategy only where the limit leaves room."""

    strategy: Strategy

    def propose(self, situation: Situation) -> Plan:
        """The plan of the strategy; an empty one where there is no room."""
        if situation.room(1) <= 0:
            return Plan([], searcher_state=situation.searcher_state)
        return self.strategy.propose(situation)

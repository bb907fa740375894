"""Proposes the next round out of the trials so far; the same trials give the same round."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Any

import numpy as np

from egraph.architecture import Architecture
from egraph.errors import SpaceExhaustedError
from egraph.evaluation.base import Fitness
from egraph.searchers import RandomSearch, Searcher
from egraph.spaces import SearchSpace
from egraph.study._events import Event, RankerFitted
from egraph.study._guide import Guide, Predictor
from egraph.study._mutants import Mutants
from egraph.study._screen import screen
from egraph.study._seeds import derive
from egraph.study._selection import Candidates, choose, gather, predict, score_untried
from egraph.study._trial import BASELINE, INITIAL, RANDOM, SCREENED, SEARCH, Trial

__all__ = ["Proposal", "Proposer", "Round"]

_PARENTS = 8  # of the mutants among the candidates


@dataclass(frozen=True, slots=True)
class Proposal:
    """One architecture that shall be evaluated, why, and what the ranker expects of it."""

    architecture: Architecture
    origin: str
    predicted: float = math.nan


@dataclass(frozen=True, slots=True)
class Round:
    """What shall be evaluated next.

    Attributes:
        number: counts from 0.
        proposals: in the order of evaluation; empty where nothing is left to propose.
        learned_from: trials that the ranker was fitted on; 0 where it was not.
        fit_seconds: how long that took; NaN where there was no fit.
        candidates: how many architectures the ranker scored.
        search_seconds: how long the search among them took.
        searcher_state: of a searcher that sees real scores; None in a study with a ranker.
    """

    number: int
    proposals: list[Proposal]
    learned_from: int
    fit_seconds: float
    candidates: int
    search_seconds: float
    searcher_state: dict[str, Any] | None


class Proposer:
    """Knows how a study goes on.

    Args:
        space: where to search.
        seed: of the study.
        guide: fits the ranker; None lets the searcher see the real scores.
        make_searcher: called with ``space, seed=``.
        initial: trials before the first fit.
        screen: chooses them among many random ones; None takes random ones.
        batch: trials a round after that.
        far: how many of them are chosen to be different.
        candidates: how many architectures the ranker scores in a round; of a space that has no more, all.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        guide: Guide | None,
        make_searcher: Callable[..., Searcher],
        initial: int,
        screen: Fitness | None,
        batch: int,
        far: int,
        candidates: int,
    ) -> None:
        self._space, self._seed = space, seed
        self._guide, self._make_searcher = guide, make_searcher
        self._initial, self._screen = initial, screen
        self._batch, self._far, self._candidates = batch, far, candidates

    @cached_property
    def _everything(self) -> dict[str, Architecture] | None:
        """By their keys all architectures of a small space; None where it is not."""
        try:
            if len(self._space) > self._candidates:
                return None
        except TypeError:
            return None
        everything: dict[str, Architecture] = {}
        for architecture in self._space:
            everything.setdefault(self._space.key(architecture), architecture)
        return everything

    def propose(
        self,
        trials: Sequence[Trial],
        limit: float,
        baseline: bool,
        searcher_state: dict[str, Any] | None,
        tell: Callable[[Event], object],
    ) -> Round:
        """The next round, to be called when every trial is complete or failed.

        Args:
            trials: all of the study.
            limit: how many there may be in all, those of the baseline not counted.
            baseline: add as many random trials as it takes to make the baseline as long as the search.
            searcher_state: what the last round gave.
            tell: is told when the ranker was fitted.
        """
        own = [trial for trial in trials if trial.origin != BASELINE]
        number = max((trial.round for trial in trials), default=-1) + 1
        room = limit - len(own)
        proposals: list[Proposal] = []
        model: Predictor | None = None
        learned_from, fit_seconds, candidates = 0, math.nan, 0
        began = time.perf_counter()
        if room <= 0:
            pass
        elif self._guide is None:
            proposals, searcher_state = self._ask_searcher(own, int(min(room, self._batch)), searcher_state)
        elif len(own) < self._initial and not self._guide.fitted_before:
            proposals = self._begin(trials, own, int(min(room, self._initial - len(own))), tell)
        else:
            model, learned_from = self._guide.fit(own)
            if learned_from:
                fit_seconds = time.perf_counter() - began
                tell(RankerFitted(number, learned_from, fit_seconds))
            began = time.perf_counter()
            size = int(min(room, self._batch))
            if model is None:
                proposals = self._ask_random(own, number, size)
            else:
                proposals, candidates = self._ask_ranker(model, own, number, size)
        if baseline:
            proposals = self._add_baseline(trials, proposals, model)
        seconds = time.perf_counter() - began
        return Round(number, proposals, learned_from, fit_seconds, candidates, seconds, searcher_state)

    def _begin(
        self, trials: Sequence[Trial], own: list[Trial], size: int, tell: Callable[[Event], object]
    ) -> list[Proposal]:
        """The next of the first trials."""
        if self._screen is None:
            return self._random_sequence(trials, size, INITIAL)
        chosen = screen(self._space, self._screen, self._initial, derive(self._seed, "screen"), tell)
        return [Proposal(architecture, SCREENED) for architecture in chosen[len(own) :][:size]]

    def _ask_searcher(
        self, own: list[Trial], size: int, state: dict[str, Any] | None
    ) -> tuple[list[Proposal], dict[str, Any]]:
        """Continues the searcher, which is told of the last round first."""
        searcher = self._make_searcher(self._space, seed=derive(self._seed, "searcher"))
        if state is not None:
            searcher.load_state_dict(state)
            last = [trial for trial in own if trial.round == own[-1].round]
            searcher.tell([trial.architecture for trial in last], [trial.score for trial in last])
        try:
            asked = searcher.ask(size)
        except SpaceExhaustedError:
            asked = []
        return [Proposal(architecture, SEARCH) for architecture in asked], searcher.state_dict()

    def _ask_ranker(
        self, model: Predictor, own: list[Trial], number: int, size: int
    ) -> tuple[list[Proposal], int]:
        """The best candidates and some different ones."""
        tried = {trial.key: trial.architecture for trial in own}
        if self._everything is None:
            candidates = self._search(model, own, tried, number)
        else:
            candidates = score_untried(self._everything, model, tried)
        chosen = choose(candidates, model, list(tried.values()), size, self._far)
        proposals = [
            Proposal(candidates.architectures[row], origin, float(candidates.predicted[row]))
            for row, origin in chosen
        ]
        return proposals, candidates.scored

    def _search(
        self, model: Predictor, own: list[Trial], tried: Mapping[str, Architecture], number: int
    ) -> Candidates:
        """What three searches find for the ranker.

        A searcher drifts to where the ranker has seen nothing and may be wrong; mutants of the best measured
        architectures and random samples stay where it knows.
        """
        done = sorted((trial for trial in own if trial.state == "complete"), key=lambda trial: -trial.score)
        best = [trial.architecture for trial in done[:_PARENTS]]
        searchers = [
            self._make_searcher(self._space, seed=derive(self._seed, "searcher", number)),
            Mutants(self._space, best, seed=derive(self._seed, "mutants", number)),
            RandomSearch(self._space, seed=derive(self._seed, "samples", number)),
        ]
        return gather(searchers, model, self._space, tried, self._candidates)

    def _ask_random(self, own: list[Trial], number: int, size: int) -> list[Proposal]:
        searcher = RandomSearch(self._space, seed=derive(self._seed, "round", number))
        searcher.tell([trial.architecture for trial in own], np.full(len(own), math.nan))
        try:
            return [Proposal(architecture, RANDOM) for architecture in searcher.ask(size)]
        except SpaceExhaustedError:
            return []

    def _add_baseline(
        self, trials: Sequence[Trial], proposals: list[Proposal], model: Predictor | None
    ) -> list[Proposal]:
        """Mixes in random ones, so that both searches will have come equally far.

        What the ranker says of them is kept too: it shows how well it orders the whole space.
        """
        origins = [trial.origin for trial in trials] + [proposal.origin for proposal in proposals]
        missing = len(origins) - origins.count(INITIAL) - 2 * origins.count(BASELINE)
        if missing <= 0:
            return proposals
        skip = sum(proposal.origin == INITIAL for proposal in proposals)
        random = self._random_sequence(trials, missing, BASELINE, skip)
        if model is not None and random:
            predicted = predict(model, [proposal.architecture for proposal in random])
            random = [
                Proposal(p.architecture, BASELINE, float(v)) for p, v in zip(random, predicted, strict=True)
            ]
        mixed = zip_longest(proposals, random)
        return [proposal for pair in mixed for proposal in pair if proposal is not None]

    def _random_sequence(
        self, trials: Sequence[Trial], size: int, origin: str, skip: int = 0
    ) -> list[Proposal]:
        """The next of one fixed random sequence, from which initial and baseline trials are taken in turn."""
        skip += sum(trial.origin in (INITIAL, BASELINE) for trial in trials)
        searcher = RandomSearch(self._space, seed=derive(self._seed, "random"))
        try:
            if skip:
                searcher.ask(skip)
            return [Proposal(architecture, origin) for architecture in searcher.ask(size)]
        except SpaceExhaustedError:
            return []

"""Strategies without a ranker: random or screened trials, searchers alone, the random baseline."""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest

import numpy as np

from egraph.errors import SpaceExhaustedError
from egraph.evaluation import fuse
from egraph.searchers import RandomSearch
from egraph.spaces import SearchSpace
from egraph.study._guide import Predictor
from egraph.study._proposals import Plan, Proposal, Situation, Strategy
from egraph.study._screen import Screen, draw
from egraph.study._seeds import derive
from egraph.study._selection import predict
from egraph.study._shares import turns
from egraph.study._team import Team
from egraph.study._trial import BASELINE, INITIAL, KNOWN, RANDOM, SCREENED, SEARCH, WHOLE_COST, Trial

__all__ = ["RandomRounds", "RandomStart", "ScreenedStart", "SearchersAlone", "Staged", "WithBaseline"]


@dataclass(frozen=True, slots=True)
class SearchersAlone:
    """The searchers propose in turn, and learn from the real scores of all trials.

    Attributes:
        team: The searchers.
        batch: Trials a round.
    """

    team: Team
    batch: int

    def propose(self, situation: Situation) -> Plan:
        """Continues the searchers, which first learn from the last round."""
        done, room = situation.done, situation.room(self.batch)
        searchers = self.team.restore(situation.searcher_state, done)
        names = list(searchers)
        order = islice(turns([1.0] * len(names), len(situation.own)), room)
        counts = Counter(names[number] for number in order)
        proposals: list[Proposal] = []
        taken: set[str] = set()
        for name in [name for name in names if counts[name]]:
            with contextlib.suppress(SpaceExhaustedError):
                asked = [(self.team.space.key(one), one) for one in searchers[name].ask(counts[name])]
                # What another searcher proposes in this round too is evaluated once.
                proposals += [Proposal(one, SEARCH, finder=name) for key, one in asked if key not in taken]
                taken.update(key for key, _ in asked)
        return Plan(proposals, searcher_state=self.team.save(searchers, done))


@dataclass(frozen=True, slots=True)
class Staged:
    """One strategy for the first trials, another one for the rest.

    Attributes:
        first: Strategy of the first trials.
        initial: Number of the first trials.
        then: Strategy after them.
    """

    first: Strategy
    initial: int
    then: Strategy

    def propose(self, situation: Situation) -> Plan:
        """The plan of the strategy whose turn it is."""
        is_first = len(situation.own) < self.initial
        return (self.first if is_first else self.then).propose(situation)


@dataclass(frozen=True, slots=True)
class RandomStart:
    """Random architectures before there is a ranker. They belong to the random baseline too.

    Attributes:
        space: Where to search.
        seed: Seed of the study.
        initial: Number of the first trials.
        most: Largest number of trials of a round.
    """

    space: SearchSpace
    seed: int
    initial: int
    most: int

    def propose(self, situation: Situation) -> Plan:
        """The next of the first trials."""
        size = situation.room(min(self.most, self.initial - len(situation.own)))
        return Plan(_random_sequence(self.space, self.seed, situation.trials, size, INITIAL))


@dataclass(frozen=True, slots=True)
class ScreenedStart:
    """The best of many random architectures by a score that needs no training.

    In a space where most networks cannot learn, a random start would give the ranker little else to learn
    from. Architectures without a score come last.

    Attributes:
        space: Where to search.
        seed: Seed of the study.
        initial: Number of the first trials.
        most: Largest number of trials of a round.
        screen: The score.
        ranker: Ranker that draws the best of more random architectures, and whose predictions are fused with
            the score; None where there is none yet.
        candidates: Number of architectures that it chooses from.
    """

    space: SearchSpace
    seed: int
    initial: int
    most: int
    screen: Screen
    ranker: Predictor | None = None
    candidates: int = 0

    def propose(self, situation: Situation) -> Plan:
        """The next of the first trials."""
        own = situation.own
        done = sum(trial.origin == SCREENED for trial in own)
        count = self.screen.count
        many = count if self.ranker is None else max(count, self.candidates)
        drawn = draw(self.space, self.seed, many)
        predicted = np.full(len(drawn), math.nan)
        if self.ranker is not None:
            predicted = np.asarray(predict(self.ranker, drawn), dtype=np.float64)
        chosen = np.argsort(-predicted, kind="stable")[:count]  # without a ranker in the order of drawing
        drawn, predicted = [drawn[row] for row in chosen], predicted[chosen]
        table = situation.screener.score(self.screen, drawn)
        scores = self.screen.combine(table) if self.ranker is None else fuse(predicted, table)
        best = np.argsort(-scores, kind="stable")[: self.initial]  # NaN last
        rows = best[done:][: situation.room(min(self.most, self.initial - len(own)))]
        proposals = [Proposal(drawn[row], SCREENED, float(predicted[row])) for row in rows]
        return Plan(proposals, candidates=0 if self.ranker is None else many, model=self.ranker)


@dataclass(frozen=True, slots=True)
class RandomRounds:
    """Random architectures that were not tried, for as long as the ranker has too little to learn from.

    Attributes:
        space: Where to search.
        seed: Seed of the study.
        batch: Trials a round.
    """

    space: SearchSpace
    seed: int
    batch: int

    def propose(self, situation: Situation) -> Plan:
        """Random ones, drawn anew in each round."""
        own = situation.own
        searcher = RandomSearch(self.space, seed=derive(self.seed, "round", situation.number))
        searcher.tell([trial.architecture for trial in own], np.full(len(own), math.nan))
        try:
            return Plan([Proposal(one, RANDOM) for one in searcher.ask(situation.room(self.batch))])
        except SpaceExhaustedError:
            return Plan([])


@dataclass(frozen=True, slots=True)
class WithBaseline:
    """Mixes random trials into the plans of another strategy, as many as make both searches cost the same.

    The ranker's predictions for them are kept too: they show how well it orders the whole space.

    Attributes:
        space: Where to search.
        seed: Seed of the study.
        strategy: The other one.
    """

    space: SearchSpace
    seed: int
    strategy: Strategy

    def propose(self, situation: Situation) -> Plan:
        """The plan of the other strategy with random trials between its own."""
        plan = self.strategy.propose(situation)
        everything: list[Trial | Proposal] = [*situation.trials, *plan.proposals]
        missing = round(math.fsum(map(_ahead, everything)))
        if missing <= 0:
            return plan
        skip = sum(proposal.origin == INITIAL for proposal in plan.proposals)
        random = _random_sequence(self.space, self.seed, situation.trials, missing, BASELINE, skip)
        if plan.model is not None and random:
            random = _predicted(plan.model, random)
        mixed = zip_longest(plan.proposals, random)
        return replace(plan, proposals=[one for pair in mixed for one in pair if one is not None])


def _ahead(one: Trial | Proposal) -> float:
    """What a trial costs the search itself more than random search, in whole evaluations."""
    if one.origin == BASELINE:
        return -one.fidelity
    if one.origin == KNOWN:
        return 0.0
    return 0.0 if one.origin == INITIAL and one.fidelity == WHOLE_COST else one.fidelity


def _predicted(model: Predictor, proposals: list[Proposal]) -> list[Proposal]:
    scores = predict(model, [proposal.architecture for proposal in proposals])
    return [replace(one, predicted=float(score)) for one, score in zip(proposals, scores, strict=True)]


def _random_sequence(
    space: SearchSpace, seed: int, trials: Sequence[Trial], size: int, origin: str, skip: int = 0
) -> list[Proposal]:
    """The next of one fixed random sequence, from which initial and baseline trials are taken in turn."""
    skip += sum(trial.origin in (INITIAL, BASELINE) for trial in trials)
    searcher = RandomSearch(space, seed=derive(seed, "random"))
    try:
        if skip:
            searcher.ask(skip)
        return [Proposal(architecture, origin) for architecture in searcher.ask(size)]
    except SpaceExhaustedError:
        return []

"""The strategy with a ranker, which learns from all trials and chooses among thousands of candidates."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from egraph import operations
from egraph.architecture import Architecture
from egraph.evaluation import CostMeter
from egraph.searchers import RandomSearch
from egraph.spaces import SearchSpace
from egraph.study._estimates import Estimates
from egraph.study._events import RankerFitted
from egraph.study._guide import Guide, Predictor
from egraph.study._mutants import Mutants
from egraph.study._pace import Pace
from egraph.study._proposals import Plan, Proposal, Situation, Strategy
from egraph.study._seeds import derive
from egraph.study._selection import Candidates, choose, gather, score_untried
from egraph.study._shares import Mixture, divide, turns
from egraph.study._team import Team
from egraph.study._tradeoff import sort_by_front, weigh
from egraph.study._trial import MUTANTS, SAMPLES, WHOLE

__all__ = ["Guided", "refit"]

_PARENTS = 8  # of the mutants among the candidates
_SAMPLES_AT_ALARM = 30.0  # percentage of random samples after an alarm of drift


def refit(guide: Guide, situation: Situation) -> tuple[Predictor | None, int, float]:
    """Fits the ranker for a round, or as for an earlier one where the rule asks for no new fit.

    Returns:
        The ranker, None where there is none yet; the number of trials that it learned from; and the duration
        of the fit, NaN where there was none.
    """
    known, learned_from = situation.known, situation.learned_from
    due = guide.recalibration.is_due(known, learned_from, situation.alarm)
    began = time.perf_counter()
    # Trials are numbered in order, so their number tells which ones the ranker of the last round knew.
    model, learned_from = guide.fit(known if due else known[:learned_from])
    if not (learned_from and due):
        return model, learned_from, math.nan
    seconds = time.perf_counter() - began
    situation.emit(RankerFitted(situation.number, learned_from, seconds))
    return model, learned_from, seconds


class Guided:
    """The ranker learns from all trials so far and chooses among candidates.

    Args:
        space: Where to search.
        seed: Seed of the study.
        guide: Fits the ranker.
        team: The searchers, which see measured scores and predictions of the ranker.
        otherwise: Strategy for as long as the ranker has too little to learn from.
        batch: Trials a round.
        mixture: Whose candidates are scored and evaluated, and how many are chosen to be different.
        candidates: Number of architectures that the ranker scores in a round.
        whole: Whether all of a space that has no more is scored, without searchers.
        meter: Costs to weigh against the predicted score; None without costs.
        pace: Sizes of the rounds of several workers that do not wait; None for rounds of ``batch``.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        guide: Guide,
        team: Team,
        otherwise: Strategy,
        batch: int,
        mixture: Mixture,
        candidates: int,
        whole: bool,
        meter: CostMeter | None = None,
        pace: Pace | None = None,
    ) -> None:
        # The first trials may lack operations of candidates; those without a description are ranked too.
        operations.declare(space.operations)
        self._space, self._seed = space, seed
        self._guide, self._team, self._otherwise = guide, team, otherwise
        self._batch, self._mixture, self._candidates = batch, mixture, candidates
        self._whole, self._meter, self._pace = whole, meter, pace

    def mix(self, situation: Situation) -> tuple[int, Mixture]:
        """The size and the mixture of a round; more exploration after an alarm."""
        size, mixture = situation.room(self._batch), self._mixture
        if self._pace is not None:
            size = situation.room(self._pace.size(situation))
            mixture = replace(mixture, far=self._pace.far(size, len(situation.own), mixture.far))
        return size, mixture.explore(_SAMPLES_AT_ALARM, size // 2) if situation.alarm else mixture

    def propose(self, situation: Situation) -> Plan:
        """The best candidates and some different ones."""
        if self._pace is not None and self._pace.is_early(situation):
            return Plan([], searcher_state=situation.searcher_state)
        own = situation.own
        model, learned_from, fit_seconds = refit(self._guide, situation)
        if model is None:
            return self._otherwise.propose(situation)
        size, mixture = self.mix(situation)
        tried = {trial.key: trial.architecture for trial in own}
        state = situation.searcher_state
        if self._everything is None:
            candidates, weights, state = self._search(model, situation, tried, mixture)
        else:
            candidates, weights = score_untried(self._everything, model, tried, WHOLE), [1.0]
        if self._meter is not None:
            candidates = weigh(candidates, model, self._meter, tried, most=4 * size)
        order = turns(weights, len(own))
        chosen = choose(candidates, model, list(tried.values()), size, mixture.far, order)
        proposals = [
            Proposal(
                candidates.architectures[row],
                origin,
                float(candidates.predicted[row]),
                candidates.names[candidates.finders[row]],
            )
            for row, origin in chosen
        ]
        return Plan(
            proposals,
            learned_from,
            fit_seconds,
            candidates.scored,
            model,
            situation.alarm,
            state,
            candidates.supplied,
        )

    @cached_property
    def _everything(self) -> dict[str, Architecture] | None:
        """All architectures of a small space by their keys; None where searchers find candidates."""
        try:
            if not self._whole or len(self._space) > self._candidates:
                return None
        except TypeError:
            return None
        everything: dict[str, Architecture] = {}
        for architecture in self._space:
            everything.setdefault(self._space.key(architecture), architecture)
        return everything

    def _search(
        self, model: Predictor, situation: Situation, tried: Mapping[str, Architecture], mixture: Mixture
    ) -> tuple[Candidates, list[float], dict[str, Any] | None]:
        """The candidates that the searches with the ranker as fitness find.

        A searcher drifts to regions without training data, where the ranker may be wrong; mutants of the best
        measured architectures and random samples stay within them.

        Returns:
            The candidates, the share of each of their finders, and the state of the searchers.
        """
        done, number = situation.done, situation.number
        complete = sorted((one for one in done if one.state == "complete"), key=lambda one: -one.score)
        if self._meter is not None:
            complete = sort_by_front(complete, _PARENTS)
        best = [trial.architecture for trial in complete[:_PARENTS]]
        estimates = Estimates(model, self._space, done)
        searcher_share, mutant_share, sample_share = mixture.shares
        living = {}
        if searcher_share:
            living = self._team.restore(
                situation.searcher_state, done, estimates, [one.architecture for one in situation.own]
            )
        helpers = {
            MUTANTS: Mutants(self._space, best, seed=derive(self._seed, "mutants", number)),
            SAMPLES: RandomSearch(self._space, seed=derive(self._seed, "samples", number)),
        }
        for helper in helpers.values():
            helper.tell(list(tried.values()), np.full(len(tried), math.nan))
        weights = [searcher_share / len(living) for _ in living] + [mutant_share, sample_share]
        finders = {**living, **helpers}
        budgets = divide(self._candidates, weights)
        found = gather(
            {name: (finders[name], budget) for name, budget in zip(finders, budgets, strict=True)},
            model,
            self._space,
            tried,
            estimates.scale,
        )
        state = self._team.save(living, done) if living else situation.searcher_state
        return found, weights, state

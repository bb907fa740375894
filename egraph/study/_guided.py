"""The strategy with a ranker, which learns from all trials and chooses among thousands of candidates."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from functools import cached_property

from egraph.architecture import Architecture
from egraph.evaluation import CostMeter
from egraph.searchers import RandomSearch, Searcher
from egraph.spaces import SearchSpace
from egraph.study._events import RankerFitted
from egraph.study._guide import Guide, Predictor
from egraph.study._mutants import Mutants
from egraph.study._proposals import Plan, Proposal, Situation, Strategy
from egraph.study._seeds import derive
from egraph.study._selection import Candidates, choose, gather, score_untried
from egraph.study._tradeoff import sort_by_front, weigh

__all__ = ["Guided"]

_PARENTS = 8  # of the mutants among the candidates


class Guided:
    """The ranker learns from all trials so far and chooses among candidates.

    Args:
        space: Where to search.
        seed: Seed of the study.
        guide: Fits the ranker.
        make_searcher: Called with ``space, seed=``; searches with the ranker as fitness.
        otherwise: Strategy for as long as the ranker has too little to learn from.
        batch: Trials a round.
        far: Number of them that are chosen to be different.
        candidates: Number of architectures that the ranker scores in a round; all of a smaller space.
        meter: Costs to weigh against the predicted score; None without costs.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        guide: Guide,
        make_searcher: Callable[..., Searcher],
        otherwise: Strategy,
        batch: int,
        far: int,
        candidates: int,
        meter: CostMeter | None = None,
    ) -> None:
        self._space, self._seed = space, seed
        self._guide, self._make_searcher, self._otherwise = guide, make_searcher, otherwise
        self._batch, self._far, self._candidates, self._meter = batch, far, candidates, meter

    def propose(self, situation: Situation) -> Plan:
        """The best candidates and some different ones."""
        own, learned_from = situation.own, situation.learned_from
        due = self._guide.recalibration.is_due(own, learned_from, situation.alarm)
        began = time.perf_counter()
        # Trials are numbered in order, so their number tells which ones the ranker of the last round knew.
        model, learned_from = self._guide.fit(own if due else own[:learned_from])
        fit_seconds = math.nan
        if learned_from and due:
            fit_seconds = time.perf_counter() - began
            situation.emit(RankerFitted(situation.number, learned_from, fit_seconds))
        if model is None:
            return self._otherwise.propose(situation)
        tried = {trial.key: trial.architecture for trial in own}
        if self._everything is None:
            candidates = self._search(model, situation, tried)
        else:
            candidates = score_untried(self._everything, model, tried)
        size = situation.room(self._batch)
        if self._meter is not None:
            candidates = weigh(candidates, model, self._meter, tried, most=4 * size)
        far = max(self._far, size // 2) if situation.alarm else self._far
        chosen = choose(candidates, model, list(tried.values()), size, far)
        proposals = [
            Proposal(candidates.architectures[row], origin, float(candidates.predicted[row]))
            for row, origin in chosen
        ]
        return Plan(proposals, learned_from, fit_seconds, candidates.scored, model, situation.alarm)

    @cached_property
    def _everything(self) -> dict[str, Architecture] | None:
        """All architectures of a small space by their keys; None where the space is large or infinite."""
        try:
            if len(self._space) > self._candidates:
                return None
        except TypeError:
            return None
        everything: dict[str, Architecture] = {}
        for architecture in self._space:
            everything.setdefault(self._space.key(architecture), architecture)
        return everything

    def _search(
        self, model: Predictor, situation: Situation, tried: Mapping[str, Architecture]
    ) -> Candidates:
        """The candidates that three searches find with the ranker as fitness.

        A searcher drifts to regions without training data, where the ranker may be wrong; mutants of the best
        measured architectures and random samples stay within them.
        """
        complete = (trial for trial in situation.own if trial.state == "complete")
        done = sorted(complete, key=lambda trial: -trial.score)
        if self._meter is not None:
            done = sort_by_front(done)
        best = [trial.architecture for trial in done[:_PARENTS]]
        number = situation.number
        searchers = [
            self._make_searcher(self._space, seed=derive(self._seed, "searcher", number)),
            Mutants(self._space, best, seed=derive(self._seed, "mutants", number)),
            RandomSearch(self._space, seed=derive(self._seed, "samples", number)),
        ]
        return gather(searchers, model, self._space, tried, self._candidates)

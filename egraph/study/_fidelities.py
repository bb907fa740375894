"""Cheaper evaluations first: which networks are evaluated at the next fidelity, and which new ones enter."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from egraph.checks import to_plain
from egraph.errors import UsageError
from egraph.evaluation.base import Evaluator, Fidelity
from egraph.study._brackets import enter, level
from egraph.study._guide import Guide, Predictor
from egraph.study._guided import refit
from egraph.study._proposals import Plan, Proposal, Situation, Strategy
from egraph.study._rungs import DUST, Rungs, round_down
from egraph.study._selection import predict
from egraph.study._trial import BASELINE, PROMOTED, WHOLE_COST, Trial

__all__ = ["Climbing", "climb", "list_evaluators", "read_fidelities", "size_first"]


def read_fidelities(fidelities: Iterable[object] | None, evaluator: Evaluator) -> list[Fidelity]:
    """The fidelities of an evaluator by their names, from the cheapest to the whole; none for None.

    Raises:
        UsageError: They are fewer than two, not more expensive one after another, or the last is no whole
            evaluation; or the evaluator has no fidelity of such a name.
    """
    if fidelities is None:
        return []
    fidelities = to_plain(fidelities)
    if isinstance(fidelities, str) or not isinstance(fidelities, Iterable):
        raise UsageError(f"fidelities must be a list such as [0.1, 0.3, 1], got {fidelities!r}")
    found = [evaluator.at(f"{one:g}" if isinstance(one, float) else str(one)) for one in fidelities]
    shown = ", ".join(f"{one.name} (costs {one.cost:.3g})" for one in found)
    if len(found) < 2:
        raise UsageError(f"fidelities must be at least two, the last one whole, got {shown or 'none'}")
    if found[-1].cost != WHOLE_COST:
        raise UsageError(f"the last fidelity must be the whole evaluation, which costs 1, got {shown}")
    if not all(0 < one.cost < after.cost for one, after in itertools.pairwise(found)):
        raise UsageError(f"each fidelity must cost more than the one before it, got {shown}")
    return found


def list_evaluators(fidelities: Sequence[Fidelity], journal: Path | None) -> dict[float, Evaluator]:
    """The evaluators of the fidelities by their costs; they keep checkpoints beside the file of a journal."""
    if journal is None:
        return {one.cost: one.evaluator for one in fidelities}
    folder = journal.with_suffix(".checkpoints").absolute()
    return {one.cost: one.evaluator.keeping(folder) for one in fidelities}


def size_first(fidelities: Sequence[Fidelity], initial: int) -> int:
    """Largest number of the first trials in a round.

    With fidelities they are so many that a promotion is due after each round: as no ranker is fitted yet, a
    small round costs nothing, and a good network need not wait for all of the first ones.
    """
    if not fidelities:
        return initial
    return math.ceil(fidelities[1].cost / fidelities[0].cost - DUST)


def climb(
    fidelities: Sequence[Fidelity], brackets: int, entering: Strategy, guide: Guide | None, most: int
) -> Strategy:
    """The strategy of a study with these fidelities, whose new networks another one proposes.

    Args:
        fidelities: Cheaper evaluations and the whole one; empty where all are whole.
        brackets: Number of the lowest fidelities at which new networks enter.
        entering: Strategy that proposes new networks.
        guide: Fits the ranker; None without one.
        most: Largest number of new networks that it proposes for a round.
    """
    costs = tuple(one.cost for one in fidelities)
    return Climbing(costs, brackets, entering, guide, most) if fidelities else entering


@dataclass(frozen=True, slots=True)
class Climbing:
    """New networks enter at the lowest fidelities, and the best of each rung are promoted to the next.

    Decisions depend on the trials that have a result. On each rung the best are those with the highest
    mean of two ranks: by the measured score, and by the prediction of the ranker, which has learned from all
    rungs; without a ranker, by the score alone. Failed trials are not promoted. What the limit leaves at the
    end goes to whole evaluations of the best on the highest rung.

    Attributes:
        costs: Cost of each fidelity in whole evaluations, increasing; the last one is 1.
        brackets: Number of the lowest fidelities at which new networks enter.
        entering: Strategy that proposes the new networks, as if the lowest fidelity were all there is.
        guide: Fits the ranker; None without one.
        most: Largest number of new networks in a round.

    References:
        Li et al., A System for Massively Parallel Hyperparameter Tuning, https://arxiv.org/abs/1810.05934
    """

    costs: tuple[float, ...]
    brackets: int
    entering: Strategy
    guide: Guide | None
    most: int

    def propose(self, situation: Situation) -> Plan:
        """Promotions and new networks."""
        rungs = Rungs.of(situation.own, self.costs)
        counts = rungs.count(situation.left)
        left = situation.left - sum(n * cost for n, cost in zip(counts, self.costs[1:], strict=True))
        places = list(itertools.islice(enter(rungs, self.brackets, left), self.most))
        plan = Plan([], searcher_state=situation.searcher_state)
        if places:
            plan = self._enter(situation, rungs, places)
        if not (any(counts) or plan.proposals):
            return self._finish(situation, rungs, plan)
        if not any(counts):
            return plan
        model = plan.model
        if not plan.proposals and self.guide is not None:
            model, learned_from, seconds = refit(self.guide, situation)
            plan = replace(plan, learned_from=learned_from, fit_seconds=seconds, model=model)
        promoted = [
            proposal
            for rung in reversed(range(len(counts)))
            for proposal in _promote(rungs.ready(rung), counts[rung], self.costs[rung + 1], model)
        ]
        return replace(plan, proposals=[*promoted, *plan.proposals])

    def _enter(self, situation: Situation, rungs: Rungs, places: Sequence[int]) -> Plan:
        """New networks, at most one for each of these rungs."""
        entered = [replace(trial, fidelity=WHOLE_COST) for trial in level(rungs.entered)]
        beside = [trial for trial in situation.trials if trial.origin == BASELINE]
        trials = sorted([*entered, *beside], key=lambda trial: trial.number)
        limit = len(entered) + len(places)
        seen = replace(situation, trials=trials, limit=limit, evidence=situation.done)
        plan = self.entering.propose(seen)
        proposals = [
            replace(one, fidelity=self.costs[rung]) for one, rung in zip(plan.proposals, places, strict=False)
        ]
        return replace(plan, proposals=proposals)

    def _finish(self, situation: Situation, rungs: Rungs, plan: Plan) -> Plan:
        """Whole evaluations of the best on the highest rung that has any left to promote.

        While results are missing there are none: what is left depends on them.
        """
        if len(situation.done) < len(situation.own):
            return plan
        for rung in reversed(range(len(self.costs) - 1)):
            ready = rungs.ready(rung)
            count = int(min(len(ready), round_down(situation.left)))
            if count > 0:
                model = None
                if self.guide is not None:
                    model, learned_from, seconds = refit(self.guide, situation)
                    plan = replace(plan, learned_from=learned_from, fit_seconds=seconds, model=model)
                return replace(plan, proposals=_promote(ready, count, WHOLE_COST, model))
        return plan


def _promote(ready: Sequence[Trial], count: int, cost: float, model: Predictor | None) -> list[Proposal]:
    """The best trials of a rung, as proposals at another fidelity."""
    if not count:
        return []
    scores = np.array([trial.score for trial in ready])
    predicted = np.full(len(ready), math.nan)
    if model is not None:
        predicted = predict(model, [trial.architecture for trial in ready])
    best = np.argsort(-rank(scores, predicted), kind="stable")[:count]
    return [
        Proposal(
            ready[row].architecture, PROMOTED, float(predicted[row]), ready[row].finder, cost, ready[row].seed
        )
        for row in best
    ]


def rank(scores: NDArray[np.float64], predicted: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of the ranks by score and by prediction, ``(trials,)``; by score alone where one is NaN."""
    from scipy.stats import rankdata  # here, because it takes a second to load

    by_score = rankdata(scores)
    return by_score if np.isnan(predicted).any() else (by_score + rankdata(predicted)) / 2

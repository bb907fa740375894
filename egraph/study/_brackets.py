"""Brackets: the fidelity at which a new network enters.

The networks of bracket 0 enter at the cheapest fidelity, those of bracket 1 at the next one, and so on. Few
brackets rely on cheap evaluations. Networks of a high bracket cannot be lost by a misleading cheap score, but
are fewer at the same cost. A trial belongs to the bracket in which its network entered, and the rungs are
shared: promotions from a fidelity compare all networks on it.

Hyperband gives each bracket about the same budget. Here the next network enters in the bracket whose trials
have cost least so far, the cheaper one of equals. This depends on the trials alone, and on no random choice,
so that any number of workers and any interruption keep the rule.

References:
    Li et al., Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization,
    https://arxiv.org/abs/1603.06560, for the brackets and their equal budgets (numbered from the other end);
    Li et al., A System for Massively Parallel Hyperparameter Tuning, https://arxiv.org/abs/1810.05934, for
    promotions without waiting.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from egraph.checks import check_whole
from egraph.errors import UsageError
from egraph.evaluation.base import Fidelity
from egraph.study._rungs import DUST, Rungs
from egraph.study._trial import WHOLE_COST, Trial, tidy_cost

__all__ = ["add_up", "enter", "level", "read_brackets"]


def read_brackets(brackets: int, fidelities: Sequence[Fidelity]) -> int:
    """The number of brackets of a study with these fidelities.

    Raises:
        UsageError: It is not a whole number from 1 to the number of fidelities; or above 1 without any.
    """
    check_whole(1, brackets=brackets)
    if brackets > 1 and not fidelities:
        raise UsageError(f"brackets={brackets} needs fidelities such as [0.1, 0.3, 1]; leave brackets out")
    if brackets > max(1, len(fidelities)):
        names = ", ".join(one.name for one in fidelities)
        raise UsageError(
            f"brackets={brackets} is more than the {len(fidelities)} fidelities {names}, where networks can "
            f"enter; at most {len(fidelities)}"
        )
    return int(brackets)


def add_up(rungs: Rungs) -> list[float]:
    """The cost of the trials of each bracket in whole evaluations, those included that still run."""
    entered: dict[str, int] = {}
    spent = [0.0] * len(rungs.costs)
    for rung, trials in enumerate(rungs.trials):
        for trial in trials:
            spent[entered.setdefault(trial.key, rung)] += rungs.costs[rung]
    return [tidy_cost(cost) for cost in spent]


def enter(rungs: Rungs, brackets: int, left: float) -> Iterator[int]:
    """The rungs on which the next new networks of a round enter, one after another.

    Only where the limit pays for the climb of one of them after all that entered, and for one whole
    evaluation, which is kept for the end. Without a limit there is no end of them.

    Args:
        rungs: The trials so far.
        brackets: Number of brackets.
        left: Whole evaluations that may still be spent.
    """
    spent, kept = add_up(rungs), WHOLE_COST
    while True:
        paid = [
            rung
            for rung, cost in enumerate(rungs.costs[:brackets])
            if left - cost >= max(kept, rungs.rest(rung)) - DUST * cost
        ]
        if not paid:
            return
        rung = min(paid, key=lambda one: tidy_cost(spent[one]))
        spent[rung] += rungs.costs[rung]
        left -= rungs.costs[rung]
        kept = max(kept, rungs.rest(rung))
        yield rung


def level(entered: Sequence[Trial]) -> list[Trial]:
    """The trials with their scores on the scale of the lowest fidelity that has any.

    Networks are chosen in the same way whatever their bracket. So a score of another fidelity becomes the
    score of the same quantile: the median of two, four or more networks stays the median.

    Args:
        entered: For each network of a study the trial at which it entered.
    """
    scores: dict[float, list[float]] = {}
    for trial in entered:
        if trial.state == "complete":
            scores.setdefault(trial.fidelity, []).append(trial.score)
    if len(scores) < 2:
        return list(entered)
    from scipy.stats import rankdata  # here, because it takes a second to load

    lowest = min(scores)
    moved = {
        fidelity: dict(zip(own, np.quantile(scores[lowest], (rankdata(own) - 0.5) / len(own)), strict=True))
        for fidelity, own in scores.items()
        if fidelity > lowest
    }
    return [
        replace(one, evaluation=replace(one.evaluation, score=float(moved[one.fidelity][one.score])))
        if one.state == "complete" and one.fidelity in moved
        else one
        for one in entered
    ]

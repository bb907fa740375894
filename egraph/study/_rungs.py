"""The trials of a study by their fidelity, and how many of them are promoted.

The rungs are those of asynchronous successive halving: each fidelity is a rung, and a share of the networks
on it is promoted to the next one. The share is the ratio of the costs, so that all rungs cost about the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from egraph.study._trial import DONE, PROMOTED, UNPROPOSED, WHOLE_COST, Trial

__all__ = ["DUST", "Rungs", "round_down"]

DUST = 1e-9
"""Rounding errors of sums of costs."""


@dataclass(frozen=True, slots=True)
class Rungs:
    """The trials of a study by their fidelity, and what may be promoted.

    Attributes:
        costs: Cost of each fidelity in whole evaluations, increasing; the last one is 1.
        trials: Trials of the search on each rung; those without a result are still evaluated.
    """

    costs: tuple[float, ...]
    trials: tuple[tuple[Trial, ...], ...]

    @classmethod
    def of(cls, trials: Sequence[Trial], costs: Sequence[float]) -> Rungs:
        """The rungs of a study with these trials."""
        climbing = [trial for trial in trials if trial.origin not in UNPROPOSED]
        rungs = tuple(tuple(trial for trial in climbing if trial.fidelity == cost) for cost in costs)
        return cls(tuple(costs), rungs)

    @property
    def entered(self) -> list[Trial]:
        """The trials of networks that were not promoted, but new: for each network the first one."""
        return [trial for trials in self.trials for trial in trials if trial.origin != PROMOTED]

    def ready(self, rung: int) -> list[Trial]:
        """The trials on a rung that succeeded and were not evaluated at a higher fidelity."""
        above = {trial.key for higher in self.trials[rung + 1 :] for trial in higher}
        return [one for one in self.trials[rung] if one.state == "complete" and one.key not in above]

    def rest(self, rung: int) -> float:
        """The cost of all rungs above this one: of the climb of one network from it."""
        return math.fsum(self.costs[rung + 1 :])

    def count(self, left: float) -> list[int]:
        """The number of networks to promote from each rung but the highest.

        As many as keep the promoted ones at the share of their rung that is the ratio of the costs; what
        entered on the next rung was not promoted. Higher rungs come first. Nothing is begun whose whole
        climb the limit does not pay, and what pays for the last whole evaluation is kept for the end.

        Args:
            left: Whole evaluations that may still be spent.
        """
        counts = [0] * (len(self.costs) - 1)
        for rung in reversed(range(len(counts))):
            own, next_one = self.costs[rung : rung + 2]
            measured = sum(trial.state in DONE for trial in self.trials[rung])
            risen = sum(trial.origin == PROMOTED for trial in self.trials[rung + 1])
            due = math.floor(measured * own / next_one + DUST) - risen
            paid = round_down((left - max(self.rest(rung + 1), WHOLE_COST)) / next_one)
            counts[rung] = int(max(0, min(due, paid, len(self.ready(rung)))))
            left -= counts[rung] * next_one
        return counts


def round_down(number: float) -> float:
    """The whole number below, not misled by rounding errors; infinity stays."""
    return math.floor(number + DUST) if math.isfinite(number) else number

"""When several workers that do not wait for one another get new trials, and how many at a time.

A trial that is proposed now does not profit from the results that are still missing: those of the trials that
run, and of its own round. Small rounds know more, and cost the study more time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from egraph.study._durations import find_usual
from egraph.study._proposals import Situation
from egraph.study._trial import DONE, Trial

__all__ = ["FULL", "Pace"]

FULL = 8
"""Number of trials of a round that waits for all its results; the number of different ones refers to it."""
_SHARE = 0.05
"""Share of its time in which the study may propose, where rounds can be larger."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The sizes of rounds.

    They depend on the journal alone: on states and durations of trials, and on how long the last round took
    to propose.

    Attributes:
        workers: Number of evaluations at a time.
        initial: Number of results before the first round that a ranker chooses; 0 where it is fitted before.
        most: Largest number of trials of a round.
    """

    workers: int
    initial: int
    most: int

    def is_early(self, situation: Situation) -> bool:
        """Whether to wait for more of the first results: for all but a quarter of the workers' trials."""
        if len(situation.done) >= self.initial - self.workers // 4:
            return False
        return 4 * _count_open(situation) > self.workers

    def size(self, situation: Situation) -> int:
        """Number of trials of the round: one for each free worker, or more where trials are short.

        It is so large that proposing takes a twentieth of the time between two rounds.
        """
        free = self.workers - _count_open(situation)
        usual = find_usual(map(_measure, situation.done))
        needed = situation.pause * self.workers / (_SHARE * usual) if usual and usual > 0 else math.inf
        return math.ceil(min(self.most, max(1, free, needed)))

    def far(self, size: int, before: int, far: int) -> int:
        """Number of different trials in a round: of each eight trials in a row ``far``.

        Args:
            size: Number of trials of the round.
            before: Number of trials of the search before it.
            far: Number of different trials in a full round.
        """
        return (before + size) * far // FULL - before * far // FULL


def _count_open(situation: Situation) -> int:
    """Number of trials without a result; none waits where a round is proposed, so that these run."""
    return sum(trial.state not in DONE for trial in situation.trials)


def _measure(trial: Trial) -> float:
    """The duration of a trial as the evaluation tells it, which may be that of a table."""
    return trial.seconds if math.isfinite(trial.seconds) else trial.finished - trial.started

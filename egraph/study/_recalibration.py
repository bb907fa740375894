"""When the ranker of a study is fitted again, and whether it has drifted."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from egraph.errors import UsageError
from egraph.study._trial import Trial

__all__ = ["DRIFT_LEVEL", "DRIFT_ROUNDS", "EACH_ROUND", "Recalibration"]

DRIFT_LEVEL = 0.01
"""Level of the test for drift."""
DRIFT_ROUNDS = 3
"""Largest number of rounds that are tested together."""
_FORM = re.compile(r"(every|seconds)=(\d+(?:\.\d+)?)|drift")


@dataclass(frozen=True, slots=True)
class Recalibration:
    """The rule for fitting the ranker again.

    The rule reads only the journal: numbers and costs of trials that are done. An interrupted study therefore
    fits its ranker after the same trials as an uninterrupted one.

    Attributes:
        every: Number of new trials after which the ranker is fitted again; infinite for no such rule.
        seconds: Seconds that new trials have cost, after which it is fitted again; infinite for no such rule.
        initial: Number of trials up to which it is fitted before each round in any case.
    """

    every: float = 1
    seconds: float = math.inf
    initial: int = 0

    @classmethod
    def parse(cls, text: str, initial: int) -> Recalibration:
        """Reads ``"every=N"``, ``"seconds=S"`` or ``"drift"``.

        Raises:
            UsageError: The text is none of these, or its number is not positive.
        """
        found = _FORM.fullmatch(text) if isinstance(text, str) else None
        amount = float(found[2]) if found is not None and found[2] else math.inf
        if found is None or not amount > 0 or (found[1] == "every" and amount != int(amount)):
            raise UsageError(
                f"recalibrate must be 'every=N' trials, 'seconds=S' of trials or 'drift', got {text!r}"
            )
        if found[1] == "every":
            return cls(every=amount)
        return cls(every=math.inf, seconds=amount, initial=initial)

    def is_due(self, trials: Sequence[Trial], learned_from: int, alarm: bool) -> bool:
        """Whether to fit the ranker before the next round.

        Args:
            trials: Trials of the search, all done.
            learned_from: Number of them that the ranker of the last round learned from, in order.
            alarm: Whether the last round ended with an alarm of drift.
        """
        new = trials[learned_from:]
        return (
            alarm
            or learned_from < max(self.initial, 1)
            or len(new) >= self.every
            or sum(_cost(trial) for trial in new) >= self.seconds
        )


EACH_ROUND = Recalibration()
"""The ranker is fitted before each round."""


def _cost(trial: Trial) -> float:
    """Seconds that a trial cost; of one without a known cost, the time that it ran."""
    cost = trial.seconds if math.isfinite(trial.seconds) else trial.finished - trial.started
    return cost if math.isfinite(cost) else 0.0

"""Trials that take much longer than usual: given up, or repeated on a worker that is free.

MapReduce (Dean and Ghemawat, OSDI 2004) repeats the last tasks of a job on idle machines and takes the first
result. LATE (Zaharia et al., OSDI 2008) repeats the slowest first. Here a worker is idle at the end of a
synchronous round and of a budget; with new trials at hand nothing is repeated.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from egraph.checks import check_positive
from egraph.errors import UsageError, shorten
from egraph.study._durations import NEWEST, find_usual
from egraph.study._trial import Trial

__all__ = ["NO_LIMITS", "Patience", "Usual", "read_limit", "read_patience"]

_FORM = re.compile(r"(\d+(?:\.\d+)?)x")
_ENOUGH = 5
"""Number of durations of a fidelity from which the usual one is known."""
_FIRST_SECONDS = 1.0
"""Time in which no trial is late."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long trials may take, as multiples of the usual duration of their fidelity.

    Attributes:
        timeout: After this multiple a trial has failed; infinite for none.
        backup: After this multiple a free worker repeats it; infinite for none.
    """

    timeout: float = math.inf
    backup: float = math.inf

    @property
    def is_set(self) -> bool:
        """Whether there is any limit."""
        return min(self.timeout, self.backup) < math.inf

    def describe(self) -> dict[str, str]:
        """The limits that there are, for the journal."""
        limits = {"timeout": self.timeout, "backup": self.backup}
        return {name: f"{limit:g}x" for name, limit in limits.items() if limit < math.inf}


NO_LIMITS = Patience()
"""Every trial may take as long as it takes."""


def read_patience(
    timeout: float | str | None, backup: str | None, trial_seconds: float | None
) -> tuple[float | None, Patience]:
    """The limit of a trial in seconds, and the multiples.

    Args:
        timeout: Seconds, or a multiple such as ``"5x"``; a text of a number is seconds too.
        backup: A multiple.
        trial_seconds: Seconds.

    Raises:
        UsageError: One is neither, not positive, or a multiple of 1 or less; or there are two limits in
            seconds.
    """
    trial_seconds = read_limit(trial_seconds)
    multiple = _read_multiple(timeout)
    again = _read_multiple(backup)
    if backup is not None and again is None:
        raise UsageError(f"backup must be a multiple of the usual time above 1, such as '2x', got {backup!r}")
    if timeout is None or multiple is not None:
        return trial_seconds, Patience(multiple or math.inf, again or math.inf)
    if trial_seconds is not None:
        raise UsageError("timeout in seconds and trial_seconds are one limit: give one of them")
    seconds = _read_seconds(timeout)
    return seconds, Patience(backup=again or math.inf)


def read_limit(trial_seconds: float | None) -> float | None:
    """The time limit of a trial as Python's number.

    Raises:
        UsageError: It is not a positive number.
    """
    if trial_seconds is None:
        return None
    check_positive(trial_seconds=trial_seconds)
    return float(trial_seconds)


def _read_multiple(text: float | str | None) -> float | None:
    found = _FORM.fullmatch(text) if isinstance(text, str) else None
    return float(found[1]) if found is not None and float(found[1]) > 1 else None


def _read_seconds(timeout: float | str) -> float:
    try:
        seconds = float(timeout)
    except (TypeError, ValueError):
        seconds = math.nan
    if isinstance(timeout, bool) or not 0 < seconds < math.inf:
        raise UsageError(
            "timeout must be seconds, such as 600, or a multiple of the usual time above 1, such as '5x', "
            f"got {shorten(timeout)}"
        )
    return seconds


class Usual:
    """The usual durations of trials, and the limits that follow from them.

    Args:
        patience: The limits as multiples.
        done: Trials that have ended before.
    """

    def __init__(self, patience: Patience, done: Iterable[Trial] = ()) -> None:
        self.patience = patience
        self._durations: dict[float, deque[float]] = {}
        for trial in done:
            if trial.state == "complete":
                self.learn(trial.fidelity, trial.finished - trial.started)

    def learn(self, fidelity: float, seconds: float) -> None:
        """Notes the duration of a trial that is complete."""
        if math.isfinite(seconds):
            self._durations.setdefault(fidelity, deque(maxlen=NEWEST)).append(seconds)

    def duration(self, fidelity: float) -> float:
        """The median duration in seconds; infinite while too few are known."""
        usual = find_usual(self._durations.get(fidelity, ()), _ENOUGH)
        return math.inf if usual is None else usual

    def limit(self, fidelity: float) -> float:
        """Seconds after which a trial has failed; infinite for none."""
        return max(_FIRST_SECONDS, self.patience.timeout * self.duration(fidelity))

    def lateness(self, fidelity: float) -> float:
        """Seconds after which a free worker repeats a trial; infinite for none."""
        return max(_FIRST_SECONDS, self.patience.backup * self.duration(fidelity))

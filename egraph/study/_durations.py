"""How long trials usually take."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterable

__all__ = ["NEWEST", "find_usual"]

NEWEST = 101
"""Number of the newest durations that count."""


def find_usual(durations: Iterable[float], least: int = 1) -> float | None:
    """The median of the newest durations, in seconds; those that are not finite do not count.

    Args:
        durations: Durations of trials, the newest last.
        least: Number of durations from which the median is known; None before.
    """
    newest = deque(filter(math.isfinite, durations), maxlen=NEWEST)
    return statistics.median(newest) if len(newest) >= least else None

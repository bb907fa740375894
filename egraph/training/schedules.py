"""Schedules of the learning rate, as shares of its peak."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["SCHEDULES", "constant", "cosine", "one_cycle", "share_of_peak"]


def share_of_peak(schedule: str, step: int, steps: int, *, warmup: float = 0.0, floor: float = 0.0) -> float:
    """A schedule after a linear rise, and above a floor.

    Args:
        schedule: Name in `SCHEDULES`.
        step: Step, counted from 0.
        steps: Number of steps in all.
        warmup: Share of the steps in which the rate rises linearly; the schedule spans the others.
        floor: Share of the peak that the schedule falls to instead of 0.
    """
    rise = round(warmup * steps)
    if step < rise:
        return (step + 1) / (rise + 1) * (floor + (1 - floor) * SCHEDULES[schedule](0, steps - rise))
    return floor + (1 - floor) * SCHEDULES[schedule](step - rise, steps - rise)


def constant(step: int, steps: int) -> float:
    """The peak at every step."""
    return 1.0


def cosine(step: int, steps: int) -> float:
    """Falls from the peak along half a cosine; it would reach 0 after the last step."""
    return (1 + math.cos(math.pi * step / max(1, steps))) / 2


def one_cycle(step: int, steps: int) -> float:
    """Rises linearly from a tenth for a quarter of the steps, then falls as `cosine` does."""
    rise = math.ceil(steps / 4)
    if step < rise:
        return 0.1 + 0.9 * step / rise
    return cosine(step - rise, steps - rise)


SCHEDULES: dict[str, Callable[[int, int], float]] = {
    "one-cycle": one_cycle,
    "cosine": cosine,
    "constant": constant,
}
"""Maps a name to a function of ``(step, steps)``, the step counted from 0, that gives a share in (0, 1]."""

"""One evaluation of a search."""

from __future__ import annotations

import math
from typing import NamedTuple

from egraph.architecture import Architecture
from egraph.bench.arena._ground import Ground

__all__ = ["Query", "look_up"]


class Query(NamedTuple):
    """One evaluation that counts against the budget.

    Attributes:
        architecture: Architecture.
        score: Score by which the best is chosen, higher is better; NaN if it failed.
        seconds: Simulated cost in seconds; NaN if unknown.
    """

    architecture: Architecture
    score: float
    seconds: float = math.nan


def look_up(ground: Ground, architecture: Architecture) -> Query:
    """The query that asks the table of a benchmark."""
    found = ground.lookup.evaluate(architecture)
    return Query(architecture, found.score, found.seconds)

"""Chooses the first trials by a score that needs no training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from egraph.architecture import Architecture
from egraph.evaluation.base import Fitness
from egraph.searchers import RandomSearch
from egraph.spaces import SearchSpace
from egraph.study._events import Event, Screening

__all__ = ["screen"]

_DRAWN = 16
"""Random architectures for each chosen one."""


def screen(
    space: SearchSpace, fitness: Fitness, count: int, seed: int, emit: Callable[[Event], object]
) -> list[Architecture]:
    """The best of many random architectures, best first.

    In a space where most networks cannot learn, a random start would give the ranker little else to learn
    from. Architectures without a score (NaN) come last.

    Raises:
        SpaceExhaustedError: The space is empty.
    """
    drawn = RandomSearch(space, seed=seed).ask(_DRAWN * count)
    emit(Screening(len(drawn)))
    scores = np.asarray(fitness(drawn), dtype=np.float64)
    order = np.argsort(-scores, kind="stable")  # NaN last
    return [drawn[row] for row in order[:count]]

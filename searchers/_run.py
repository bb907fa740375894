"""A search with a fitness function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from egraph.architecture import Architecture
from egraph.errors import FailedError, SpaceExhaustedError, UsageError
from egraph.searchers._base import Searcher

__all__ = ["SearchResult", "Step", "read_step", "run", "write_step"]

Fitness = Callable[[Sequence[Architecture]], ArrayLike]


class Step(NamedTuple):
    """An architecture and its score; NaN if it failed."""

    architecture: Architecture
    score: float


def write_step(step: Step | None) -> list[Any] | None:
    """A step as JSON-ready values; its score must be finite."""
    return None if step is None else [step.architecture.to_dict(), step.score]


def read_step(state: list[Any] | None) -> Step | None:
    """Reads what `write_step` returned."""
    return None if state is None else Step(Architecture.from_dict(state[0]), state[1])


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The outcome of a search.

    Attributes:
        best: First architecture with the best score.
        best_score: Its score.
        history: All scored architectures, in order.
        exhausted: Whether the space ran out before the budget.
    """

    best: Architecture
    best_score: float
    history: tuple[Step, ...]
    exhausted: bool = False

    @property
    def curve(self) -> NDArray[np.float64]:
        """The best score so far after each step, ``(steps,)``; NaN before the first success."""
        return np.fmax.accumulate([step.score for step in self.history])


def run(
    searcher: Searcher,
    fitness: Fitness,
    budget: int,
    batch: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> SearchResult:
    """Asks, scores and tells until the budget is spent or the space exhausted.

    Args:
        searcher: Searcher; prior knowledge that it was told is not part of the result.
        fitness: Maps architectures to scores ``(architectures,)``; higher is better, NaN for a failure.
        budget: Number of architectures to score.
        batch: Number of architectures scored at a time.
        progress: Called after each batch with the number scored so far and the budget.

    Raises:
        UsageError: The budget or batch is below 1, or the fitness returns a wrong number of scores.
        FailedError: Every score is NaN.
        SpaceExhaustedError: The space was exhausted before the first step.
    """
    if budget < 1 or batch < 1:
        raise UsageError(f"budget and batch must be at least 1, got budget={budget} and batch={batch}")
    history: list[Step] = []
    exhausted = False
    while len(history) < budget:
        wanted = min(batch, budget - len(history))
        try:
            architectures = searcher.ask(wanted)
        except SpaceExhaustedError:
            if not history:
                raise
            exhausted = True
            break
        scores = np.asarray(fitness(architectures), dtype=np.float64)
        if scores.shape != (len(architectures),):
            raise UsageError(
                f"the fitness got {len(architectures)} architectures and "
                f"returned scores of shape {scores.shape}"
            )
        searcher.tell(architectures, scores)
        history.extend(map(Step, architectures, scores.tolist()))
        if progress is not None:
            progress(len(history), budget)
    scores = np.array([step.score for step in history])
    if np.isnan(scores).all():
        raise FailedError(f"the fitness returned NaN for each of {len(history)} architectures")
    best = history[int(np.nanargmax(scores))]
    return SearchResult(best.architecture, best.score, tuple(history), exhausted)

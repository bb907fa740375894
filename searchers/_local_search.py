"""Local search: steepest ascent to a local optimum, then a restart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.searchers._base import Score, Searcher
from egraph.searchers._members import read_score, write_score
from egraph.searchers._run import Step, read_step, write_step
from egraph.spaces import SearchSpace

__all__ = ["LocalSearch"]


class LocalSearch(Searcher):
    """Proposes all neighbors of one architecture and moves to the best, up to a local optimum.

    It then restarts at a random architecture. Neighbors come in random order, so that a budget that ends
    among them favors no position. A move must improve the score; on a plateau the search restarts. Results
    from elsewhere, such as prior knowledge, are the next starting points, the best first.

    If more architectures are asked for than neighbors are left, and no known neighbor is better, the rest
    are random. Results that arrive after a move count as results from elsewhere.

    Difference from the paper: with ``distinct``, neighbors with a known key are skipped, so that an ascent
    ends where it meets an earlier one.

    Args:
        space: Space to search.
        seed: Seed of the searcher's own generator.
        distinct: Whether no key is proposed twice, nor one that was told.

    References:
        White, Nolen and Savani, "Exploring the Loss Landscape in Neural Architecture Search", UAI 2021,
        https://arxiv.org/abs/2005.02960
    """

    name = "local-search"

    def __init__(self, space: SearchSpace, *, seed: int = 0, distinct: bool = True) -> None:
        super().__init__(space, seed=seed, distinct=distinct)
        self._current: Architecture | None = None
        self._height = -np.inf  # score of the current architecture
        self._waiting: list[Architecture] = []  # its neighbors that were not asked yet
        self._near: set[Architecture] = set()  # its neighbors without a result
        self._up: Step | None = None  # the best neighbor, if it is better
        self._elsewhere: Step | None = None  # the best result from elsewhere since the last start

    def _propose(self) -> Architecture:
        while True:
            while self._waiting:
                neighbor = self._waiting.pop()
                if self._is_new(neighbor):
                    self._near.add(neighbor)
                    return neighbor
            if self._up is not None:
                self._move(self._up)
            elif self._elsewhere is not None:
                self._move(self._elsewhere)
                self._elsewhere = None
            else:
                return self._sample_new()

    def _move(self, step: Step) -> None:
        neighbors = self.space.neighbors(step.architecture)
        self._waiting = [neighbors[position] for position in self._rng.permutation(len(neighbors))]
        self._current, self._height, self._up, self._near = *step, None, set()

    def _learn(self, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> None:
        for step in map(Step, architectures, scores.tolist()):
            if step.architecture in self._near:
                self._near.discard(step.architecture)
                if step.score > (self._height if self._up is None else self._up.score):
                    self._up = step
            elif step.score > (-np.inf if self._elsewhere is None else self._elsewhere.score):
                self._elsewhere = step

    def _rescore(self, score: Score) -> None:
        """Starts again at the best of what is remembered."""
        steps = [step.architecture for step in (self._up, self._elsewhere) if step is not None]
        steps += [] if self._current is None else [self._current]
        self._height, self._waiting, self._near, self._up, self._elsewhere = -np.inf, [], set(), None, None
        self._learn(steps, np.array(score(steps)))

    def _state(self) -> dict[str, Any]:
        return {
            "current": None if self._current is None else self._current.to_dict(),
            "height": write_score(self._height),
            "waiting": [neighbor.to_dict() for neighbor in self._waiting],
            "near": sorted((neighbor.to_dict() for neighbor in self._near), key=str),
            "up": write_step(self._up),
            "elsewhere": write_step(self._elsewhere),
        }

    def _load(self, state: dict[str, Any]) -> None:
        current = state.get("current")  # absent from states of older versions
        self._current = None if current is None else Architecture.from_dict(current)
        self._height = read_score(state["height"])
        self._waiting = [Architecture.from_dict(neighbor) for neighbor in state["waiting"]]
        self._near = {Architecture.from_dict(neighbor) for neighbor in state["near"]}
        self._up, self._elsewhere = read_step(state["up"]), read_step(state["elsewhere"])

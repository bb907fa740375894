"""Local search: up the steepest slope to a local optimum, then anew from somewhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.searchers._base import Searcher
from egraph.searchers._members import read_score, write_score
from egraph.searchers._run import Step, read_step, write_step
from egraph.spaces import SearchSpace

__all__ = ["LocalSearch"]


class LocalSearch(Searcher):
    """Asks for all neighbors of one architecture, moves to the best of them, and so on to a local optimum.

    From there it begins again at a random architecture. The neighbors come in random order, so that a budget
    that ends among them favours no place. A move must be uphill: on a plateau it begins again. What is told
    from elsewhere, such as prior knowledge, is where it begins next, at the best of it first.

    Where more are asked for than there are neighbors left, and none of those that are known leads up, random
    ones come between; results that arrive late, after it has moved on, are taken as told from elsewhere.

    What differs from the paper: with ``distinct``, neighbors whose key is known are passed over, so that a
    climb ends at the foot of a hill that was climbed before.

    Args:
        space: where to search.
        seed: of the searcher's own generator.
        distinct: never ask twice for one key, and never for a key that was told.

    References:
        White, Nolen and Savani, "Exploring the Loss Landscape in Neural Architecture Search", UAI 2021,
        https://arxiv.org/abs/2005.02960
    """

    name = "local-search"

    def __init__(self, space: SearchSpace, *, seed: int = 0, distinct: bool = True) -> None:
        super().__init__(space, seed=seed, distinct=distinct)
        self._height = -np.inf  # the score of where it stands
        self._waiting: list[Architecture] = []  # neighbors of there that were not asked yet
        self._near: set[Architecture] = set()  # those that were asked and not told yet
        self._up: Step | None = None  # the best told neighbor, if it is better
        self._elsewhere: Step | None = None  # the best of all else that was told since it began

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
        self._waiting = [neighbors[place] for place in self._rng.permutation(len(neighbors))]
        self._height, self._up, self._near = step.score, None, set()

    def _learn(self, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> None:
        for step in map(Step, architectures, scores.tolist()):
            if step.architecture in self._near:
                self._near.discard(step.architecture)
                if step.score > (self._height if self._up is None else self._up.score):
                    self._up = step
            elif step.score > (-np.inf if self._elsewhere is None else self._elsewhere.score):
                self._elsewhere = step

    def _state(self) -> dict[str, Any]:
        return {
            "height": write_score(self._height),
            "waiting": [neighbor.to_dict() for neighbor in self._waiting],
            "near": sorted((neighbor.to_dict() for neighbor in self._near), key=str),
            "up": write_step(self._up),
            "elsewhere": write_step(self._elsewhere),
        }

    def _load(self, state: dict[str, Any]) -> None:
        self._height = read_score(state["height"])
        self._waiting = [Architecture.from_dict(neighbor) for neighbor in state["waiting"]]
        self._near = {Architecture.from_dict(neighbor) for neighbor in state["near"]}
        self._up, self._elsewhere = read_step(state["up"]), read_step(state["elsewhere"])

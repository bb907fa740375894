"""Hill climbing: mutants of the best network so far, whose best replaces it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import check_whole
from egraph.searchers._base import Score, Searcher
from egraph.searchers._run import Step, read_step, write_step
from egraph.spaces import SearchSpace

__all__ = ["HillClimb"]


class HillClimb(Searcher):
    """Proposes a few mutants of one architecture and moves to the best of them if it is better.

    The first architecture is random. Each child is ``mutations`` mutations away from the parent. After
    ``children`` results, the best of children and parent becomes the parent; the parent wins ties. If more
    are asked for at a time, they are further children of the same parent. A result from elsewhere, such as
    prior knowledge or a result that arrives after a move, becomes the parent at once if it is better. The
    climb never restarts: once the neighborhood of the parent is known, children come from farther away.

    In a space whose mutations are network morphisms (``nash``), evaluated by
    `egraph.evaluation.InheritedTraining`, this is the paper's method. There the parent is trained further
    beside its children, so that they do not win by longer training alone: ``distinct=False`` asks for the
    parent again at the beginning of each step and uses its newest score.

    Differences from the paper: with ``distinct``, the parent keeps its score, and a child with a known key
    is mutated again until it is new. A child is one mutation away by default instead of five, which in a
    space of cells would be almost a random sample.

    Args:
        space: Space to search.
        seed: Seed of the searcher's own generator.
        children: Number of results between two moves; 8 as in the paper.
        mutations: Number of mutations from a parent to a child; 5 in the paper.
        distinct: Whether no key is proposed twice, nor one that was told.

    Raises:
        UsageError: An option is of the wrong kind, or ``children`` or ``mutations`` is below 1.

    References:
        Elsken, Metzen and Hutter, "Simple and Efficient Architecture Search for Convolutional Neural
        Networks", 2017, https://arxiv.org/abs/1711.04528
    """

    name = "hill-climb"

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        children: int = 8,
        mutations: int = 1,
        distinct: bool = True,
    ) -> None:
        check_whole(1, children=children, mutations=mutations)
        super().__init__(space, seed=seed, distinct=distinct)
        self.children, self.mutations = children, mutations
        self._parent: Step | None = None
        self._asked: set[Architecture] = set()  # children of the parent without a result
        self._told = 0  # results of children of the parent
        self._best: Step | None = None  # the best child
        self._again = False  # whether to ask for the parent again

    def _propose(self) -> Architecture:
        if self._parent is None:
            return self._sample_new()
        child = self._parent.architecture
        if not self._again:
            for _ in range(self.mutations - 1):
                child = self.space.mutate(child, self._rng)
            child = self._mutate_to_new(child) or self._sample_new()
        self._again = False
        self._asked.add(child)
        return child

    def _learn(self, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> None:
        for step in map(Step, architectures, scores.tolist()):
            is_child = step.architecture in self._asked
            if self._parent is not None and step.architecture == self._parent.architecture:
                self._parent = self._parent if np.isnan(step.score) else step
            elif is_child:
                self._best = _better(self._best, step)
            else:
                self._parent = _better(self._parent, step)
            if is_child:
                self._asked.discard(step.architecture)
                self._told += 1
            if self._told == self.children:
                self._move()

    def _rescore(self, score: Score) -> None:
        steps = [step.architecture for step in (self._parent, self._best) if step is not None]
        scores = dict(zip(steps, score(steps), strict=True))
        self._parent, self._best = (
            None if step is None else _better(None, Step(step.architecture, scores[step.architecture]))
            for step in (self._parent, self._best)
        )

    def _move(self) -> None:
        if self._best is not None:
            self._parent = _better(self._parent, self._best)
        self._asked, self._told, self._best, self._again = set(), 0, None, not self.distinct

    def _state(self) -> dict[str, Any]:
        return {
            "parent": write_step(self._parent),
            "asked": sorted((child.to_dict() for child in self._asked), key=str),
            "told": self._told,
            "best": write_step(self._best),
            "again": self._again,
        }

    def _load(self, state: dict[str, Any]) -> None:
        self._parent, self._best = read_step(state["parent"]), read_step(state["best"])
        self._asked = {Architecture.from_dict(child) for child in state["asked"]}
        self._told, self._again = state["told"], state["again"]


def _better(step: Step | None, other: Step) -> Step | None:
    """The step of higher score, the first of equals; a failed ``other`` is ignored."""
    if np.isnan(other.score) or (step is not None and other.score <= step.score):
        return step
    return other

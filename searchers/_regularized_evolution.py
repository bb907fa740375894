"""Regularized evolution: tournaments in a population whose oldest member leaves first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import check_whole
from egraph.errors import UsageError
from egraph.searchers._base import Score, Searcher
from egraph.searchers._members import draw_best, rank_failed_last, read_score, write_score
from egraph.searchers._options import LARGEST
from egraph.spaces import SearchSpace

__all__ = ["RegularizedEvolution"]

_PARENTS = 8  # parents tried before a random sample is taken


class RegularizedEvolution(Searcher):
    """Mutates the best of a random sample of the newest results.

    The first ``population`` proposals are random. Each later one is a mutation of the best of ``sample``
    members, drawn with replacement. Every result joins the population; when it is full, the oldest member
    leaves. A batch of W results replaces the W oldest members, so any number of workers can run in parallel.
    A failed result joins as the worst. Prior knowledge joins in the order of telling, so tell the best last.

    Difference from the paper: with ``distinct``, a child with a known key is mutated again until it is new.

    Args:
        space: Space to search.
        seed: Seed of the searcher's own generator.
        population: Number of members.
        sample: Number of members in a tournament; with 1 the parent is a random member.
        distinct: Whether no key is proposed twice, nor one that was told.

    Raises:
        UsageError: An option is of the wrong kind or below 1, or ``sample`` exceeds ``population``.

    References:
        Real et al., "Regularized Evolution for Image Classifier Architecture Search", AAAI 2019,
        https://arxiv.org/abs/1802.01548
    """

    name = "regularized-evolution"

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        population: int = 100,
        sample: int = 25,
        distinct: bool = True,
    ) -> None:
        check_whole(1, LARGEST, population=population, sample=sample)
        if sample > population:
            raise UsageError(
                f"sample must not be larger than population, got sample={sample} and population={population}"
            )
        super().__init__(space, seed=seed, distinct=distinct)
        self.population, self.sample = population, sample
        # A ring buffer: the next result overwrites the oldest.
        self._members: list[Architecture] = []
        self._scores = np.full(population, -np.inf)
        self._told = 0

    def _propose(self) -> Architecture:
        beginning = max(self._proposed, self._told) < self.population
        child = None if beginning or not self._members else self._breed()
        return child or self._sample_new()

    def _breed(self) -> Architecture | None:
        """A new child; None if every child tried is known."""
        for _ in range(_PARENTS):
            parent = draw_best(len(self._members), self.sample, self._scores.__getitem__, self._rng)
            if (mutant := self._mutate_to_new(self._members[parent])) is not None:
                return mutant
        return None

    def _learn(self, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> None:
        for architecture, score in zip(architectures, scores.tolist(), strict=True):
            score = rank_failed_last(score)
            position = self._place(score)
            self._told += 1
            if position is None:
                continue
            if position == len(self._members):
                self._members.append(architecture)
            else:
                self._members[position] = architecture
            self._scores[position] = score

    def _place(self, score: float) -> int | None:
        """The position that the next result takes, here the oldest member's; None drops the result."""
        return self._told % self.population

    def _rescore(self, score: Score) -> None:
        self._scores[: len(self._members)] = [*map(rank_failed_last, score(self._members))]

    def _state(self) -> dict[str, Any]:
        scores = self._scores[: len(self._members)]
        return {
            "told": self._told,
            "members": [member.to_dict() for member in self._members],
            "scores": [*map(write_score, scores.tolist())],
        }

    def _load(self, state: dict[str, Any]) -> None:
        self._told = state["told"]
        self._members = [Architecture.from_dict(member) for member in state["members"]]
        self._scores = np.full(self.population, -np.inf)
        self._scores[: len(self._members)] = [*map(read_score, state["scores"])]

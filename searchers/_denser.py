"""DENSER: an evolutionary algorithm for two-level genomes over a grammar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import check_probability, check_whole
from egraph.searchers._base import Score, Searcher
from egraph.searchers._members import Member, draw_best, rank_failed_last, read_members, write_members
from egraph.searchers._options import LARGEST
from egraph.spaces import SearchSpace

__all__ = ["DENSER"]

_WALK = 16  # mutations of one child before other parents are chosen
_PAIRS = 8  # pairs of parents tried before a random sample is taken


class DENSER(Searcher):
    """Evolves generations by crossover and mutation; the best member survives.

    The space defines the two levels of the genome: `egraph.spaces.Grammar` crosses and mutates the sequence
    of blocks and the derivation of each; other spaces use their own operators. The first ``population``
    proposals are random. A later child has two parents with probability ``p_crossover``, else one; each is
    the best of ``sample`` members drawn. The child is mutated with probability ``p_mutate``. Every
    ``population`` results form the next generation, which the best member so far joins.

    Differences from the source: generations overlap, so any number of workers can run in parallel; with
    ``distinct``, a child with a known key is mutated until it is new.

    Args:
        space: Space to search.
        seed: Seed of the searcher's own generator.
        population: Number of results of a generation.
        sample: Number of members in a tournament.
        p_crossover: Probability that a child has two parents.
        p_mutate: Probability that a child is mutated even if it is new.
        distinct: Whether no key is proposed twice, nor one that was told.

    Raises:
        UsageError: An option is of the wrong kind or out of range.

    References:
        Assunção et al., "DENSER: Deep Evolutionary Network Structured Representation", Genetic Programming
        and Evolvable Machines 2019, https://arxiv.org/abs/1801.01563
    """

    name = "grammar"

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        population: int = 40,
        sample: int = 3,
        p_crossover: float = 0.7,
        p_mutate: float = 0.3,
        distinct: bool = True,
    ) -> None:
        check_whole(1, population=population)
        check_whole(1, LARGEST, sample=sample)
        check_probability(p_crossover=p_crossover, p_mutate=p_mutate)
        super().__init__(space, seed=seed, distinct=distinct)
        self.population, self.sample = population, sample
        self.p_crossover, self.p_mutate = p_crossover, p_mutate
        self._members: list[Member[Architecture]] = []
        self._fresh: list[Member[Architecture]] = []  # the next generation

    def _propose(self) -> Architecture:
        beginning = max(self._proposed, len(self._fresh)) < self.population or not self._members
        child = None if beginning else self._breed()
        return child or self._sample_new()

    def _breed(self) -> Architecture | None:
        """A new child; None if every child tried is known."""
        for _ in range(_PAIRS):
            child = self._draw_parent()
            if self._rng.random() < self.p_crossover:
                child = self.space.crossover(child, self._draw_parent(), self._rng)
            if self._rng.random() < self.p_mutate:
                child = self.space.mutate(child, self._rng)
            for _ in range(_WALK):
                if self._is_new(child):
                    return child
                child = self.space.mutate(child, self._rng)
        return None

    def _draw_parent(self) -> Architecture:
        members = self._members
        return members[
            draw_best(len(members), self.sample, lambda position: members[position].score, self._rng)
        ].genome

    def _learn(self, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> None:
        for architecture, score in zip(architectures, scores.tolist(), strict=True):
            self._fresh.append(Member(architecture, rank_failed_last(score)))
            if len(self._fresh) >= self.population:
                best = max(self._members + self._fresh, key=lambda member: member.score)
                self._members = self._fresh if best in self._fresh else [best, *self._fresh]
                self._fresh = []

    def _rescore(self, score: Score) -> None:
        scores = iter(score([member.genome for member in self._members + self._fresh]))
        for group in (self._members, self._fresh):
            group[:] = [Member(genome, rank_failed_last(next(scores))) for genome, _ in group]

    def _state(self) -> dict[str, Any]:
        groups = {"members": self._members, "fresh": self._fresh}
        return {name: write_members(group, Architecture.to_dict) for name, group in groups.items()}

    def _load(self, state: dict[str, Any]) -> None:
        self._members, self._fresh = (
            read_members(state[name], Architecture.from_dict) for name in ("members", "fresh")
        )

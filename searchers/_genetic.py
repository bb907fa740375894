"""A genetic algorithm on the encoding: tournaments, crossover, bitwise mutation, elitism."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import check_probability, check_whole
from egraph.errors import UsageError
from egraph.searchers._base import Score, Searcher
from egraph.searchers._members import rank_failed_last, read_score, write_score
from egraph.searchers._options import LARGEST
from egraph.spaces import SearchSpace

__all__ = ["Genetic"]

_TRIES = 64  # children tried before a random sample is taken


class Genetic(Searcher):
    """Breeds generations from the winners of tournaments and keeps an elite.

    Genes are the options of the space's encoding. The first generation is random. The parents of a child are
    winners of tournaments among ``tournament`` members, drawn with replacement. With probability
    ``crossover`` the child takes each gene from one of two parents with equal chances, else all genes from
    one. Each gene then mutates to another option with probability one over the number of genes. A complete
    generation of results replaces all members except the ``elite`` best. A failed result joins as the worst.

    Children are bred from the last complete generation, so any number can be asked for at a time. Prior
    knowledge joins the generation in which it is told.

    Differences from the sources: with ``distinct``, a known child is bred again, as are genes that describe
    no architecture. The elite keeps its scores; nothing is evaluated twice.

    Args:
        space: Space to search; it must have an encoding.
        seed: Seed of the searcher's own generator.
        population: Number of members of a generation, the elite included.
        tournament: Number of members in a tournament.
        crossover: Probability that a child has two parents.
        elite: Number of best members kept for the next generation.
        distinct: Whether no key is proposed twice, nor one that was told.

    Raises:
        UsageError: An option is of the wrong kind or out of range, or the space has no encoding.

    References:
        Goldberg and Deb, "A Comparative Analysis of Selection Schemes Used in Genetic Algorithms", FOGA 1991,
        https://doi.org/10.1016/B978-0-08-050684-5.50008-2
        Pan and Yao, "Neural Architecture Search Based on Evolutionary Algorithms with Fitness Approximation",
        IJCNN 2021, https://doi.org/10.1109/IJCNN52387.2021.9533986
    """

    name = "genetic"

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        population: int = 10,
        tournament: int = 3,
        crossover: float = 0.5,
        elite: int = 2,
        distinct: bool = True,
    ) -> None:
        check_whole(1, population=population)
        check_whole(1, LARGEST, tournament=tournament)
        check_whole(0, elite=elite)
        check_probability(crossover=crossover)
        if elite >= population:
            raise UsageError(
                f"elite must be smaller than population, got elite={elite} and population={population}"
            )
        super().__init__(space, seed=seed, distinct=distinct)
        self.population, self.tournament = population, tournament
        self.crossover, self.elite = crossover, elite
        self._choices = np.array(space.choices)
        # Score, minus infinity for a failed result, and genes of each individual.
        self._members: list[tuple[float, tuple[int, ...]]] = []  # best first
        self._children: list[tuple[float, tuple[int, ...]]] = []

    def _propose(self) -> Architecture:
        for _ in range(_TRIES if self._members else 0):
            if child := self._decode_new(self._breed()):
                return child
        return self._sample_new()

    def _breed(self) -> list[int]:
        genes = np.array(self._parent())
        if self._rng.random() < self.crossover:
            genes = np.where(self._rng.random(len(genes)) < 0.5, genes, self._parent())
        # A position with one option keeps it: a step of 1 modulo 1.
        steps = self._rng.integers(1, np.maximum(self._choices, 2))
        mutated = self._rng.random(len(genes)) < 1 / len(genes)
        return np.where(mutated, (genes + steps) % self._choices, genes).tolist()

    def _parent(self) -> tuple[int, ...]:
        best = self._rng.integers(len(self._members), size=self.tournament).min()
        return self._members[best][1]

    def _learn(self, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> None:
        for architecture, score in zip(architectures, scores.tolist(), strict=True):
            self._children.append((rank_failed_last(score), self.space.encode(architecture)))
            elite = self._members[: self.elite]
            if len(elite) + len(self._children) == self.population:
                self._members = sorted(elite + self._children, key=lambda member: -member[0])
                self._children = []

    def _rescore(self, score: Score) -> None:
        scores = iter(score([self.space.decode(genes) for _, genes in self._members + self._children]))
        members = [(rank_failed_last(next(scores)), genes) for _, genes in self._members]
        self._members = sorted(members, key=lambda member: -member[0])
        self._children = [(rank_failed_last(next(scores)), genes) for _, genes in self._children]

    def _state(self) -> dict[str, Any]:
        return {"members": _write(self._members), "children": _write(self._children)}

    def _load(self, state: dict[str, Any]) -> None:
        self._members, self._children = _read(state["members"]), _read(state["children"])


def _write(individuals: list[tuple[float, tuple[int, ...]]]) -> list[list[Any]]:
    return [[write_score(score), list(genes)] for score, genes in individuals]


def _read(state: list[list[Any]]) -> list[tuple[float, tuple[int, ...]]]:
    return [(read_score(score), tuple(genes)) for score, genes in state]

"""Species: a population divided by similarity, with fitness sharing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from egraph.searchers._members import Member, rank_failed_last, read_members, write_members

__all__ = ["Population", "Species", "shares", "tournament"]

G = TypeVar("G")

PRESSURE = 0.8
"""Probability that the best of a tournament wins; else the next best, with this probability, and so on."""


class Species(NamedTuple, Generic[G]):
    """Similar genomes.

    Attributes:
        number: Number that is unique within the population.
        members: Members, best first.
        share: Share of the children.
    """

    number: int
    members: list[Member[G]]
    share: float


class Population(Generic[G]):
    """Generations of a population that is divided into species.

    Results are collected until there are ``size``; they form the new generation. Each joins the first species
    whose representative, its best member in the last generation, is within ``threshold``, or founds a new
    species. A species with a share of less than half a child dies out, unless it has the best member of all.

    Args:
        size: Number of results of a generation.
        threshold: Largest distance of a member from the representative of its species.
        distance: Distance between two genomes.
        keeps_best: Whether the best of each species survives; else the whole generation is replaced.
    """

    def __init__(
        self, size: int, threshold: float, distance: Callable[[G, G], float], keeps_best: bool = True
    ) -> None:
        self.species: list[Species[G]] = []
        self._size, self._threshold, self._distance = size, threshold, distance
        self._keeps_best = keeps_best
        self._fresh: list[Member[G]] = []
        self._founded = 0

    def __len__(self) -> int:
        return len(self._fresh) + sum(len(species.members) for species in self.species)

    def add(self, genome: G, score: float) -> bool:
        """Adds a result, NaN if it failed; returns whether it completes a generation."""
        self._fresh.append(Member(genome, rank_failed_last(score)))
        if len(self._fresh) < self._size:
            return False
        self._renew()
        return True

    def draw(self, rng: np.random.Generator) -> Species[G]:
        """A species, drawn in proportion to its share."""
        borders = np.cumsum([species.share for species in self.species])
        return self.species[int(np.searchsorted(borders, rng.random() * borders[-1], side="right"))]

    def rescore(self, score: Callable[[Sequence[G]], list[float]]) -> None:
        """Replaces all scores; NaN for a failed result."""
        groups = [self._fresh, *(species.members for species in self.species)]
        scores = iter(score([member.genome for group in groups for member in group]))
        self._fresh, *families = (
            [Member(genome, rank_failed_last(next(scores))) for genome, _ in group] for group in groups
        )
        families = [sorted(members, key=lambda member: -member.score) for members in families]
        parts = shares([[member.score for member in members] for members in families]) if families else []
        self.species = [
            species._replace(members=members, share=part)
            for species, members, part in zip(self.species, families, parts, strict=True)
        ]

    def state_dict(self, write: Callable[[G], Any]) -> dict[str, Any]:
        """Everything, as JSON-ready values if ``write`` returns such for a genome."""
        return {
            "founded": self._founded,
            "fresh": write_members(self._fresh, write),
            "species": [[s.number, write_members(s.members, write), s.share] for s in self.species],
        }

    def load_state_dict(self, state: dict[str, Any], read: Callable[[Any], G]) -> None:
        """Restores what `state_dict` returned."""
        self._founded = state["founded"]
        self._fresh = read_members(state["fresh"], read)
        self.species = [
            Species(number, read_members(members, read), share) for number, members, share in state["species"]
        ]

    def _renew(self) -> None:
        groups = [
            (species.number, species.members[0].genome, species.members[:1] if self._keeps_best else [])
            for species in self.species
        ]
        for member in self._fresh:
            for _, representative, members in groups:
                if self._distance(member.genome, representative) <= self._threshold:
                    members.append(member)
                    break
            else:
                groups.append((self._founded, member.genome, [member]))
                self._founded += 1
        self._fresh = []
        numbers = [number for number, _, members in groups if members]
        families = [sorted(members, key=lambda m: -m.score) for _, _, members in groups if members]
        parts = shares([[member.score for member in members] for members in families])
        best = max(range(len(families)), key=lambda position: families[position][0].score)
        self.species = [
            Species(number, members, part)
            for position, (number, members, part) in enumerate(zip(numbers, families, parts, strict=True))
            if part * self._size >= 0.5 or position == best
        ]


def shares(scores: Sequence[Sequence[float]]) -> list[float]:
    """Shares of the children by fitness sharing.

    The fitness of a member is the difference of its score from the worst, divided by the size of its species.
    The share of a species is proportional to the sum over its members. If all scores are equal, so are the
    shares.

    Args:
        scores: Scores of the members of each species; minus infinity, which ranks last, for failures.

    Returns:
        Shares, ``(species,)``; their sum is 1.
    """
    measured = [score for species in scores for score in species if score > -math.inf]
    worst = min(measured, default=0.0)
    sums = [sum(max(score - worst, 0.0) for score in species) / len(species) for species in scores]
    total = sum(sums)
    return [part / total for part in sums] if total > 0 else [1 / len(sums)] * len(sums)


def tournament(members: Sequence[Member[G]], rng: np.random.Generator) -> Member[G]:
    """A parent from a tournament among half of the members, drawn at random.

    Args:
        members: Members, best first.
        rng: Source of randomness.
    """
    drawn = np.sort(rng.permutation(len(members))[: math.ceil(len(members) / 2)])
    position = min(int(rng.geometric(PRESSURE)) - 1, len(drawn) - 1)
    return members[drawn[position]]

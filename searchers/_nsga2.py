"""NSGA-II: score and costs of an architecture as objectives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import check_probability, check_whole
from egraph.searchers._base import Score
from egraph.searchers._members import draw_best
from egraph.searchers._multi_objective import Cost, Member, MultiObjective, read_members, write_members
from egraph.searchers._pareto import crowding_distance, pareto_ranks
from egraph.spaces import SearchSpace

__all__ = ["NSGA2"]

_PAIRS = 8  # pairs of parents tried before a random sample is taken


class NSGA2(MultiObjective):
    """Evolves a population towards the Pareto front of the score and any costs.

    The first ``population`` proposals are random. Each later one is a mutation of a crossover, whose parents
    win binary tournaments: the better non-dominated front wins, then the larger crowding distance. After
    every ``population`` results, old and new members compete: better fronts stay, and crowding distance cuts
    the last front. An architecture that exceeds a limit ranks behind all that do not, by its violation. One
    that failed or has no finite costs ranks last. Without costs this is an elitist genetic algorithm. The
    work for one proposal grows with the population and with the size of `front`, not with the number of
    results.

    Differences from the paper: generations overlap, so any number of workers can run in parallel; parents
    cross and mutate by the operators of the space; with ``distinct``, a known child is mutated again. Costs
    need no training, but architectures beyond a limit may be proposed; they rank last, so this is rare.

    Args:
        space: Space to search.
        seed: Seed of the searcher's own generator.
        costs: Functions from an architecture to a cost, by name; lower is better. Examples: parameters,
            FLOPs, a measured latency. One that raises EvaluationError marks the architecture as failed.
        limits: Upper limits of costs, by name.
        population: Number of members.
        p_crossover: Probability that a child has two parents.
        distinct: Whether no key is proposed twice, nor one that was told.

    Raises:
        UsageError: An option is of the wrong kind or out of range, or a limit is of an unknown cost.

    References:
        Deb et al., "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", IEEE TEC 2002,
        https://doi.org/10.1109/4235.996017
    """

    name = "nsga2"

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        costs: Mapping[str, Cost] | None = None,
        limits: Mapping[str, float] | None = None,
        population: int = 40,
        p_crossover: float = 0.9,
        distinct: bool = True,
    ) -> None:
        check_whole(2, population=population)
        check_probability(p_crossover=p_crossover)
        super().__init__(space, seed=seed, costs=costs, limits=limits, distinct=distinct)
        self.population, self.p_crossover = population, p_crossover
        self._members: list[Member] = []
        self._fresh: list[Member] = []  # results since the last selection
        self._order: list[tuple[int, float]] = []  # negative front and crowding distance of each member

    def _propose(self) -> Architecture:
        told = len(self._members) + len(self._fresh)
        beginning = max(self._proposed, told) < self.population or not self._members
        child = None if beginning else self._breed()
        return child or self._sample_new()

    def _breed(self) -> Architecture | None:
        """A new child; None if every child tried is known."""
        for _ in range(_PAIRS):
            child = self._draw_parent()
            if self._rng.random() < self.p_crossover:
                child = self.space.crossover(child, self._draw_parent(), self._rng)
            if (mutant := self._mutate_to_new(child)) is not None:
                return mutant
        return None

    def _draw_parent(self) -> Architecture:
        winner = draw_best(len(self._members), 2, self._order.__getitem__, self._rng)
        return self._members[winner].architecture

    def _learn(self, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> None:
        for architecture, score in zip(architectures, scores.tolist(), strict=True):
            self._fresh.append(self._measure(architecture, score))
            if len(self._fresh) >= self.population:
                self._select()

    def _select(self) -> None:
        """Keeps the best members and records their order."""
        members = self._members + self._fresh
        order = self._rank(members)
        best = sorted(range(len(members)), key=order.__getitem__, reverse=True)[: self.population]
        self._members, self._fresh = [members[position] for position in best], []
        self._order = self._rank(self._members)

    def _rank(self, members: list[Member]) -> list[tuple[int, float]]:
        """Negative front and crowding distance of each member; higher is better."""
        points = self._points(members)
        ranks = pareto_ranks(points, [self._violation(member) for member in members])
        room = np.zeros(len(members))
        for rank in np.unique(ranks):
            room[ranks == rank] = crowding_distance(points[ranks == rank])
        return list(zip((-ranks).tolist(), room.tolist(), strict=True))

    def _rescore(self, score: Score) -> None:
        super()._rescore(score)
        self._members, self._fresh = (self._rescored(group, score) for group in (self._members, self._fresh))
        self._order = self._rank(self._members) if self._members else []

    def _state(self) -> dict[str, Any]:
        groups = {"members": self._members, "fresh": self._fresh}
        written = {name: write_members(group) for name, group in groups.items()}
        return {**written, **super()._state()}

    def _load(self, state: dict[str, Any]) -> None:
        super()._load(state)
        self._members, self._fresh = read_members(state["members"]), read_members(state["fresh"])
        self._order = self._rank(self._members) if self._members else []

"""NSGA-II: the score against what an architecture costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import check_probability, check_whole
from egraph.searchers._members import draw_best
from egraph.searchers._multi_objective import Cost, Member, MultiObjective, read_members, write_members
from egraph.searchers._pareto import crowding_distance, pareto_ranks
from egraph.spaces import SearchSpace

__all__ = ["NSGA2"]

_PAIRS = 8  # pairs of parents whose children may be known already before a random sample is taken


class NSGA2(MultiObjective):
    """Evolves a population towards the front of best compromises between the score and any costs.

    The first ``population`` proposals are random. From then on each is a mutation of a crossover: of four
    members drawn, the better of each two become parents. Better is who lies in the better non-dominated
    front, and in the same front who has more room around it. Once as many results have been told as the
    population is large, old and new members compete: those of the better fronts stay, the last front cut by
    crowding. What exceeds a limit ranks behind all that does not, by how far it exceeds; what failed, or has
    no finite costs, comes last. Without costs it is a genetic algorithm that keeps the best. The work for one
    candidate grows with the population, and with the front that `front` returns, not with what was told.

    What differs from the paper: generations overlap, so that any number of workers can be served, parents
    cross and mutate by the operators of the space, and with ``distinct`` a known child is mutated on. Costs
    are known without training, yet what exceeds a limit is asked now and then; it ranks last, so seldom.

    Args:
        space: where to search.
        seed: of the searcher's own generator.
        costs: by name, functions from an architecture to what it costs, lower is better: parameters, FLOPs, a
            measured latency. One that raises EvaluationError marks the architecture as failed.
        limits: by name, the most that a cost may be.
        population: how many members live at a time.
        p_crossover: probability that a child has two parents.
        distinct: never ask twice for one key, and never for a key that was told.

    Raises:
        UsageError: ``population`` is below 2, ``p_crossover`` no probability, or a limit is not positive or
            of an unknown cost.

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
        self._fresh: list[Member] = []  # told since the last selection
        self._order: list[tuple[int, float]] = []  # of each member: negative front and room

    def _propose(self) -> Architecture:
        told = len(self._members) + len(self._fresh)
        beginning = max(self._proposed, told) < self.population or not self._members
        child = None if beginning else self._breed()
        return child or self._sample_new()

    def _breed(self) -> Architecture | None:
        """A new child; None where all that was tried is known already."""
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
        """Keeps as many as the population holds, and notes their order."""
        members = self._members + self._fresh
        order = self._rank(members)
        best = sorted(range(len(members)), key=order.__getitem__, reverse=True)[: self.population]
        self._members, self._fresh = [members[place] for place in best], []
        self._order = self._rank(self._members)

    def _rank(self, members: list[Member]) -> list[tuple[int, float]]:
        """Of each member its negative front and its crowding distance: higher is better."""
        points = self._points(members)
        ranks = pareto_ranks(points, [self._violation(member) for member in members])
        room = np.zeros(len(members))
        for rank in np.unique(ranks):
            room[ranks == rank] = crowding_distance(points[ranks == rank])
        return list(zip((-ranks).tolist(), room.tolist(), strict=True))

    def _state(self) -> dict[str, Any]:
        groups = {"members": self._members, "fresh": self._fresh}
        written = {name: write_members(group) for name, group in groups.items()}
        return {**written, **super()._state()}

    def _load(self, state: dict[str, Any]) -> None:
        super()._load(state)
        self._members, self._fresh = read_members(state["members"]), read_members(state["fresh"])
        self._order = self._rank(self._members) if self._members else []

"""NSGA-II: the score against what an architecture costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.errors import EvaluationError, UsageError
from egraph.searchers._base import Searcher
from egraph.searchers._pareto import crowding_distance, hypervolume, pareto_ranks
from egraph.spaces import SearchSpace

__all__ = ["NSGA2", "Compromise"]

_PAIRS = 8  # pairs of parents whose children may be known already before a random sample is taken

Cost = Callable[[Architecture], float]


class Compromise(NamedTuple):
    """One architecture that nothing told is better than in score and all costs.

    Attributes:
        architecture: of the space.
        score: as told, higher is better.
        costs: by name, lower is better.
    """

    architecture: Architecture
    score: float
    costs: dict[str, float]


class _Member(NamedTuple):
    """A result: the negative score and the costs, all minimised; None if it failed."""

    architecture: Architecture
    values: tuple[float, ...] | None


class NSGA2(Searcher):
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
        if population < 2:
            raise UsageError(f"population must be at least 2, got {population}")
        if not 0 <= p_crossover <= 1:
            raise UsageError(f"p_crossover must be a probability, got {p_crossover}")
        super().__init__(space, seed=seed, distinct=distinct)
        self.costs = dict(costs or {})
        self.limits = {name: float(limit) for name, limit in (limits or {}).items()}
        for name, limit in self.limits.items():
            if name not in self.costs:
                raise UsageError(
                    f"there is no cost {name!r} to limit; costs: {', '.join(self.costs) or 'none'}"
                )
            if not limit > 0:
                raise UsageError(f"the limit of {name!r} must be positive, got {limit}")
        self.population, self.p_crossover = population, p_crossover
        self._members: list[_Member] = []
        self._fresh: list[_Member] = []  # told since the last selection
        self._front: list[_Member] = []
        self._asked = 0
        self._order: list[tuple[int, float]] = []  # of each member: front and negative room

    @property
    def options(self) -> dict[str, Any]:
        """The settings other than space and seed, as JSON-ready values."""
        own = {"costs": list(self.costs), "limits": self.limits, "population": self.population}
        return {**own, "p_crossover": self.p_crossover, **super().options}

    def front(self) -> list[Compromise]:
        """The best compromises within the limits of all that was told, highest score first."""
        return [
            Compromise(architecture, -values[0], dict(zip(self.costs, values[1:], strict=True)))
            for architecture, values in sorted(self._front, key=lambda member: member.values or ())
            if values is not None
        ]

    def hypervolume(self, score: float, costs: Mapping[str, float]) -> float:
        """The volume between the front and the worst that counts.

        Args:
            score: the lowest that counts.
            costs: by name, the highest that count.

        Raises:
            UsageError: the names are not those of the costs.
        """
        if set(costs) != set(self.costs):
            raise UsageError(f"need the worst of each of the costs {list(self.costs)}, got {list(costs)}")
        worst = [-score, *(costs[name] for name in self.costs)]
        return hypervolume([member.values or () for member in self._front], worst)

    def _propose(self) -> Architecture:
        told = len(self._members) + len(self._fresh)
        beginning = max(self._asked, told) < self.population or not self._members
        child = None if beginning else self._breed()
        child = child or self._sample_new()
        self._asked += 1
        return child

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
        first, second = self._rng.integers(len(self._members), size=2).tolist()
        return self._members[min(first, second, key=self._order.__getitem__)].architecture

    def _learn(self, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> None:
        for architecture, score in zip(architectures, scores.tolist(), strict=True):
            member = _Member(architecture, self._measure(architecture, score))
            self._extend_front(member)
            self._fresh.append(member)
            if len(self._fresh) >= self.population:
                self._select()

    def _measure(self, architecture: Architecture, score: float) -> tuple[float, ...] | None:
        try:
            values = (-score, *(float(cost(architecture)) for cost in self.costs.values()))
        except EvaluationError:
            return None
        return values if all(map(math.isfinite, values)) else None

    def _extend_front(self, member: _Member) -> None:
        if self._violation(member) > 0 or any(_covers(other, member) for other in self._front):
            return
        self._front = [other for other in self._front if not _covers(member, other)]
        self._front.append(member)

    def _select(self) -> None:
        """Keeps as many as the population holds, and notes their order."""
        members = self._members + self._fresh
        order = self._rank(members)
        best = sorted(range(len(members)), key=order.__getitem__)[: self.population]
        self._members, self._fresh = [members[place] for place in best], []
        self._order = self._rank(self._members)

    def _rank(self, members: list[_Member]) -> list[tuple[int, float]]:
        """Of each member its front and its negative crowding distance: lower is better."""
        points = np.array([member.values or (0.0,) * (1 + len(self.costs)) for member in members])
        ranks = pareto_ranks(points, [self._violation(member) for member in members])
        room = np.zeros(len(members))
        for rank in np.unique(ranks):
            room[ranks == rank] = crowding_distance(points[ranks == rank])
        return list(zip(ranks.tolist(), (-room).tolist(), strict=True))

    def _violation(self, member: _Member) -> float:
        """By what share of them the limits are exceeded, summed; infinite for what failed."""
        if member.values is None:
            return math.inf
        costs = dict(zip(self.costs, member.values[1:], strict=True))
        return sum(max(0.0, costs[name] / limit - 1) for name, limit in self.limits.items())

    def _state(self) -> dict[str, Any]:
        groups = {"members": self._members, "fresh": self._fresh, "front": self._front}
        return {"asked": self._asked} | {
            name: [[architecture.to_dict(), values] for architecture, values in group]
            for name, group in groups.items()
        }

    def _load(self, state: dict[str, Any]) -> None:
        self._asked = state["asked"]
        self._members, self._fresh, self._front = (
            [
                _Member(Architecture.from_dict(content), None if values is None else tuple(values))
                for content, values in state[name]
            ]
            for name in ("members", "fresh", "front")
        )
        self._order = self._rank(self._members) if self._members else []


def _covers(a: _Member, b: _Member) -> bool:
    """Whether one is nowhere worse than the other, both being measured."""
    assert a.values is not None
    assert b.values is not None
    return all(x <= y for x, y in zip(a.values, b.values, strict=True))

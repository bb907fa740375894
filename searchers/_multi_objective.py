"""The base class of multi-objective searchers: score and costs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import check_positive
from egraph.errors import EvaluationError, UsageError, shorten
from egraph.searchers._base import Score, Searcher
from egraph.searchers._pareto import hypervolume
from egraph.spaces import SearchSpace
from egraph.spaces.limited import Cost

__all__ = ["Compromise", "Cost", "Member", "MultiObjective", "read_members", "write_members"]


class Compromise(NamedTuple):
    """A Pareto-optimal result: no other is better in the score and all costs.

    Attributes:
        architecture: Architecture of the space.
        score: Score as told; higher is better.
        costs: Costs by name; lower is better.
    """

    architecture: Architecture
    score: float
    costs: dict[str, float]


class Member(NamedTuple):
    """A result: its negative score and its costs, all minimized; None if it failed."""

    architecture: Architecture
    values: tuple[float, ...] | None


class MultiObjective(Searcher):
    """Measures costs, limits them, and keeps the Pareto front of all results.

    A subclass passes each result through `_measure`.

    Args:
        space: Space to search.
        seed: Seed of the searcher's own generator.
        costs: Functions from an architecture to a cost, by name; lower is better.
        limits: Upper limits of costs, by name.
        distinct: Whether no key is proposed twice, nor one that was told.

    Raises:
        UsageError: An option is of the wrong kind, or a limit is not positive or of an unknown cost.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        costs: Mapping[str, Cost] | None = None,
        limits: Mapping[str, float] | None = None,
        distinct: bool = True,
    ) -> None:
        super().__init__(space, seed=seed, distinct=distinct)
        _check_costs(costs, limits)
        self.costs = dict(costs or {})
        self.limits = {name: float(limit) for name, limit in (limits or {}).items()}
        self._front: list[Member] = []

    @classmethod
    def describe_options(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """Options as JSON-ready values; costs become the list of their names."""
        limits = {name: float(limit) for name, limit in (options.get("limits") or {}).items()}
        own = {"costs": list(options.get("costs") or {}), "limits": limits}
        return {**super().describe_options(options), **own}

    def front(self) -> list[Compromise]:
        """The Pareto front of all results within the limits, highest score first."""
        return [
            Compromise(architecture, -values[0], dict(zip(self.costs, values[1:], strict=True)))
            for architecture, values in sorted(self._front, key=lambda member: member.values or ())
            if values is not None
        ]

    def hypervolume(self, score: float, costs: Mapping[str, float]) -> float:
        """The volume between the front and a reference point.

        Args:
            score: Score of the reference point, the lowest that counts.
            costs: Costs of the reference point by name, the highest that count.

        Raises:
            UsageError: The names are not those of the costs.
        """
        if set(costs) != set(self.costs):
            raise UsageError(f"need the worst of each of the costs {list(self.costs)}, got {list(costs)}")
        worst = [-score, *(costs[name] for name in self.costs)]
        return hypervolume([member.values or () for member in self._front], worst)

    def _measure(self, architecture: Architecture, score: float) -> Member:
        """A result with its costs; joins the front if it is Pareto-optimal."""
        member = Member(architecture, self._values(architecture, score))
        self._join(member)
        return member

    def _join(self, member: Member) -> None:
        """Adds a member to the front if it is Pareto-optimal."""
        if self._violation(member) == 0 and not any(_covers(other, member) for other in self._front):
            self._front = [other for other in self._front if not _covers(member, other)]
            self._front.append(member)

    def _rescore(self, score: Score) -> None:
        front, self._front = self._front, []
        for member in self._rescored(front, score):
            self._join(member)

    def _rescored(self, members: Sequence[Member], score: Score) -> list[Member]:
        """The members with other scores."""
        scores = score([member.architecture for member in members])
        again = []
        for (architecture, values), new in zip(members, scores, strict=True):
            if values is None or not math.isfinite(new):
                again.append(Member(architecture, self._values(architecture, new)))
            else:
                again.append(Member(architecture, (-new, *values[1:])))
        return again

    def _values(self, architecture: Architecture, score: float) -> tuple[float, ...] | None:
        try:
            values = (-score, *(float(cost(architecture)) for cost in self.costs.values()))
        except EvaluationError:
            return None
        return values if all(map(math.isfinite, values)) else None

    def _points(self, members: Iterable[Member]) -> NDArray[np.float64]:
        """The values of members, ``(members, 1 + costs)``; zeros for those that failed."""
        return np.array([member.values or (0.0,) * (1 + len(self.costs)) for member in members])

    def _violation(self, member: Member) -> float:
        """Sum of the relative excesses over the limits; infinite for a failed result."""
        if member.values is None:
            return math.inf
        costs = dict(zip(self.costs, member.values[1:], strict=True))
        return sum(max(0.0, costs[name] / limit - 1) for name, limit in self.limits.items())

    def _state(self) -> dict[str, Any]:
        return {"front": write_members(self._front)}

    def _load(self, state: dict[str, Any]) -> None:
        self._front = read_members(state["front"])


def write_members(members: Iterable[Member]) -> list[Any]:
    """Members as JSON-ready values."""
    return [[architecture.to_dict(), values] for architecture, values in members]


def read_members(state: Iterable[Any]) -> list[Member]:
    """Reads what `write_members` returned."""
    return [
        Member(Architecture.from_dict(content), None if values is None else tuple(values))
        for content, values in state
    ]


def _covers(a: Member, b: Member) -> bool:
    """Whether ``a`` is nowhere worse than ``b``; both must be measured."""
    assert a.values is not None
    assert b.values is not None
    return all(x <= y for x, y in zip(a.values, b.values, strict=True))


def _check_costs(costs: Any, limits: Any) -> None:
    """Checks kinds and names of costs and limits."""
    for option, value, values in (("costs", costs, "functions"), ("limits", limits, "numbers")):
        if not (value is None or isinstance(value, Mapping)):
            raise UsageError(f"{option} must be a mapping from names to {values}, got {shorten(value)}")
    known = costs or {}
    for name, cost in known.items():
        if not callable(cost):
            raise UsageError(f"the cost {name!r} must be a function, got {shorten(cost)}")
    for name, limit in (limits or {}).items():
        if name not in known:
            raise UsageError(f"there is no cost {name!r} to limit; costs: {', '.join(known) or 'none'}")
        check_positive(**{f"the limit of {name!r}": limit})

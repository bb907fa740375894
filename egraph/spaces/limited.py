"""A search space within cost limits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, EvaluationError, SpaceExhaustedError, UsageError
from egraph.spaces.base import SearchSpace
from egraph.spaces.subspace import Subspace

__all__ = ["Cost", "Limited"]

Cost = Callable[[Architecture], float]
"""A function from an architecture to a cost; lower is better."""

_SAMPLES = 1000  # draws in a row that may exceed the limits
_CHILDREN = 50  # draws of a child in a row that may exceed the limits


class Limited(Subspace):
    """The architectures of another space that keep cost limits.

    Samples, mutants and children are drawn again until they keep the limits, so that no searcher proposes,
    and no study trains, an architecture that exceeds them. Each network is measured once. If no child is
    found within a number of draws, its parent is returned, or a random architecture if the parent exceeds a
    limit itself. Results of architectures beyond the limits can be told to a searcher: they have a `key`.

    All capabilities of the whole space are passed on: encoding, networks, morphisms, episodes, crossovers and
    weighted mutation.

    The limits are part of the name, so that the journal of a study with other limits is refused.

    Args:
        space: The whole space.
        costs: Functions from an architecture to its cost, by name, such as those of
            `egraph.evaluation.Costs`; lower is better. A cost that raises EvaluationError, or is NaN, exceeds
            every limit.
        limits: Largest value of each limited cost, by name: a number, or a text such as ``"0.8x"``, times
            the cost of the network that the space is about (`SearchSpace.given`).

    Raises:
        UsageError: A limit is not positive or names an unknown cost, there is no limit, or one is relative
            and the space is about no network, or its cost cannot be measured.
    """

    def __init__(
        self, space: SearchSpace, costs: Mapping[str, Cost], limits: Mapping[str, float | str]
    ) -> None:
        for name in limits:
            if name not in costs:
                raise UsageError(f"there is no cost {name!r} to limit; costs: {', '.join(costs) or 'none'}")
        if not limits:
            raise UsageError("a limited space needs at least one limit")
        self.limits = {name: _read(space, name, costs[name], limit) for name, limit in limits.items()}
        shown = ", ".join(
            f"{name} <= {limit if isinstance(limit, str) else _show(limit)}" for name, limit in limits.items()
        )
        super().__init__(space, f"{space.name}, {shown}")
        self.costs = {name: costs[name] for name in limits}
        self._known: dict[str, dict[str, float]] = {}

    def measure(self, architecture: Architecture) -> dict[str, float]:
        """The limited costs by name, infinite if they cannot be measured; each network is measured once.

        Raises:
            ArchitectureError: The architecture does not belong to the whole space.
        """
        key = self.whole.key(architecture)
        if key not in self._known:
            self._known[key] = {name: _call(cost, architecture) for name, cost in self.costs.items()}
        return self._known[key]

    def keeps_limits(self, architecture: Architecture) -> bool:
        """Whether all costs are within their limits."""
        costs = self.measure(architecture)
        return all(costs[name] <= limit for name, limit in self.limits.items())

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A sample of the whole space that keeps the limits.

        Raises:
            SpaceExhaustedError: None of many samples does; a search then ends with what it has found.
        """
        cheapest = dict.fromkeys(self.limits, math.inf)
        for _ in range(_SAMPLES):
            architecture = self.whole.sample(rng)
            if self.keeps_limits(architecture):
                return architecture
            costs = self.measure(architecture)
            cheapest = {name: min(cheapest[name], costs[name]) for name in cheapest}
        least = ", ".join(f"{name} {cost:,.6g}" for name, cost in cheapest.items())
        raise SpaceExhaustedError(
            f"none of {_SAMPLES:,} random architectures is of the space {self.name!r}; the least that they "
            f"cost is {least}; raise the limit"
        )

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """The neighbours in the whole space that keep the limits; possibly none."""
        return [each for each in self.whole.neighbors(architecture) if self.keeps_limits(each)]

    def check(self, architecture: Architecture) -> None:
        """Checks that an architecture keeps the limits.

        Raises:
            ArchitectureError: It does not; the error text has its cost.
        """
        costs = self.measure(architecture)
        for name, limit in self.limits.items():
            if not costs[name] <= limit:
                raise ArchitectureError(
                    f"{name} may be {_show(limit)} at most, this architecture has {costs[name]:,.6g}"
                )

    def __len__(self) -> int:
        raise TypeError(f"to count {self.name!r}, each architecture must be measured; iterate over it")

    def __iter__(self) -> Iterator[Architecture]:
        everything = iter(self.whole)  # raises TypeError if the whole space is infinite
        return (architecture for architecture in everything if self.keeps_limits(architecture))

    def _draw(
        self, parent: Architecture, draw: Callable[[], Architecture], rng: np.random.Generator
    ) -> Architecture:
        for _ in range(_CHILDREN):
            if self.keeps_limits(child := draw()):
                return child
        return parent if self.keeps_limits(parent) else self.sample(rng)

    def _settle(self, architecture: Architecture) -> Architecture:
        self.check(architecture)
        return architecture


def _read(space: SearchSpace, name: str, cost: Cost, limit: float | str) -> float:
    """The largest value of a cost."""
    factor = 1.0
    if isinstance(limit, str):
        try:
            factor = float(limit[: -len("x")]) if limit.endswith("x") else 0.0
        except ValueError:
            factor = 0.0
        if not 0 < factor < math.inf:
            raise UsageError(
                f"the limit of {name!r} must be a number, or one with an x such as 0.8x, got {limit!r}"
            )
        if space.given is None:
            raise UsageError(
                f"the limit {limit} of {name!r} is relative to a given network, and the space {space.name!r} "
                "is about none; give a number, or search around a network (egraph.spaces.around)"
            )
        limit = _call(cost, space.given)
        if not math.isfinite(limit):
            raise UsageError(
                f"the {name} of the given network cannot be measured; give the limit as a number"
            )
    if not factor * limit > 0:
        raise UsageError(f"the limit of {name!r} must be positive, got {factor * limit:g}")
    return factor * limit


def _call(cost: Cost, architecture: Architecture) -> float:
    try:
        found = float(cost(architecture))
    except EvaluationError:
        return math.inf
    return math.inf if math.isnan(found) else found


def _show(limit: float) -> str:
    """All digits, since the name must distinguish limits."""
    return f"{int(limit):,}" if float(limit).is_integer() else f"{limit:,}"

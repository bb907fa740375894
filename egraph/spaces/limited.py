"""A search space without what costs too much."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, EvaluationError, SpaceExhaustedError, UsageError
from egraph.spaces.base import Builder, Crossover, SearchSpace
from egraph.spaces.episodes import Action, Episodes

if TYPE_CHECKING:
    import torch

__all__ = ["Limited"]

Cost = Callable[[Architecture], float]

_SAMPLES = 1000  # that may all cost too much
_CHILDREN = 50  # of one parent, or pair, that may all cost too much


class Limited(SearchSpace):
    """The architectures of another space that keep within limits.

    What is sampled, mutated or crossed over is drawn again until it keeps them, so that no searcher proposes,
    and no study trains, what does not. Each network is measured once. A child that is not found within a few
    draws is replaced by its parent, or, where that exceeds a limit itself, by a random architecture. Results
    of architectures beyond the limits can be told to a searcher all the same: they have a `key`.

    The limits are a part of the name, so that the journal of a study with others is refused.

    Args:
        space: the whole.
        costs: by name, functions from an architecture to what it costs, lower is better, such as those of
            `egraph.evaluation.Costs`. What raises EvaluationError, or is NaN, exceeds every limit.
        limits: by name of the cost, the most that it may be.

    Raises:
        UsageError: a limit is not positive, or of an unknown cost, or there is none.
    """

    def __init__(self, space: SearchSpace, costs: Mapping[str, Cost], limits: Mapping[str, float]) -> None:
        for name, limit in limits.items():
            if name not in costs:
                raise UsageError(f"there is no cost {name!r} to limit; costs: {', '.join(costs) or 'none'}")
            if not limit > 0:
                raise UsageError(f"the limit of {name!r} must be positive, got {limit}")
        if not limits:
            raise UsageError("a limited space needs at least one limit")
        self.whole = space
        self.costs = {name: costs[name] for name in limits}
        self.limits = dict(limits)
        self.name = (
            f"{space.name}, {', '.join(f'{name} <= {_show(limit)}' for name, limit in limits.items())}"
        )
        self.operations = space.operations
        self.weighted_operations = space.weighted_operations
        self._known: dict[str, dict[str, float]] = {}

    def measure(self, architecture: Architecture) -> dict[str, float]:
        """The limited costs by name; infinite where they cannot be measured. Measured once a network.

        Raises:
            ArchitectureError: it does not belong to the whole space.
        """
        key = self.whole.key(architecture)
        if key not in self._known:
            self._known[key] = {name: _call(cost, architecture) for name, cost in self.costs.items()}
        return self._known[key]

    def keeps_limits(self, architecture: Architecture) -> bool:
        """Whether it costs no more than it may."""
        costs = self.measure(architecture)
        return all(costs[name] <= limit for name, limit in self.limits.items())

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A sample of the whole space that keeps the limits.

        Raises:
            SpaceExhaustedError: none of many samples does. A search that found some ends there.
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

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """A mutant that keeps the limits."""
        return self._draw(architecture, lambda: self.whole.mutate(architecture, rng), rng)

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """A child of both that keeps the limits."""
        return self._cross(self.whole.crossover, a, b, rng)

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """Those of the whole space's that keep the limits; there may be none."""
        return [each for each in self.whole.neighbors(architecture) if self.keeps_limits(each)]

    def parse(self, text: str) -> Architecture:
        """Reads the whole space's notation."""
        return self._checked(self.whole.parse(text))

    def format(self, architecture: Architecture) -> str:
        """Writes the whole space's notation."""
        return self.whole.format(architecture)

    def validate(self, architecture: Architecture) -> None:
        """Checks that an architecture belongs to the whole space, and that it keeps the limits.

        Raises:
            ArchitectureError: it does not; the text says what it costs.
        """
        self.whole.validate(architecture)
        self._checked(architecture)

    def key(self, architecture: Architecture) -> str:
        """The whole space's key, also of an architecture that exceeds a limit."""
        return self.whole.key(architecture)

    @property
    def choices(self) -> tuple[int, ...]:
        """Those of the whole space."""
        return self.whole.choices

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """As in the whole space."""
        return self.whole.encode(architecture)

    def decode(self, options: Sequence[int]) -> Architecture:
        """As in the whole space.

        Raises:
            ArchitectureError: the options describe no architecture, or one that exceeds a limit.
        """
        return self._checked(self.whole.decode(options))

    def settings(self, architecture: Architecture) -> dict[str, Any]:
        """As in the whole space."""
        return self.whole.settings(architecture)

    def episodes(self) -> Episodes:
        """As in the whole space; an episode that exceeds a limit builds nothing."""
        return _LimitedEpisodes(self.whole.episodes(), self._checked)

    @property
    def crossovers(self) -> Mapping[str, Crossover]:
        """Those of the whole space; each draws again until a child keeps the limits."""
        return {name: partial(self._cross, cross) for name, cross in self.whole.crossovers.items()}

    def mutate_weighted(
        self, architecture: Architecture, rng: np.random.Generator, *, odds: Sequence[float], size: float
    ) -> Architecture:
        """A weighted mutant that keeps the limits."""
        return self._draw(
            architecture, lambda: self.whole.mutate_weighted(architecture, rng, odds=odds, size=size), rng
        )

    def amounts(self, architecture: Architecture) -> Mapping[str, int]:
        """As in the whole space."""
        return self.whole.amounts(architecture)

    @property
    def builder(self) -> Builder | None:
        """As in the whole space."""
        return self.whole.builder

    @property
    def builds_networks(self) -> bool:
        """As in the whole space."""
        return self.whole.builds_networks

    @property
    def network_options(self) -> Mapping[str, Any]:
        """As in the whole space."""
        return self.whole.network_options

    def network(
        self,
        architecture: Architecture,
        input_shape: tuple[int, int, int] = (3, 32, 32),
        num_classes: int = 10,
        **options: Any,
    ) -> torch.nn.Module:
        """As in the whole space, also of an architecture that exceeds a limit."""
        return self.whole.network(architecture, input_shape, num_classes, **options)

    @property
    def has_morphisms(self) -> bool:
        """As in the whole space."""
        return self.whole.has_morphisms

    def inherit(self, network: torch.nn.Module, trained: torch.nn.Module) -> bool:
        """As in the whole space."""
        return self.whole.inherit(network, trained)

    def __len__(self) -> int:
        raise TypeError(f"to count {self.name!r}, each architecture must be measured; iterate over it")

    def __iter__(self) -> Iterator[Architecture]:
        everything = iter(self.whole)  # an infinite space refuses here
        return (architecture for architecture in everything if self.keeps_limits(architecture))

    def _cross(
        self, cross: Crossover, a: Architecture, b: Architecture, rng: np.random.Generator
    ) -> Architecture:
        return self._draw(a, lambda: cross(a, b, rng), rng)

    def _draw(
        self, parent: Architecture, draw: Callable[[], Architecture], rng: np.random.Generator
    ) -> Architecture:
        for _ in range(_CHILDREN):
            if self.keeps_limits(child := draw()):
                return child
        return parent if self.keeps_limits(parent) else self.sample(rng)

    def _checked(self, architecture: Architecture) -> Architecture:
        costs = self.measure(architecture)
        for name, limit in self.limits.items():
            if not costs[name] <= limit:
                raise ArchitectureError(
                    f"{name} may be {_show(limit)} at most, this architecture has {costs[name]:,.6g}"
                )
        return architecture


class _LimitedEpisodes:
    """Episodes of a whole space whose architectures are checked."""

    def __init__(self, whole: Episodes, check: Callable[[Architecture], Architecture]) -> None:
        self._whole, self._check = whole, check
        self.bits, self.outputs = whole.bits, whole.outputs
        self.observe, self.picks, self.trace = whole.observe, whole.picks, whole.trace

    def build(self, actions: Sequence[Action]) -> Architecture:
        """The architecture of a complete episode, if it keeps the limits."""
        return self._check(self._whole.build(actions))


def _call(cost: Cost, architecture: Architecture) -> float:
    try:
        found = float(cost(architecture))
    except EvaluationError:
        return math.inf
    return math.inf if math.isnan(found) else found


def _show(limit: float) -> str:
    """All its digits, for the name must tell limits apart."""
    return f"{int(limit):,}" if float(limit).is_integer() else f"{limit:,}"

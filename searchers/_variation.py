"""Mutation and crossover that adapt to which children survive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from egraph.architecture import Architecture
from egraph.spaces import SearchSpace

__all__ = ["Birth", "Variation"]

_MUTANTS = 3  # mutants of which one is selected, in spaces without weighted mutation
_MEMORY = 0.9  # share of the old mean size kept after a mutation
_FADING = 0.996  # factor of exploration after a mutation
_DRIFT = 0.02  # step of a crossover's probability after a child
_FLOOR = 0.2  # lowest odds of an operation


class Birth(NamedTuple):
    """The operators that made a child.

    Attributes:
        grown: Operations of which its mutation added some.
        crossover: Name of its crossover, if any.
    """

    grown: tuple[str, ...]
    crossover: str | None


class Variation:
    """Adaptive mutation and crossover.

    Three quantities are learned. The first is the odds of each operation to grow,
    ``(1 - e) * survived / used + e * (1 - used / most used) + 0.2``, from how often children with more of it
    survive. Exploration e starts at 0.5 and falls by 0.4 % per mutation; every operation starts with 1 of 2
    survived. The second is a probability of each crossover: each of its children moves it by 2 % towards 1 if
    the child survives, else towards 0. The third is a size of cells: an exponential mean of the number of
    channels of mutated cells.

    In a space with weighted mutation, such as ``concat-cell``, odds and size are passed to the mutation. In
    other spaces one of three mutants is drawn, by the mean odds of the operations that it has more of than
    its parent; there is no size.

    Args:
        space: Space of the architectures.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._crossovers = space.crossovers
        self.rates = {name: 0.2 if number else 0.3 for number, name in enumerate(self._crossovers)}
        self.exploration = 0.5
        self.size: float | None = None
        self._survived: dict[str, float] = {}
        self._used: dict[str, float] = {}

    def odds(self, operation: str) -> float:
        """Odds that an operation grows, relative to others."""
        used = self._used.get(operation, 2)
        paid = self._survived.get(operation, 1) / used
        rare = 1 - used / max(self._used.values(), default=used)
        return (1 - self.exploration) * paid + self.exploration * rare + _FLOOR

    def mutate(self, parent: Architecture, rng: np.random.Generator) -> tuple[Architecture, tuple[str, ...]]:
        """A mutant, and the operations of which it has more than its parent."""
        if weighted := self._space.weighted_operations:
            size = sum(self._space.amounts(parent).values())
            self.size = size if self.size is None else _MEMORY * self.size + (1 - _MEMORY) * size
            odds = [*map(self.odds, weighted)]
            drawn = [self._space.mutate_weighted(parent, rng, odds=odds, size=self.size)]
        else:
            drawn = [self._space.mutate(parent, rng) for _ in range(_MUTANTS)]
        self.exploration *= _FADING
        grown = [self._grown(parent, mutant) for mutant in drawn]
        promise = np.array([np.mean([*map(self.odds, ops)]) if ops else _FLOOR for ops in grown])
        chosen = int(rng.choice(len(drawn), p=promise / promise.sum())) if len(drawn) > 1 else 0
        return drawn[chosen], grown[chosen]

    def cross(
        self, child: Architecture, mate: Architecture, rng: np.random.Generator
    ) -> tuple[Architecture, str | None]:
        """The child after a crossover and the name of the crossover; or the unchanged child and None."""
        rates = np.array([*self.rates.values()])
        if rng.random() < (1 - rates).prod():
            return child, None
        name = [*self.rates][int(rng.choice(len(rates), p=rates / rates.sum()))]
        return self._crossovers[name](child, mate, rng), name

    def credit(self, births: Iterable[tuple[Birth, bool]]) -> None:
        """Learns from which children survived."""
        for birth, survived in births:
            for operation in birth.grown:
                self._used[operation] = self._used.get(operation, 2) + 1
                self._survived[operation] = self._survived.get(operation, 1) + survived
            if birth.crossover is not None:
                self.rates[birth.crossover] += _DRIFT * (survived - self.rates[birth.crossover])

    def state_dict(self) -> dict[str, Any]:
        """Learned quantities, as JSON-ready values."""
        return {
            "rates": self.rates.copy(),
            "exploration": self.exploration,
            "size": self.size,
            "survived": self._survived.copy(),
            "used": self._used.copy(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned."""
        self.rates, self.exploration, self.size = dict(state["rates"]), state["exploration"], state["size"]
        self._survived, self._used = dict(state["survived"]), dict(state["used"])

    def _grown(self, parent: Architecture, child: Architecture) -> tuple[str, ...]:
        before, after = self._space.amounts(parent), self._space.amounts(child)
        return tuple(operation for operation, amount in after.items() if amount > before.get(operation, 0))

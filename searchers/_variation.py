"""Mutation and crossover that learn from which of their children survive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from egraph.architecture import Architecture
from egraph.spaces import SearchSpace

__all__ = ["Birth", "Variation"]

_MUTANTS = 3  # of which one is taken, in spaces whose mutation does not know what pays
_MEMORY = 0.9  # of the mean size of what was mutated
_FADING = 0.996  # of exploration, a mutation
_DRIFT = 0.02  # of a crossover's probability towards survival, a child
_FLOOR = 0.2  # odds of an operation that never paid


class Birth(NamedTuple):
    """How a child came to be.

    Attributes:
        grown: operations that its mutation gave more of.
        crossover: name of the crossover that it went through, if any.
    """

    grown: tuple[str, ...]
    crossover: str | None


class Variation:
    """Makes children, and learns how.

    Learned are three things. Of each operation, how often children survive that have more of it:
    ``(1 - e) * survived / used + e * (1 - used / most used) + 0.2`` are its odds to grow, where exploration e
    falls from 0.5 by 0.4 % a mutation, and every operation begins with 1 of 2 survived. Of each crossover, a
    probability: each child that went through it draws it by 2 % towards 1 if it survives, else towards 0. Of
    cells, a size: the mean number of channels of those mutated, newest first.

    In a space with weighted mutation, such as ``concat-cell``, mutation is given odds and size. In other
    spaces one of three mutants is taken, by the mean odds of the operations that it has more of than its
    parent; there is no size.

    Args:
        space: whose architectures they are.
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
        """How likely an operation is to be given more place, relative to others."""
        used = self._used.get(operation, 2)
        paid = self._survived.get(operation, 1) / used
        rare = 1 - used / max(self._used.values(), default=used)
        return (1 - self.exploration) * paid + self.exploration * rare + _FLOOR

    def mutate(self, parent: Architecture, rng: np.random.Generator) -> tuple[Architecture, tuple[str, ...]]:
        """A mutant, and the operations that it has more of than its parent."""
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
        """The child crossed with a mate and by which crossover, or as it was and None."""
        rates = np.array([*self.rates.values()])
        if rng.random() < (1 - rates).prod():
            return child, None
        name = [*self.rates][int(rng.choice(len(rates), p=rates / rates.sum()))]
        return self._crossovers[name](child, mate, rng), name

    def credit(self, births: Iterable[tuple[Birth, bool]]) -> None:
        """Learns from children, each with whether it survived."""
        for birth, survived in births:
            for operation in birth.grown:
                self._used[operation] = self._used.get(operation, 2) + 1
                self._survived[operation] = self._survived.get(operation, 1) + survived
            if birth.crossover is not None:
                self.rates[birth.crossover] += _DRIFT * (survived - self.rates[birth.crossover])

    def state_dict(self) -> dict[str, Any]:
        """What was learned, as JSON-ready values."""
        return {
            "rates": self.rates.copy(),
            "exploration": self.exploration,
            "size": self.size,
            "survived": self._survived.copy(),
            "used": self._used.copy(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes back what `state_dict` gave."""
        self.rates, self.exploration, self.size = dict(state["rates"]), state["exploration"], state["size"]
        self._survived, self._used = dict(state["survived"]), dict(state["used"])

    def _grown(self, parent: Architecture, child: Architecture) -> tuple[str, ...]:
        before, after = self._space.amounts(parent), self._space.amounts(child)
        return tuple(operation for operation, amount in after.items() if amount > before.get(operation, 0))

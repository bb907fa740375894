"""A search space in which some choices have fixed answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, SpaceExhaustedError, UsageError
from egraph.spaces.base import Crossover, SearchSpace
from egraph.spaces.subspace import Subspace

if TYPE_CHECKING:
    from egraph.spaces.relaxation import Relaxation

__all__ = ["Fixed"]

_SAMPLES = 1000  # draws in a row with which the answers may make no architecture
_CHILDREN = 20  # draws of a mutant in a row that may differ in fixed choices alone


class Fixed(Subspace):
    """The architectures of another space that have given answers to some of its choices.

    Which choices have a name depends on the space (`SearchSpace.fixer`): the questions of a builder, the
    positions of a `ChoiceSpace`, the ``normal`` and the ``reduce`` cell of ``darts``. Every searcher, the
    random architectures beside it and the supernet of a differentiable method then search the rest.

        Fixed(egraph.spaces.get("darts"), {"reduce": "hand-made"})

    Samples, mutants and children are those of the whole space, with the answers put in. An architecture
    without them belongs to the part if it is the same network (`key`). The part is not enumerated. The
    answers are part of the name, so that the journal of a study with other answers is refused.

    Args:
        space: The whole space.
        answers: Answers by the name of the choice.

    Raises:
        UsageError: There is no answer, the space has no such choice or option, or no choice by name.
        ArchitectureError: An answer describes no part of an architecture.
    """

    def __init__(self, space: SearchSpace, answers: Mapping[str, Any]) -> None:
        if not answers:
            raise UsageError("a space with fixed choices needs at least one answer")
        self.answers = dict(answers)
        self._put, shown = space.fixer(self.answers)
        super().__init__(
            space, ", ".join([space.name, *(f"{name} = {text}" for name, text in shown.items())])
        )

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A sample of the whole space with the answers put in.

        Raises:
            SpaceExhaustedError: The answers make no architecture of any of many samples.
        """
        for _ in range(_SAMPLES):
            try:
                return self._put(self.whole.sample(rng))
            except ArchitectureError as error:
                reason = error
        raise SpaceExhaustedError(
            f"none of {_SAMPLES:,} random architectures can have the answers of {self.name!r}: {reason}"
        )

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """The neighbours in the whole space with the answers put in, one for each key."""
        found = {self.key(architecture): architecture}
        for each in self.whole.neighbors(architecture):
            if (child := self._try(each)) is not None:
                found.setdefault(self.key(child), child)
        return list(found.values())[1:]

    def check(self, architecture: Architecture) -> None:
        """Checks that an architecture is the network that it would be with the answers.

        Raises:
            ArchitectureError: It is another one.
        """
        other = self._try(architecture)
        if other is None or self.key(other) != self.key(architecture):
            raise ArchitectureError(f"the architecture has other answers than the space {self.name!r}")

    def relaxation(self) -> Relaxation:
        """The choices that are left: see `SearchSpace.fixed_relaxation`."""
        return self.whole.fixed_relaxation(self.answers)

    def fixed_relaxation(self, answers: Mapping[str, Any]) -> Relaxation:
        """The same with further answers."""
        return self.whole.fixed_relaxation({**self.answers, **answers})

    def __len__(self) -> int:
        raise TypeError(f"the space {self.name!r} is a part that is not enumerated")

    def _draw(
        self, parent: Architecture, draw: Callable[[], Architecture], rng: np.random.Generator
    ) -> Architecture:
        """A child that is another network; the parent where many draws differ in fixed choices alone."""
        key = self.key(parent)
        for _ in range(_CHILDREN):
            if (child := self._try(draw())) is not None and self.key(child) != key:
                return child
        return self._try(parent) or self.sample(rng)

    def _cross(
        self, cross: Crossover, a: Architecture, b: Architecture, rng: np.random.Generator
    ) -> Architecture:
        return self._try(cross(a, b, rng)) or self._try(a) or self.sample(rng)

    def _settle(self, architecture: Architecture) -> Architecture:
        return self._put(architecture)

    def _try(self, architecture: Architecture) -> Architecture | None:
        """The architecture with the answers; None where they make none."""
        try:
            return self._put(architecture)
        except ArchitectureError:
            return None

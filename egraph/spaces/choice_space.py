"""Spaces of independent choices: one option for each of a fixed number of positions."""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.canonical import canonical_form, simplify
from egraph.errors import ArchitectureError, SpaceExhaustedError, UsageError, shorten
from egraph.spaces._checks import check_text, check_value, read_options
from egraph.spaces.base import Fixer, SearchSpace

__all__ = ["ChoiceSpace"]

_TRIES = 1000
"""Random options in a row that may describe no architecture."""

_COUNTABLE = 1_000_000
"""Largest number of combinations of options that are enumerated to count the space."""


class ChoiceSpace(SearchSpace):
    """A search space whose architectures are one option for each position.

    A subclass sets ``name``, ``operations`` and ``positions`` and defines `build`. If the operations of the
    inner vertices are not the options in order, it also defines `read`, the inverse of `build`. Everything
    else follows: sampling, mutation, crossover, neighbours, encoding, notation, validation and enumeration.

    The options of all positions are drawn independently and uniformly. A mutation replaces one option by
    another; all such replacements have the same probability. A crossover takes each option from one of the
    parents with equal probability. Combinations that `build` refuses are drawn again.

    Attributes:
        positions: Names of the options of each position, by its name. The notation joins the options of an
            architecture by commas, so their names must have none.
    """

    positions: Mapping[str, Sequence[str]]

    @abstractmethod
    def build(self, options: tuple[str, ...]) -> Architecture:
        """The architecture of one option for each position.

        Raises:
            ArchitectureError: This combination of options describes no architecture.
        """

    def read(self, architecture: Architecture) -> tuple[str, ...]:
        """The options that `build` makes an architecture of; by default the operations of its inner vertices.

        It is called with architectures of known operations that may not belong to the space. The result is
        checked with `build`.

        Raises:
            ArchitectureError: The architecture has no such options.
        """
        return architecture.ops[1:-1]

    def sample(self, rng: np.random.Generator) -> Architecture:
        """One option for each position, drawn independently and uniformly.

        Raises:
            SpaceExhaustedError: None of many draws describes an architecture.
        """
        for _ in range(_TRIES):
            if (architecture := self._make(self._names(rng.integers(self._highs).tolist()))) is not None:
                return architecture
        raise SpaceExhaustedError(
            f"none of {_TRIES:,} random combinations of options is an architecture of {self.name!r}"
        )

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """The architecture with one option replaced by another; it may have the same key.

        The same architecture is returned if none of many replacements is valid.
        """
        names = self._options(architecture)
        replacements = self._replacements
        for _ in range(_TRIES if replacements else 0):
            position, step = replacements[int(rng.integers(len(replacements)))]
            options = self._listed[position]
            other = options[(self._numbers[position][names[position]] + step) % len(options)]
            if (mutant := self._make((*names[:position], other, *names[position + 1 :]))) is not None:
                return mutant
        return architecture

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """Each option from one of the parents, with equal probability."""
        pairs = list(zip(self._options(a), self._options(b), strict=True))
        while True:
            mask = rng.integers(2, size=len(pairs)).tolist()
            names = tuple([pair[m] for pair, m in zip(pairs, mask, strict=True)])
            if (child := self._make(names)) is not None:
                return child

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """The architectures with one other option, in the order of the positions, one for each key."""
        names = self._options(architecture)
        found = {self._key(architecture): architecture}
        for position, options in enumerate(self._listed):
            for option in options:
                if option == names[position]:
                    continue
                changed = self._make((*names[:position], option, *names[position + 1 :]))
                if changed is not None:
                    found.setdefault(self._key(changed), changed)
        return list(found.values())[1:]

    def parse(self, text: str) -> Architecture:
        """Reads the options with commas between.

        Raises:
            ArchitectureError: The text is not of this form, or the options describe no architecture.
        """
        names = tuple(name.strip() for name in check_text(text, self.name).split(","))
        if (fault := self._find_fault(names)) is not None:
            example = ",".join(options[0] for options in self.positions.values())
            raise ArchitectureError(
                f"not an architecture of {self.name}: {text[:80]!r} {fault}; "
                f"expected {len(self.positions)} options with ',' between, such as {example!r}"
            )
        return self.build(names)

    def format(self, architecture: Architecture) -> str:
        """Writes the options with commas between."""
        return ",".join(self._options(architecture))

    def validate(self, architecture: Architecture) -> None:
        """Checks that `build` makes the architecture of the options that `read` finds in it.

        Raises:
            ArchitectureError: It does not; the error text says why.
        """
        check_value(architecture, self.name, self.operations)
        names = self.read(architecture)
        if (fault := self._find_fault(names)) is not None:
            raise ArchitectureError(
                f"an architecture of {self.name} is one option for each of {len(self.positions)} positions; "
                f"got operations {shorten(list(architecture.ops[1:-1]))}, which {fault}"
            )
        if (built := self.build(names)) != architecture:
            raise ArchitectureError(
                f"an architecture of {self.name} with the options {','.join(names)} has the edges "
                f"{shorten(list(built.edges))}, got {shorten(list(architecture.edges))}"
            )

    def key(self, architecture: Architecture) -> str:
        """The network as a canonical text.

        Raises:
            ArchitectureError: The architecture does not belong to this space.
        """
        self.validate(architecture)
        return self._key(architecture)

    @property
    def choices(self) -> tuple[int, ...]:
        """Number of options of each position."""
        return self._sizes

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """The number of the option at each position."""
        names = self._options(architecture)
        return tuple([numbers[name] for numbers, name in zip(self._numbers, names, strict=True)])

    def decode(self, options: Sequence[int]) -> Architecture:
        """The architecture of these options.

        Raises:
            ArchitectureError: This combination of options describes no architecture.
        """
        return self.build(self._names(read_options(options, self.choices, self.name)))

    def fixer(self, answers: Mapping[str, Any]) -> Fixer:
        """Options of positions, by the name of the position."""
        numbers = {}
        for name, answer in answers.items():
            if name not in self.positions:
                raise UsageError(
                    f"the space {self.name!r} has no position {name!r}; known: {', '.join(self.positions)}"
                )
            if answer not in self.positions[name]:
                raise UsageError(
                    f"the position {name!r} of {self.name!r} has no option {shorten(answer)}; it has "
                    f"{', '.join(self.positions[name])}"
                )
            numbers[list(self.positions).index(name)] = answer

        def put(architecture: Architecture) -> Architecture:
            options = self._options(architecture)
            return self.build(tuple(numbers.get(number, each) for number, each in enumerate(options)))

        return Fixer(put, dict(answers))

    def __len__(self) -> int:
        combinations = math.prod(self.choices)
        if combinations > _COUNTABLE:
            raise TypeError(
                f"to count {self.name!r}, {combinations:,} combinations of options must be built; "
                "iterate over it"
            )
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Architecture]:
        """One architecture for each key: the first, the last position varying fastest."""
        seen = set()
        for names in itertools.product(*self._listed):
            architecture = self._make(names)
            if architecture is not None and (key := self._key(architecture)) not in seen:
                seen.add(key)
                yield architecture

    def _key(self, architecture: Architecture) -> str:
        """The key of a valid architecture."""
        return canonical_form(simplify(architecture))

    def _options(self, architecture: Architecture) -> tuple[str, ...]:
        """The options of an architecture, after checking it."""
        self.validate(architecture)
        return self.read(architecture)

    @cached_property
    def _listed(self) -> list[tuple[str, ...]]:
        """The names of the options of each position."""
        return [tuple(options) for options in self.positions.values()]

    @cached_property
    def _sizes(self) -> tuple[int, ...]:
        return tuple(map(len, self._listed))

    @cached_property
    def _highs(self) -> NDArray[np.int64]:
        return np.array(self._sizes, dtype=np.int64)

    @cached_property
    def _replacements(self) -> list[tuple[int, int]]:
        """Each position with each step from its option to another one, cyclically."""
        return [(position, step) for position, size in enumerate(self._sizes) for step in range(1, size)]

    @cached_property
    def _numbers(self) -> list[dict[str, int]]:
        """Of each position, the number of each option."""
        return [{name: number for number, name in enumerate(each)} for each in self._listed]

    def _names(self, options: Sequence[int]) -> tuple[str, ...]:
        return tuple([names[option] for names, option in zip(self._listed, options, strict=True)])

    def _make(self, names: tuple[str, ...]) -> Architecture | None:
        """The architecture of these options, if they describe one."""
        try:
            return self.build(names)
        except ArchitectureError:
            return None

    def _find_fault(self, names: Sequence[str]) -> str | None:
        """Why these are not one option for each position."""
        if len(names) != len(self.positions):
            return f"has {len(names)} options"
        for name, (position, options) in zip(names, self.positions.items(), strict=True):
            if name not in options:
                return f"has {shorten(name)} at position {position!r}, which has {', '.join(options)}"
        return None

"""What every search space can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph.architecture import Architecture
from egraph.canonical import canonical_form, simplify
from egraph.errors import ArchitectureError, UsageError

if TYPE_CHECKING:
    import torch

__all__ = ["SearchSpace"]


class SearchSpace(ABC):
    """Says which architectures exist, and how to come from one to another.

    A subclass sets ``name`` and ``operations`` and defines the abstract methods. A finite space also defines
    ``__len__`` and ``__iter__``. All randomness comes from the generator that is passed in: the same
    generator state gives the same architecture.

    Attributes:
        name: what it is registered under.
        operations: names of the operations that an interior vertex may carry.
    """

    name: str
    operations: tuple[str, ...]

    @abstractmethod
    def sample(self, rng: np.random.Generator) -> Architecture:
        """A random valid architecture."""

    @abstractmethod
    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """A valid architecture one random mutation away; now and then, where the space says so, the same."""

    @abstractmethod
    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """A valid architecture that takes its parts from two parents."""

    @abstractmethod
    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """All valid architectures one mutation away, in a fixed order, none with the key of the given one."""

    @abstractmethod
    def parse(self, text: str) -> Architecture:
        """Reads the notation that `format` writes.

        Raises:
            ArchitectureError: the text does not describe an architecture of this space.
        """

    @abstractmethod
    def format(self, architecture: Architecture) -> str:
        """Writes an architecture in the space's own notation."""

    @abstractmethod
    def validate(self, architecture: Architecture) -> None:
        """Checks that an architecture belongs to this space.

        Raises:
            ArchitectureError: it does not; the text says why.
        """

    def key(self, architecture: Architecture) -> str:
        """A string that two architectures share if, and only if, they are the same trained network.

        Raises:
            ArchitectureError: the architecture does not belong to this space.
        """
        self.validate(architecture)
        return canonical_form(simplify(architecture))

    @property
    def choices(self) -> tuple[int, ...]:
        """How many options each place of an encoded architecture has; the same for all of this space.

        Raises:
            UsageError: this space gives no encoding.
        """
        raise UsageError(
            f"the space {self.name!r} gives no encoding, which this searcher needs; "
            "define choices, encode and decode, or use a searcher that only samples, mutates and crosses over"
        )

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """An architecture as one option for each place: ``0 <= option < choices[place]``.

        Raises:
            ArchitectureError: the architecture does not belong to the space.
            UsageError: this space gives no encoding, or none of architectures that large.
        """
        raise UsageError(f"the space {self.name!r} gives no encoding")

    def decode(self, options: Sequence[int]) -> Architecture:
        """The architecture of these options; it has the key of the one that was encoded to them.

        Raises:
            ArchitectureError: the options describe no architecture of this space.
            UsageError: this space gives no encoding, or the options are not one for each place.
        """
        raise UsageError(f"the space {self.name!r} gives no encoding")

    def network(
        self,
        architecture: Architecture,
        input_shape: tuple[int, int, int] = (3, 32, 32),
        num_classes: int = 10,
    ) -> torch.nn.Module:
        """A trainable network that maps ``(batch, *input_shape)`` to ``(batch, num_classes)``.

        Raises:
            UsageError: this space only describes its architectures and cannot build them.
        """
        raise UsageError(
            f"the space {self.name!r} cannot build networks; use one that can, such as 'convnet'"
        )

    def inherit(self, network: torch.nn.Module, trained: torch.nn.Module) -> bool:
        """Gives a network of this space the function of a trained one, if morphisms lead from there to here.

        Returns:
            False where none do; then nothing is changed.

        Raises:
            UsageError: this space knows no morphisms.
        """
        raise UsageError(f"the space {self.name!r} knows no network morphisms; use one that does: 'nash'")

    def settings(self, architecture: Architecture) -> dict[str, Any]:
        """What genes of an architecture set of its training: fields of `egraph.evaluation.Recipe`.

        None in most spaces, where one recipe is for all. What is set here takes the place of the recipe's.

        Raises:
            ArchitectureError: the architecture does not belong to this space.
        """
        return {}

    def __len__(self) -> int:
        raise TypeError(f"the space {self.name!r} is not finite")

    def __iter__(self) -> Iterator[Architecture]:
        raise TypeError(f"the space {self.name!r} is not finite and cannot be enumerated")

    def __contains__(self, architecture: object) -> bool:
        if not isinstance(architecture, Architecture):
            return False
        try:
            self.validate(architecture)
        except ArchitectureError:
            return False
        return True

    def __bool__(self) -> bool:  # else len() would be asked, which an infinite space refuses
        return True

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"<search space {self.name}>"

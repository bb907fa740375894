"""The base class of search spaces."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from egraph.architecture import Architecture
from egraph.canonical import canonical_form, simplify
from egraph.errors import ArchitectureError, UsageError
from egraph.spaces.episodes import EncodedEpisodes, Episodes
from egraph.spaces.network_builder import Builder

if TYPE_CHECKING:
    import torch

    from egraph.networks import Inherited, Size
    from egraph.spaces.relaxation import Relaxation

__all__ = ["Builder", "Crossover", "Fixer", "SearchSpace"]

Crossover = Callable[[Architecture, Architecture, np.random.Generator], Architecture]
"""A crossover of two parents: a function from both and a generator to a child."""


class Fixer(NamedTuple):
    """Answers to some choices of a space.

    Attributes:
        put: Function from an architecture to the one with these answers. It raises ArchitectureError where
            they make no architecture.
        shown: The answers as texts, by the name of the choice.
    """

    put: Callable[[Architecture], Architecture]
    shown: Mapping[str, str]


class SearchSpace(ABC):
    """Defines the valid architectures and the moves between them.

    A subclass sets ``name`` and ``operations`` and defines the abstract methods. All randomness comes from
    the generator that is passed in: the same generator state gives the same architecture.

    Everything else is a capability that a space has if it defines the members below. Searchers and evaluators
    ask for a capability by these members, never by the type of the space, so that a space that wraps another
    passes them on.

    ==================  =================================================================
    capability          members
    ==================  =================================================================
    enumeration         ``__len__``, ``__iter__``
    encoding            `choices`, `encode`, `decode`
    networks            `builder`, its `size`; for training by genes `settings`
    morphisms           `inherit`
    stepwise building   `episodes`; by default one step for each position of the encoding
    several crossovers  `crossovers`
    weighted mutation   `weighted_operations`, `mutate_weighted`, `amounts`
    variants of one     `given`, `inherited`
    relaxation          `relaxation`
    fixed choices       `fixer`, `fixed_relaxation`
    cells in a row      `concatenates`
    ==================  =================================================================

    Attributes:
        name: Name in the registry.
        operations: Names of the operations that an interior vertex may carry.
        weighted_operations: Operations whose odds `mutate_weighted` takes, in that order; empty in a space
            without weighted mutation.
        input_shape: Shape of one input, in a space whose networks all read this one; None elsewhere.
        num_classes: Number of outputs, in such a space; None elsewhere.
        given: Architecture that the space is about, in a space of variants of one; None elsewhere. A study
            evaluates it first, and limits may be relative to it.
        inherits: Whether networks begin with weights of the given one.
        concatenates: Whether architectures are cells for `egraph.networks.build_concat_cells`.
        traced: Whether an architecture is read from its network, which is built for it: a hundred a second.
    """

    name: str
    operations: tuple[str, ...]
    weighted_operations: tuple[str, ...] = ()
    input_shape: tuple[int, ...] | None = None
    num_classes: int | None = None
    given: Architecture | None = None
    inherits: bool = False
    concatenates: bool = False
    traced: bool = False

    @abstractmethod
    def sample(self, rng: np.random.Generator) -> Architecture:
        """A random valid architecture."""

    @abstractmethod
    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """A valid architecture one random mutation away; some spaces sometimes return the same one."""

    @abstractmethod
    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """A valid architecture that takes its parts from two parents."""

    @abstractmethod
    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """All valid architectures one mutation away, in a fixed order; none has the key of the given one."""

    @abstractmethod
    def parse(self, text: str) -> Architecture:
        """Reads the notation that `format` writes.

        Raises:
            ArchitectureError: The text does not describe an architecture of this space.
        """

    @abstractmethod
    def format(self, architecture: Architecture) -> str:
        """Writes an architecture in the space's own notation."""

    @abstractmethod
    def validate(self, architecture: Architecture) -> None:
        """Checks that an architecture belongs to this space.

        Raises:
            ArchitectureError: It does not; the error text says why.
        """

    def key(self, architecture: Architecture) -> str:
        """A string that two architectures share if, and only if, they are the same trained network.

        Raises:
            ArchitectureError: The architecture does not belong to this space.
        """
        self.validate(architecture)
        return canonical_form(simplify(architecture))

    @property
    def choices(self) -> tuple[int, ...]:
        """Number of options at each position of the encoding; the same for all architectures.

        Raises:
            UsageError: This space has no encoding.
        """
        raise UsageError(
            f"the space {self.name!r} gives no encoding, which this searcher needs; "
            "define choices, encode and decode, or use a searcher that only samples, mutates and crosses over"
        )

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """An architecture as one option for each position: ``0 <= option < choices[position]``.

        Raises:
            ArchitectureError: The architecture does not belong to the space.
            UsageError: This space has no encoding, or the architecture is too large for it.
        """
        raise UsageError(f"the space {self.name!r} gives no encoding")

    def decode(self, options: Sequence[int]) -> Architecture:
        """The architecture of these options; it has the key of the architecture that was encoded to them.

        Raises:
            ArchitectureError: The options describe no architecture of this space.
            UsageError: This space has no encoding, or the options are not one for each position.
        """
        raise UsageError(f"the space {self.name!r} gives no encoding")

    def episodes(self) -> Episodes:
        """Stepwise construction of architectures, for reinforcement learning.

        Raises:
            UsageError: The space has no encoding.
        """
        return EncodedEpisodes(self)

    @property
    def crossovers(self) -> Mapping[str, Crossover]:
        """All crossovers of the space by name; ``"crossover"`` is the first."""
        return {"crossover": self.crossover}

    def mutate_weighted(
        self, architecture: Architecture, rng: np.random.Generator, *, odds: Sequence[float], size: float
    ) -> Architecture:
        """A valid architecture one random mutation away, biased by odds and by a size.

        Args:
            architecture: Architecture of the space.
            rng: Source of randomness.
            odds: ``(weighted_operations,)``, relative odds that an operation grows.
            size: Desired sum of `amounts`.

        Raises:
            UsageError: The space has no weighted mutation.
        """
        raise UsageError(f"the space {self.name!r} has no weighted mutation; use mutate")

    def amounts(self, architecture: Architecture) -> Mapping[str, int]:
        """Amount of each operation in an architecture: by default the number of its vertices."""
        return Counter(architecture.ops[1:-1])

    @property
    def builder(self) -> Builder | None:
        """How networks are built; None in a space that only describes its architectures."""
        return None

    @property
    def builds_networks(self) -> bool:
        """Whether the space builds networks: it has a `builder`, or defines `network` itself."""
        return self.builder is not None or type(self).network is not SearchSpace.network

    @property
    def network_options(self) -> Mapping[str, Any]:
        """Options of `network` with their default values."""
        if self.builder is not None:
            return self.builder.options
        if not self.builds_networks:
            return {}
        # A space that defines `network` itself declares its options by the signature.
        parameters = list(inspect.signature(self.network).parameters.values())[3:]
        return {each.name: each.default for each in parameters if each.kind is not each.VAR_KEYWORD}

    def network(
        self,
        architecture: Architecture,
        input_shape: tuple[int, ...] = (3, 32, 32),
        num_classes: int = 10,
        **options: Any,
    ) -> torch.nn.Module:
        """A trainable network that maps ``(batch, *input_shape)`` to ``(batch, num_classes)``.

        Args:
            architecture: Architecture of the space.
            input_shape: Channels, height and width of an image; channels and length of a signal; or the
                number of features. `check_input` tells which a space accepts.
            num_classes: Number of outputs.
            options: Options of the space's `builder`, such as ``channels``, ``cells`` or ``seed``;
                `network_options` has their default values, which None stands for.

        Raises:
            ArchitectureError: The architecture does not belong to the space.
            UsageError: The space cannot build networks, an option is unknown, or an argument is out of range.
            EvaluationError: The network is too large.
        """
        builder = self.builder
        if builder is None:
            raise UsageError(
                f"the space {self.name!r} cannot build networks; use one that can, such as 'convnet'"
            )
        given = self._check_given(builder, architecture, input_shape, options)
        return builder.build(architecture, input_shape, num_classes, **given)

    def network_size(
        self,
        architecture: Architecture,
        input_shape: tuple[int, ...] = (3, 32, 32),
        num_classes: int = 10,
        **options: Any,
    ) -> Size | None:
        """The size of the `network` of the same arguments, without building it.

        None where the space cannot tell it: see `egraph.evaluation.Costs`, which builds the network then.

        Raises:
            ArchitectureError, UsageError, EvaluationError: As `network` does.
        """
        builder = self.builder
        defines_network = type(self).network is not SearchSpace.network
        if builder is None or builder.size is None or defines_network:
            return None
        given = self._check_given(builder, architecture, input_shape, options)
        return builder.size(architecture, input_shape, num_classes, **given)

    def _check_given(
        self, builder: Builder, architecture: Architecture, shape: tuple[int, ...], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        """All options of a network; refuses options, inputs and architectures of other spaces."""
        given = builder.fill(options, self.name)
        self.check_input(shape)
        self.validate(architecture)
        return given

    def check_input(self, input_shape: Sequence[int]) -> None:
        """Checks that networks of this space read inputs of that shape.

        Raises:
            UsageError: The `builder` is for images, signals or features, and the shape is of another kind.
        """
        if self.builder is not None:
            self.builder.check_input(input_shape, self.name)

    @property
    def has_morphisms(self) -> bool:
        """Whether the space defines network morphisms: see `inherit`."""
        return type(self).inherit is not SearchSpace.inherit

    def inherit(self, network: torch.nn.Module, trained: torch.nn.Module) -> bool:
        """Gives a network of this space the function of a trained one, if network morphisms lead to it.

        Args:
            network: Network with initial weights; changed in place.
            trained: Trained network; not changed.

        Returns:
            False if no morphisms lead from ``trained`` to ``network``; then nothing is changed.

        Raises:
            UsageError: This space has no morphisms.
        """
        raise UsageError(f"the space {self.name!r} has no network morphisms; use one that has: 'nash'")

    def inherited(
        self, architecture: Architecture, weights: Mapping[str, torch.Tensor] | None = None, *, seed: int = 0
    ) -> Inherited:
        """The weights that a network takes from the `given` one, in a space of variants of one.

        Args:
            architecture: Architecture of the space.
            weights: State of the given network; None for the weights that it has.
            seed: Seed of the weights that are new.

        Raises:
            ArchitectureError: The architecture does not belong to the space.
            UsageError: The space is about no network, or the weights are not those of the given one.
        """
        raise UsageError(
            f"the space {self.name!r} is about no given network; use one that is (egraph.spaces.around)"
        )

    def relaxation(self) -> Relaxation:
        """The choices of the space as probabilities, for differentiable search.

        Raises:
            UsageError: This space offers none.
        """
        raise UsageError(
            f"the space {self.name!r} has no relaxation, which a supernet needs; use 'nasbench201', 'darts', "
            "'concat-cell', or a builder that asks choose.module(...)"
        )

    def fixer(self, answers: Mapping[str, Any]) -> Fixer:
        """A function that gives choices of an architecture fixed answers: see `egraph.spaces.Fixed`.

        Args:
            answers: Answers by the name of the choice.

        Raises:
            UsageError: The space has no such choice or option, or none by name.
            ArchitectureError: An answer describes no part of an architecture.
        """
        raise UsageError(
            f"the space {self.name!r} has no choices by name that could be fixed; use 'darts', 'nasbench201' "
            "or another space of independent choices, or a builder"
        )

    def fixed_relaxation(self, answers: Mapping[str, Any]) -> Relaxation:
        """The relaxation of the choices that are left; those with an answer are as they are in the supernet.

        Raises:
            UsageError: As of `fixer` and `relaxation`.
            ArchitectureError: As of `fixer`.
        """
        return self.relaxation().fix(answers)

    def settings(self, architecture: Architecture) -> dict[str, Any]:
        """Fields of `egraph.evaluation.Recipe` that genes of an architecture set.

        Empty in most spaces, where one recipe serves all. Values given here replace those of the recipe.

        Raises:
            ArchitectureError: The architecture does not belong to this space.
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

    def __bool__(self) -> bool:  # bool() would otherwise call len(), which an infinite space refuses
        return True

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"<search space {self.name}>"

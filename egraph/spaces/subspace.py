"""A part of another space: all capabilities are passed on."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph.architecture import Architecture
from egraph.spaces.base import Builder, Crossover, Fixer, SearchSpace
from egraph.spaces.episodes import Action, Episodes

if TYPE_CHECKING:
    import torch

    from egraph.networks import Inherited, Size
    from egraph.spaces.relaxation import Relaxation

__all__ = ["Subspace"]


class Subspace(SearchSpace):
    """Base class of spaces that contain a part of the architectures of another one.

    A subclass defines `check`, `_draw` and `_settle`, beside `sample` and `neighbors`. Everything else is
    that of the whole space: keys, notation, encoding, networks, morphisms, episodes, crossovers and weighted
    mutation. Architectures outside the part have a `key`, so that their results can be told to a searcher.

    Args:
        whole: The whole space.
        name: Name of the part; journals of studies contain it.
    """

    def __init__(self, whole: SearchSpace, name: str) -> None:
        self.whole = whole
        self.name = name
        self.operations = whole.operations
        self.weighted_operations = whole.weighted_operations
        self.input_shape, self.num_classes = whole.input_shape, whole.num_classes
        self.inherits, self.concatenates = whole.inherits, whole.concatenates
        self.traced = whole.traced

    @abstractmethod
    def check(self, architecture: Architecture) -> None:
        """Checks that an architecture of the whole space belongs to the part.

        Raises:
            ArchitectureError: It does not; the error text says why.
        """

    @abstractmethod
    def _draw(
        self, parent: Architecture, draw: Callable[[], Architecture], rng: np.random.Generator
    ) -> Architecture:
        """An architecture of the part by a random move of the whole space from a parent.

        Args:
            parent: First parent.
            draw: Function that draws one child of the whole space.
            rng: Source of randomness.
        """

    @abstractmethod
    def _settle(self, architecture: Architecture) -> Architecture:
        """An architecture of the part for one of the whole space that was decoded or built by steps.

        Raises:
            ArchitectureError: There is none.
        """

    @property
    def given(self) -> Architecture | None:  # type: ignore[override]
        """That of the whole space, which may be outside of the part."""
        return self.whole.given

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """A mutant of the part."""
        return self._draw(architecture, lambda: self.whole.mutate(architecture, rng), rng)

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """A child of both in the part."""
        return self._cross(self.whole.crossover, a, b, rng)

    def parse(self, text: str) -> Architecture:
        """Reads the whole space's notation."""
        architecture = self.whole.parse(text)
        self.check(architecture)
        return architecture

    def format(self, architecture: Architecture) -> str:
        """Writes the whole space's notation."""
        return self.whole.format(architecture)

    def validate(self, architecture: Architecture) -> None:
        """Checks that an architecture belongs to the whole space and to the part.

        Raises:
            ArchitectureError: It does not; the error text says why.
        """
        self.whole.validate(architecture)
        self.check(architecture)

    def key(self, architecture: Architecture) -> str:
        """The whole space's key, also of an architecture outside the part."""
        return self.whole.key(architecture)

    @property
    def choices(self) -> tuple[int, ...]:
        """As in the whole space."""
        return self.whole.choices

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """As in the whole space."""
        return self.whole.encode(architecture)

    def decode(self, options: Sequence[int]) -> Architecture:
        """As in the whole space, if that belongs to the part.

        Raises:
            ArchitectureError: The options describe no architecture, or none of the part.
        """
        return self._settle(self.whole.decode(options))

    def relaxation(self) -> Relaxation:
        """That of the whole space, whose architectures may be outside of the part."""
        return self.whole.relaxation()

    def fixer(self, answers: Mapping[str, Any]) -> Fixer:
        """That of the whole space; what it gives is settled as in `decode`."""
        put, shown = self.whole.fixer(answers)
        return Fixer(lambda architecture: self._settle(put(architecture)), shown)

    def fixed_relaxation(self, answers: Mapping[str, Any]) -> Relaxation:
        """That of the whole space, whose architectures may be outside of the part."""
        return self.whole.fixed_relaxation(answers)

    def settings(self, architecture: Architecture) -> dict[str, Any]:
        """As in the whole space."""
        return self.whole.settings(architecture)

    def episodes(self) -> Episodes:
        """As in the whole space; what is built is settled as in `decode`."""
        return _SettledEpisodes(self.whole.episodes(), self._settle)

    @property
    def crossovers(self) -> Mapping[str, Crossover]:
        """The crossovers of the whole space, with children of the part."""
        return {name: partial(self._cross, cross) for name, cross in self.whole.crossovers.items()}

    def mutate_weighted(
        self, architecture: Architecture, rng: np.random.Generator, *, odds: Sequence[float], size: float
    ) -> Architecture:
        """A weighted mutant of the part."""
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
        input_shape: tuple[int, ...] = (3, 32, 32),
        num_classes: int = 10,
        **options: Any,
    ) -> torch.nn.Module:
        """As in the whole space, also of an architecture outside the part."""
        return self.whole.network(architecture, input_shape, num_classes, **options)

    def network_size(
        self,
        architecture: Architecture,
        input_shape: tuple[int, ...] = (3, 32, 32),
        num_classes: int = 10,
        **options: Any,
    ) -> Size | None:
        """As in the whole space, also of an architecture outside the part."""
        return self.whole.network_size(architecture, input_shape, num_classes, **options)

    @property
    def has_morphisms(self) -> bool:
        """As in the whole space."""
        return self.whole.has_morphisms

    def inherit(self, network: torch.nn.Module, trained: torch.nn.Module) -> bool:
        """As in the whole space."""
        return self.whole.inherit(network, trained)

    def inherited(
        self, architecture: Architecture, weights: Mapping[str, torch.Tensor] | None = None, *, seed: int = 0
    ) -> Inherited:
        """As in the whole space."""
        return self.whole.inherited(architecture, weights, seed=seed)

    def _cross(
        self, cross: Crossover, a: Architecture, b: Architecture, rng: np.random.Generator
    ) -> Architecture:
        return self._draw(a, lambda: cross(a, b, rng), rng)


class _SettledEpisodes:
    """Episodes of the whole space; the architectures that they build are settled."""

    def __init__(self, whole: Episodes, settle: Callable[[Architecture], Architecture]) -> None:
        self._whole, self._settle = whole, settle
        self.bits, self.outputs = whole.bits, whole.outputs
        self.observe, self.picks, self.trace = whole.observe, whole.picks, whole.trace

    def build(self, actions: Sequence[Action]) -> Architecture:
        """The architecture of a complete episode, settled in the part."""
        return self._settle(self._whole.build(actions))

"""Choices as probabilities: what differentiable search needs of a space.

A relaxation names the positions of a space at which a network has one of several operations. Its `network`
is built once, with a layer at each position that mixes all of them, and `Relaxation.derive` makes an
architecture from probabilities of the operations.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph import operations
from egraph.architecture import Architecture
from egraph.errors import UsageError

if TYPE_CHECKING:
    import torch

    from egraph.spaces.choice_space import ChoiceSpace

__all__ = ["ChoiceRelaxation", "Derivation", "Make", "Mix", "Position", "Probabilities", "Relaxation"]

Make = Callable[[str, int], "torch.nn.Module"]
"""Makes the layer of an option that reads and gives this number of channels."""

Mix = Callable[[str, Make, int], "torch.nn.Module"]
"""Makes the layer that mixes the options of a position: called with its name, a `Make` and the channels.

The channels are 0 where the layers have the one width that their maker gives them.
"""

Probabilities = Mapping[str, NDArray[np.float64]]
"""For each position by name, the probabilities of its options, ``(options,)``."""


@dataclass(frozen=True)
class Position:
    """A place of a network that holds one of several operations.

    Attributes:
        name: Its name, unique in the network. All cells of a kind share a position.
        options: Names of the operations.
        node: Name of the node that it leads into. Positions of one node compete, where a method lets them;
            empty if it competes with none.
        empties: Which options give nothing, ``(options,)``: zeros.
        skips: Which options give their input as it is.
    """

    name: str
    options: tuple[str, ...]
    node: str = ""
    empties: tuple[bool, ...] = ()
    skips: tuple[bool, ...] = ()

    @classmethod
    def of(cls, name: str, options: Sequence[str], node: str = "") -> Position:
        """A position whose options are registered operations."""
        kinds = [operations.get(option).kind for option in options]
        return cls(
            name,
            tuple(options),
            node,
            tuple(kind == "zero" for kind in kinds),
            tuple(kind == "identity" for kind in kinds),
        )


@dataclass(frozen=True)
class Derivation:
    """Rules by which probabilities become one architecture.

    Attributes:
        empties: Whether an option that gives nothing may win a position.
        ranks: Where a node takes its strongest inputs, which of them: 1 is the strongest. Seed of a second
            and a third architecture from one search.
        distinct: Whether the inputs of a node have different predecessors.
        most_skips: Largest number of skip connections in a cell; None for any number.
    """

    empties: bool = False
    ranks: tuple[int, ...] = (1, 2)
    distinct: bool = True
    most_skips: int | None = None


class Relaxation(ABC):
    """A space seen as probabilities of operations at positions.

    Attributes:
        positions: The positions by name, in the order of the network.
        options: Options of `network` with their default values, such as ``channels`` and ``cells``.
    """

    positions: Mapping[str, Position]
    options: Mapping[str, Any]

    @abstractmethod
    def network(
        self, mix: Mix, input_shape: tuple[int, ...], num_classes: int, *, seed: int = 0, **options: Any
    ) -> torch.nn.Module:
        """The network with a mixed layer at each position.

        Args:
            mix: Makes the mixed layers.
            input_shape: Shape of one input.
            num_classes: Number of outputs.
            seed: Seed of the initial weights.
            options: Some of `options`.

        Raises:
            UsageError: An argument is out of range.
        """

    @abstractmethod
    def derive(self, probabilities: Probabilities, rules: Derivation | None = None) -> Architecture:
        """The most probable architecture.

        Args:
            probabilities: Probabilities of the options.
            rules: Rules; None for the defaults.
        """

    @abstractmethod
    def draw(
        self, probabilities: Probabilities, rng: np.random.Generator, rules: Derivation | None = None
    ) -> Architecture:
        """A random architecture by the probabilities."""

    @abstractmethod
    def chosen(self, architecture: Architecture) -> dict[str, int]:
        """The number of the option of an architecture at each position; a position that it lacks is absent.

        Raises:
            ArchitectureError: The architecture does not belong to the space.
        """


class ChoiceRelaxation(Relaxation):
    """The relaxation of a space of independent choices: each position has the option that wins or is drawn.

    Args:
        space: The space, whose options are operations.
        build: Builds the mixed network, called as `Relaxation.network`.
        options: Options of ``build`` with their default values.
        nodes: The node that each position leads into, by the name of the position.
    """

    def __init__(
        self,
        space: ChoiceSpace,
        build: Callable[..., torch.nn.Module],
        options: Mapping[str, Any],
        nodes: Mapping[str, str] | None = None,
    ) -> None:
        self.space, self.options = space, options
        self._build = build
        self.positions = {
            name: Position.of(name, each, (nodes or {}).get(name, ""))
            for name, each in space.positions.items()
        }

    def network(
        self, mix: Mix, input_shape: tuple[int, ...], num_classes: int, *, seed: int = 0, **options: Any
    ) -> torch.nn.Module:
        """The network of the space with a mixed layer at each position."""
        return self._build(mix, input_shape, num_classes, seed=seed, **{**self.options, **options})

    def derive(self, probabilities: Probabilities, rules: Derivation | None = None) -> Architecture:
        """Each position has its most probable option."""
        allowed = admit(self.positions, probabilities, rules or Derivation())
        return self.space.decode([int(np.argmax(each)) for each in allowed.values()])

    def draw(
        self, probabilities: Probabilities, rng: np.random.Generator, rules: Derivation | None = None
    ) -> Architecture:
        """The options of all positions, drawn independently."""
        allowed = admit(self.positions, probabilities, rules or Derivation())
        return self.space.decode([int(rng.choice(len(each), p=each)) for each in allowed.values()])

    def chosen(self, architecture: Architecture) -> dict[str, int]:
        """The encoding of the architecture."""
        return dict(zip(self.positions, self.space.encode(architecture), strict=True))


def admit(
    positions: Mapping[str, Position], probabilities: Probabilities, rules: Derivation
) -> dict[str, NDArray[np.float64]]:
    """The probabilities without the options that may not win, scaled to a sum of 1.

    Raises:
        UsageError: A position has no probabilities, others than its options, or none that are positive.
    """
    admitted = {}
    for name, position in positions.items():
        values = np.asarray(probabilities.get(name, ()), dtype=np.float64)
        if values.shape != (len(position.options),) or not (
            np.isfinite(values).all() and (values >= 0).all()
        ):
            raise UsageError(
                f"the position {name!r} needs one probability for each of {', '.join(position.options)}, "
                f"got {values.tolist()}"
            )
        if not rules.empties and position.empties and not all(position.empties):
            values = np.where(position.empties, 0, values)
        if not values.any():
            raise UsageError(f"all operations that may be at {name!r} have the probability 0")
        admitted[name] = values / values.sum()
    return admitted

"""Architectures built step by step: the environments of reinforcement learning.

An episode is a list of actions; an action picks a few of the outputs of a network, and the state is what the
actions so far have built, as bits. `SearchSpace.episodes` gives those of a space.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture

__all__ = ["Action", "Bits", "EncodedEpisodes", "Encoding", "Episodes", "Pick"]

Action = tuple[int, ...]
"""One step of building an architecture, as the numbers of the chosen outputs."""

Bits = NDArray[np.float32]
"""Zeros and ones that describe a state or an action."""


class Pick(NamedTuple):
    """``number`` different ones of ``outputs`` are to be chosen."""

    outputs: Sequence[int]
    number: int


class Episodes(Protocol):
    """How the architectures of a space are built step by step.

    Attributes:
        bits: Size of the state.
        outputs: Number of outputs of the network.
    """

    bits: int
    outputs: int

    def observe(self, actions: Sequence[Action]) -> Bits:
        """The state after these actions, ``(bits,)``, zeros and ones."""

    def picks(self, actions: Sequence[Action]) -> list[Pick]:
        """The parts of the next action; empty if the architecture is complete."""

    def build(self, actions: Sequence[Action]) -> Architecture:
        """The architecture of a complete episode.

        Raises:
            ArchitectureError: The actions describe no architecture of the space.
        """

    def trace(self, architecture: Architecture) -> list[Action]:
        """Actions that build an architecture."""


class Encoding(Protocol):
    """A space with an encoding: see `egraph.spaces.SearchSpace`."""

    @property
    def choices(self) -> tuple[int, ...]:
        """Number of options at each position."""

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """An architecture as one option for each position."""

    def decode(self, options: Sequence[int]) -> Architecture:
        """The architecture of these options."""


class EncodedEpisodes:
    """Each action chooses the option at the next position of the encoding; the state is the options so far.

    Args:
        space: Space with an encoding.

    Raises:
        UsageError: The space has no encoding.
    """

    def __init__(self, space: Encoding) -> None:
        self._space = space
        self._offsets = np.cumsum((0, *space.choices)).tolist()
        self.bits = self.outputs = self._offsets[-1]

    def observe(self, actions: Sequence[Action]) -> Bits:
        """The state after these actions, ``(bits,)``."""
        state = np.zeros(self.bits, dtype=np.float32)
        for (chosen,) in actions:
            state[chosen] = 1.0
        return state

    def picks(self, actions: Sequence[Action]) -> list[Pick]:
        """One option."""
        position = len(actions)
        if position + 1 == len(self._offsets):
            return []
        return [Pick(range(self._offsets[position], self._offsets[position + 1]), 1)]

    def build(self, actions: Sequence[Action]) -> Architecture:
        """The architecture that the options decode to."""
        chosen = zip(actions, self._offsets, strict=False)
        return self._space.decode([option - offset for (option,), offset in chosen])

    def trace(self, architecture: Architecture) -> list[Action]:
        """The options of its encoding."""
        options = zip(self._space.encode(architecture), self._offsets, strict=False)
        return [(option + offset,) for option, offset in options]

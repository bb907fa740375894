"""Architectures built step by step: the environments of `dqn`.

An episode is a list of actions; an action picks a few of the outputs of the network, and the state is what
the actions so far have built, as bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.canonical import live_vertices
from egraph.spaces import SearchSpace
from egraph.spaces.nasbench101 import OPERATIONS, NASBench101

__all__ = ["Action", "CellEpisodes", "EncodedEpisodes", "Episodes", "Pick", "episodes_of"]

Action = tuple[int, ...]
Bits = NDArray[np.float32]


class Pick(NamedTuple):
    """``number`` different ones of ``outputs`` are to be chosen."""

    outputs: Sequence[int]
    number: int


class Episodes(Protocol):
    """How the architectures of a space are built.

    Attributes:
        bits: size of the state.
        outputs: how many numbers the network gives.
    """

    bits: int
    outputs: int

    def observe(self, actions: Sequence[Action]) -> Bits:
        """The state after these actions, ``(bits,)``, zeros and ones."""

    def picks(self, actions: Sequence[Action]) -> list[Pick]:
        """What the next action consists of; empty where the architecture is complete."""

    def build(self, actions: Sequence[Action]) -> Architecture:
        """The architecture of a complete episode.

        Raises:
            ArchitectureError: it is none of the space.
        """

    def trace(self, architecture: Architecture) -> list[Action]:
        """Actions that build an architecture."""


def episodes_of(space: SearchSpace) -> Episodes:
    """Cells of NAS-Bench-101 grow vertex by vertex, what else has an encoding place by place.

    Raises:
        UsageError: the space gives no encoding.
    """
    return CellEpisodes(space) if isinstance(space, NASBench101) else EncodedEpisodes(space)


class CellEpisodes:
    """Each action adds a vertex: its operation, or the output, and the two vertices it gets its input from.

    The outputs are an operation each and one for the output vertex; then one for each vertex there may be
    before it and one for no connection. Two of the latter are picked, so that a vertex has one input or two;
    a traced cell may have vertices with more. The state has a one-hot code of four bits a vertex, input
    included, and a bit for each pair of vertices: 24 + 21 = 45 bits for seven vertices.

    Args:
        space: of cells.
    """

    def __init__(self, space: NASBench101) -> None:
        self._space = space
        self._layers = space.max_vertices - 1  # all but the output
        self._stop = len(OPERATIONS)
        self._first = self._stop + 1  # output of the network that stands for vertex 0 as an input
        self._nothing = self._first + self._layers
        pairs = [(i, j) for j in range(1, space.max_vertices) for i in range(j)]
        self._bit = {pair: self._first * self._layers + number for number, pair in enumerate(pairs)}
        self.bits = self._first * self._layers + len(pairs)
        self.outputs = self._nothing + 1

    def observe(self, actions: Sequence[Action]) -> Bits:
        """The state after these actions, ``(bits,)``."""
        state = np.zeros(self.bits, dtype=np.float32)
        state[self._stop] = 1.0  # the code of the input vertex
        for vertex, (layer, *inputs) in enumerate(actions, 1):
            end = layer == self._stop
            if not end:
                state[vertex * self._first + layer] = 1.0
            for source in inputs:
                if source != self._nothing:
                    state[self._bit[source - self._first, self._layers if end else vertex]] = 1.0
        return state

    def picks(self, actions: Sequence[Action]) -> list[Pick]:
        """One layer, which must be the output where no other vertex fits, and two inputs."""
        if actions and actions[-1][0] == self._stop:
            return []
        vertices = len(actions) + 1
        layers = [self._stop] if vertices == self._layers else range(self._first)
        inputs = range(self._first, self._first + vertices)
        return [Pick(layers, 1), Pick([*inputs, self._nothing], 2)]

    def build(self, actions: Sequence[Action]) -> Architecture:
        """The cell; vertices that lead nowhere are still in it."""
        names = [*OPERATIONS, "output"]
        architecture = Architecture(
            ["input", *(names[layer] for layer, *_ in actions)],
            [
                (source - self._first, vertex)
                for vertex, (_, *inputs) in enumerate(actions, 1)
                for source in inputs
                if source != self._nothing
            ],
        )
        self._space.validate(architecture)
        return architecture

    def trace(self, architecture: Architecture) -> list[Action]:
        """One action for each vertex on a path from input to output."""
        live = live_vertices(architecture.num_vertices, architecture.edges)
        number = {vertex: position for position, vertex in enumerate(live)}
        actions: list[Action] = []
        for vertex in live[1:]:
            inputs = sorted(
                self._first + number[i] for i, j in architecture.edges if j == vertex and i in number
            )
            layer = self._stop if vertex == live[-1] else OPERATIONS.index(architecture.ops[vertex])
            actions.append((layer, *inputs, *[self._nothing][len(inputs) - 1 :]))
        return actions


class EncodedEpisodes:
    """Each action chooses the option at the next place of the encoding; the state is the options so far.

    Args:
        space: must give an encoding.
    """

    def __init__(self, space: SearchSpace) -> None:
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
        place = len(actions)
        if place + 1 == len(self._offsets):
            return []
        return [Pick(range(self._offsets[place], self._offsets[place + 1]), 1)]

    def build(self, actions: Sequence[Action]) -> Architecture:
        """What the options decode to."""
        chosen = zip(actions, self._offsets, strict=False)
        return self._space.decode([option - offset for (option,), offset in chosen])

    def trace(self, architecture: Architecture) -> list[Action]:
        """The options of its encoding."""
        options = zip(self._space.encode(architecture), self._offsets, strict=False)
        return [(option + offset,) for option, offset in options]

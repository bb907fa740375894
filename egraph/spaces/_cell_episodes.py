"""Cells of NAS-Bench-101 built vertex by vertex."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from egraph.architecture import Architecture
from egraph.canonical import live_vertices
from egraph.spaces.episodes import Action, Bits, Pick

__all__ = ["CellEpisodes"]


class CellEpisodes:
    """Each action adds a vertex: its operation, or the output, and the two vertices that it reads.

    The outputs are one for each operation and one for the output vertex; then one for each vertex that can
    come before it and one for no connection. Two of the latter are picked, so that a vertex has one input or
    two; a traced cell may have vertices with more. The state has a one-hot code of four bits a vertex, input
    included, and a bit for each pair of vertices: 24 + 21 = 45 bits for seven vertices.

    Args:
        operations: Operations of an interior vertex.
        max_vertices: Largest number of vertices, input and output included.
        validate: Raises ArchitectureError for a cell that is not of the space.
    """

    def __init__(
        self, operations: Sequence[str], max_vertices: int, validate: Callable[[Architecture], None]
    ) -> None:
        self._operations = tuple(operations)
        self._validate = validate
        self._layers = max_vertices - 1  # all but the output
        self._stop = len(operations)
        self._first = self._stop + 1  # output of the network that stands for vertex 0 as an input
        self._nothing = self._first + self._layers
        pairs = [(i, j) for j in range(1, max_vertices) for i in range(j)]
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
        """One layer, which must be the output if no other vertex fits, and two inputs."""
        if actions and actions[-1][0] == self._stop:
            return []
        vertices = len(actions) + 1
        layers = [self._stop] if vertices == self._layers else range(self._first)
        inputs = range(self._first, self._first + vertices)
        return [Pick(layers, 1), Pick([*inputs, self._nothing], 2)]

    def build(self, actions: Sequence[Action]) -> Architecture:
        """The cell, dead vertices included.

        Raises:
            ArchitectureError: The cell is not of the space.
        """
        names = [*self._operations, "output"]
        architecture = Architecture(
            ["input", *(names[layer] for layer, *_ in actions)],
            [
                (source - self._first, vertex)
                for vertex, (_, *inputs) in enumerate(actions, 1)
                for source in inputs
                if source != self._nothing
            ],
        )
        self._validate(architecture)
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
            op = architecture.ops[vertex]
            layer = self._stop if vertex == live[-1] else self._operations.index(op)
            actions.append((layer, *inputs, *[self._nothing][len(inputs) - 1 :]))
        return actions

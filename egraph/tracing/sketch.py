"""The graph between the one that PyTorch recorded and the architecture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["JOINS", "Sketch", "Vertex"]

JOINS = ("add", "concat", "multiply", "join")
"""Kinds of vertices that compute nothing but bring results together; of kind ``identity`` in the end."""


@dataclass(eq=False)
class Vertex:
    """One operation.

    Attributes:
        kind: one of `egraph.operations.KINDS`, of `JOINS`, or ``"matmul"`` or ``"softmax"``.
        label: how its name begins, such as ``"conv3x3"``.
        inputs: the vertices whose results it takes, each once.
        channels: of its result.
        pixels: places of its result for one example: those of a map, tokens of a series.
        fan_in: channels of what it takes.
        parameters: how many it holds.
        flops: multiply-adds for one example.
        repeats: how many it stands for.

    The others are as in `egraph.operations.Operation`.
    """

    kind: str
    label: str
    inputs: list[Vertex] = field(default_factory=list)
    channels: int = 0
    pixels: int = 1
    fan_in: int = 0
    kernel: int = 0
    stride: int = 1
    groups: int = 1
    expansion: float = 1.0
    padded: bool = True
    parameters: int = 0
    flops: int = 0
    repeats: int = 1

    @property
    def computes(self) -> bool:
        """Whether it is an operation, and no end and no join."""
        return self.kind not in (*JOINS, "input", "output", "softmax")

    def take_over(self, other: Vertex) -> None:
        """Adds the parameters and FLOPs of another vertex, of which this one becomes a part or a stand-in."""
        self.parameters += other.parameters
        self.flops += other.flops


class Sketch:
    """Vertices in a topological order: first the input, last the output.

    Args:
        vertices: what is not between input and output goes.
    """

    def __init__(self, vertices: Iterable[Vertex]) -> None:
        self.vertices = list(vertices)
        self.prune()

    def prune(self) -> None:
        """Drops what the input does not reach, and what does not reach the output."""
        reached = {self.vertices[0]}
        for vertex in self.vertices[1:]:
            vertex.inputs = [source for source in vertex.inputs if source in reached]
            if vertex.inputs:
                reached.add(vertex)
        reaching = {self.vertices[-1]}
        for vertex in reversed(self.vertices):
            if vertex in reaching:
                reaching.update(vertex.inputs)
        ends = (self.vertices[0], self.vertices[-1])
        self.vertices = [v for v in self.vertices if v in ends or (v in reached and v in reaching)]

    def consumers(self) -> dict[Vertex, list[Vertex]]:
        """The vertices that take each result."""
        found: dict[Vertex, list[Vertex]] = {vertex: [] for vertex in self.vertices}
        for vertex in self.vertices:
            for source in vertex.inputs:
                found[source].append(vertex)
        return found

    def replace(self, old: Vertex, new: Vertex) -> None:
        """Lets all that takes the result of one vertex take that of another; the first remains unused."""
        for vertex in self.vertices:
            if old in vertex.inputs and vertex is not new:
                vertex.inputs = list(dict.fromkeys(new if v is old else v for v in vertex.inputs))

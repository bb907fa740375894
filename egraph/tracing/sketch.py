"""The intermediate graph between the recorded ATen graph and the architecture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from egraph.operations import JOINS

__all__ = ["JOINS", "Sketch", "Vertex"]


@dataclass(eq=False)
class Vertex:
    """One operation.

    Attributes:
        kind: One of `egraph.operations.KINDS`, of `JOINS`, or ``"matmul"`` or ``"softmax"``.
        label: Beginning of the name, such as ``"conv3x3"``.
        inputs: Vertices whose results it reads, each once.
        channels: Channels of the result.
        pixels: Positions of the result for one example: pixels of a map, tokens of a series.
        fan_in: Channels of the input.
        parameters: Number of parameters.
        flops: Multiply-adds for one example.
        activations: Numbers in the results of its layers for one example.
        repeats: Number of equal vertices that it represents.

    The other attributes are as in `egraph.operations.Operation`.
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
    activations: int = 0
    repeats: int = 1

    @property
    def computes(self) -> bool:
        """Whether it is an operation, and not an end, a join or a softmax."""
        return self.kind not in (*JOINS, "input", "output", "softmax")

    def take_over(self, other: Vertex) -> None:
        """Adds the parameters, FLOPs and activations of another vertex, which this one absorbs."""
        self.parameters += other.parameters
        self.flops += other.flops
        self.activations += other.activations


class Sketch:
    """Vertices in a topological order: first the input, last the output.

    Args:
        vertices: Vertices; those on no path from input to output are dropped.
    """

    def __init__(self, vertices: Iterable[Vertex]) -> None:
        self.vertices = list(vertices)
        self.prune()

    def prune(self) -> None:
        """Drops vertices on no path from input to output."""
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
        """The vertices that read each result."""
        found: dict[Vertex, list[Vertex]] = {vertex: [] for vertex in self.vertices}
        for vertex in self.vertices:
            for source in vertex.inputs:
                found[source].append(vertex)
        return found

    def replace(self, old: Vertex, new: Vertex) -> None:
        """Makes all readers of one vertex read another instead; the first is then unused."""
        for vertex in self.vertices:
            if old in vertex.inputs and vertex is not new:
                vertex.inputs = list(dict.fromkeys(new if v is old else v for v in vertex.inputs))

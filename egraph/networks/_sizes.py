"""Shapes of the inputs and results of every vertex of a free graph of layers, by arithmetic alone."""

from __future__ import annotations

from typing import NamedTuple

from egraph import operations
from egraph.architecture import Architecture
from egraph.canonical import live_vertices
from egraph.errors import ArchitectureError
from egraph.operations import Operation
from egraph.shapes import kind_of

__all__ = ["Shape", "Stage", "match_sizes", "plan_stages"]

BUILDABLE = {
    "images": ("conv", "avg-pool", "max-pool"),
    "signals": ("conv", "avg-pool", "max-pool"),
    "features": ("linear",),
}
"""Kinds of operations that have a layer, by the kind of the input."""


Shape = tuple[int, ...]
"""Shape of one feature map: channels, then its sides; of features, their number alone."""


class Stage(NamedTuple):
    """One live vertex of the graph.

    Attributes:
        operation: Operation of the vertex.
        sources: Indices, in the plan, of the stages that it sums.
        joined: Shape to which each source is brought before the sum.
        shape: Shape of the result.
    """

    operation: Operation
    sources: tuple[int, ...]
    joined: Shape
    shape: Shape


def plan_stages(architecture: Architecture, input_shape: tuple[int, ...], channels: int) -> list[Stage]:
    """The live vertices in topological order, input first and output last.

    Convolutions and pools have the stride of their operation and no padding. A convolution or dense layer has
    ``channels`` times the ``width`` of its operation as filters or units; a pool keeps its channels.

    Raises:
        ArchitectureError: No path leads from input to output, or an operation has no layer for such inputs.
    """
    live = live_vertices(architecture.num_vertices, architecture.edges)
    position = {vertex: index for index, vertex in enumerate(live)}
    sources: list[list[int]] = [[] for _ in live]
    for i, j in architecture.edges:
        if i in position and j in position:
            sources[position[j]].append(position[i])
    if not sources[-1]:
        raise ArchitectureError(
            f"no path of enabled edges leads from input to output; enabled: {list(architecture.edges)}"
        )
    image, kind = tuple(input_shape), kind_of(input_shape)
    stages = [Stage(operations.get("input"), (), image, image)]
    for index, vertex in enumerate(live[1:], 1):
        operation = operations.get(architecture.ops[vertex])
        if operation.kind not in (*BUILDABLE[kind], "output"):
            raise ArchitectureError(
                f"a free network for {kind} has no layer for {operation.name!r} (vertex {vertex}, kind "
                f"{operation.kind}); it builds the kinds {', '.join(BUILDABLE[kind])}"
            )
        joined = match_sizes([stages[source].shape for source in sources[index]], operation.kernel)
        stages.append(
            Stage(operation, tuple(sorted(sources[index])), joined, _apply(operation, joined, channels))
        )
    return stages


def match_sizes(shapes: list[Shape], kernel: int) -> Shape:
    """The minimum viable size of several inputs of one layer.

    Each of channels and sides is the minimum over the inputs; a side below the kernel is raised to the
    kernel, so that the layer can be applied.
    """
    channels, *sides = (min(sizes) for sizes in zip(*shapes, strict=True))
    return channels, *(max(side, kernel) for side in sides)


def _apply(operation: Operation, joined: Shape, channels: int) -> Shape:
    if operation.kind == "output":
        return joined
    filters = int(channels * operation.width) if operation.kind in ("conv", "linear") else joined[0]
    return filters, *((side - operation.kernel) // operation.stride + 1 for side in joined[1:])

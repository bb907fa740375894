"""The architecture of a sketch: names, widths and descriptions of its operations."""

from __future__ import annotations

import functools
from collections import defaultdict

from egraph import operations
from egraph.architecture import Architecture
from egraph.operations import Operation
from egraph.tracing.sketch import JOINS, Sketch, Vertex

__all__ = ["describe"]


def describe(sketch: Sketch) -> Architecture:
    """Registers the operation of each vertex, and makes the architecture."""
    widest: defaultdict[int, int] = defaultdict(int)
    for vertex in sketch.vertices:
        widest[vertex.pixels] = max(widest[vertex.pixels], vertex.channels)
    number_of = {vertex: number for number, vertex in enumerate(sketch.vertices)}
    ops = [
        # Three digits suffice, and make layers of almost the same width equal for a ranker.
        _name(vertex, float(f"{vertex.channels / widest[vertex.pixels]:.3g}") if vertex.channels else 1.0)
        for vertex in sketch.vertices
    ]
    edges = [(number_of[source], number) for vertex, number in number_of.items() for source in vertex.inputs]
    return Architecture(ops, edges)


def _name(vertex: Vertex, width: float) -> str:
    """The name of the operation, which is registered if necessary; equal descriptions have equal names."""
    if vertex.kind in (*JOINS, "input", "output"):
        return vertex.kind
    described = _describe(
        _label(vertex),
        vertex.kind,
        vertex.kernel,
        vertex.stride,
        vertex.groups,
        vertex.expansion,
        width,
        vertex.padded,
        vertex.channels,
        vertex.pixels,
        vertex.parameters,
        vertex.flops,
        vertex.activations,
        vertex.repeats,
    )
    return operations.register(described).name


@functools.lru_cache(maxsize=1 << 14, typed=True)  # networks of one space have many layers in common
def _describe(
    label: str,
    kind: str,
    kernel: int,
    stride: int,
    groups: int,
    expansion: float,
    width: float,
    padded: bool,
    *measured: int,
) -> Operation:
    channels, pixels, parameters, flops, activations, repeats = measured
    description = Operation(
        label,
        kind,
        kernel=kernel,
        stride=stride,
        groups=groups,
        expansion=expansion,
        width=width,
        padded=padded,
        channels=channels,
        pixels=pixels,
        parameters=parameters,
        flops=flops,
        activations=activations,
        repeats=repeats,
    )
    return operations.name_by_description(description)


def _label(vertex: Vertex) -> str:
    """A label such as ``conv3x3-128-s2``, ``mbconv5x5-e6-40*2`` or ``attention-h4-64``."""
    parts = [vertex.label]
    if vertex.kind == "inverted-residual":
        parts.append(f"e{vertex.expansion:g}")
    if vertex.kind == "attention":
        parts.append(f"h{vertex.groups}")
    parts.append(str(vertex.channels))
    if vertex.kind == "conv" and vertex.groups != 1:
        parts.append(f"g{vertex.groups}" if vertex.groups else "dw")
    if vertex.stride not in (1, vertex.kernel):
        parts.append(f"s{vertex.stride:g}")
    return "-".join(parts) + (f"*{vertex.repeats}" if vertex.repeats > 1 else "")

"""Graphs of bounded size as options at positions: the possible edges, then the operations of the vertices."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from egraph.architecture import Architecture
from egraph.canonical import live_vertices
from egraph.errors import ArchitectureError

__all__ = ["decode_graph", "encode_graph", "graph_choices", "pairs"]


@lru_cache
def pairs(num_vertices: int) -> tuple[tuple[int, int], ...]:
    """All pairs of ascending vertex numbers, ordered by the larger one."""
    return tuple((i, j) for j in range(1, num_vertices) for i in range(j))


@lru_cache
def graph_choices(max_vertices: int, num_operations: int) -> tuple[int, ...]:
    """Two options, absent and present, for each of `pairs`; then the operations of each interior vertex."""
    return (2,) * len(pairs(max_vertices)) + (num_operations,) * (max_vertices - 2)


def encode_graph(architecture: Architecture, operations: Sequence[str], max_vertices: int) -> tuple[int, ...]:
    """The live part of a graph as an option for each of `graph_choices`.

    The vertices have the first numbers, in topological order, and the output has the last; the remaining
    vertices have no edges and the first operation. Disabled edges are dropped.
    """
    live = live_vertices(architecture.num_vertices, architecture.edges)
    position = {vertex: number for number, vertex in enumerate(live[:-1])} | {live[-1]: max_vertices - 1}
    there = {(position[i], position[j]) for i, j in architecture.edges if i in position and j in position}
    labels = [operations.index(architecture.ops[vertex]) for vertex in live[1:-1]]
    labels += [0] * (max_vertices - len(live))
    return (*(int(pair in there) for pair in pairs(max_vertices)), *labels)


def decode_graph(options: Sequence[int], operations: Sequence[str], max_vertices: int) -> Architecture:
    """The live part of the graph that the options describe.

    Raises:
        ArchitectureError: No path leads from input to output.
    """
    possible = pairs(max_vertices)
    edges = [pair for pair, there in zip(possible, options[: len(possible)], strict=True) if there]
    live = live_vertices(max_vertices, edges)
    position = {vertex: number for number, vertex in enumerate(live)}
    kept = [(position[i], position[j]) for i, j in edges if i in position and j in position]
    if not kept:
        raise ArchitectureError("the options leave no path from input to output; set more of the edges")
    labels = options[len(possible) :]
    return Architecture(["input", *(operations[labels[vertex - 1]] for vertex in live[1:-1]), "output"], kept)

"""Renumbered copies of graphs: data augmentation for predictors that see the numbering."""

from __future__ import annotations

import numpy as np

from egraph.architecture import Architecture
from egraph.spaces import SearchSpace

__all__ = ["renumbered_copies"]


def renumbered_copies(
    space: SearchSpace, architecture: Architecture, count: int, rng: np.random.Generator
) -> list[Architecture]:
    """Up to ``count`` architectures of the space that differ from the given one in their numbering only.

    Each is a random topological order of the vertices. Orders whose architecture is not in the space, or
    whose encoding is known or describes another network, are left out. A chain has no copy.

    Args:
        space: Space with an encoding.
        architecture: Architecture of the space.
        count: Number of random orders tried.
        rng: Source of the orders.
    """
    found: list[Architecture] = []
    seen = {space.encode(architecture)} if count else set()
    for _ in range(count):
        copy = _renumber(architecture, rng)
        if copy not in space or (code := space.encode(copy)) in seen:
            continue
        if space.key(space.decode(code)) == space.key(architecture):
            seen.add(code)
            found.append(copy)
    return found


def _renumber(architecture: Architecture, rng: np.random.Generator) -> Architecture:
    """The graph with its vertices in a random topological order; input stays first and output last."""
    last = architecture.num_vertices - 1
    edges = [*architecture.edges, *architecture.disabled]
    waiting = [sum(j == vertex and i not in (0, last) for i, j in edges) for vertex in range(last)]
    order, free = [0], [vertex for vertex in range(1, last) if waiting[vertex] == 0]
    while free:
        vertex = free.pop(int(rng.integers(len(free))))
        order.append(vertex)
        for i, j in edges:
            if i == vertex and j not in (0, last):
                waiting[j] -= 1
                if waiting[j] == 0:
                    free.append(j)
    number = {vertex: position for position, vertex in enumerate([*order, last])}
    return Architecture(
        [architecture.ops[vertex] for vertex in number],
        [(number[i], number[j]) for i, j in architecture.edges],
        [(number[i], number[j]) for i, j in architecture.disabled],
    )

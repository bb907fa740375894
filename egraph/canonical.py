"""Simplified graphs, and a text for each that does not depend on the numbering of vertices.

`simplify` removes everything without effect: vertices on no path from input to output, zeros, identities.
`canonical_form` then gives two graphs the same text if, and only if, they are isomorphic.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from egraph import operations
from egraph.architecture import Architecture

__all__ = ["Simplified", "canonical_form", "live_vertices", "prune", "simplify"]


_Neighbours = list[list[tuple[int, int]]]  # of each vertex: the other ends of its edges, with multiplicity
_Certificate = list[tuple[int, list[tuple[int, int]]]]


class Simplified(NamedTuple):
    """A graph in which every vertex and edge has an effect.

    Attributes:
        ops: Operation names in a topological order; first ``input``, last ``output``.
        counts: Edge multiplicities, ``(vertices, vertices)``; ``[i, j]`` is the number of times that vertex
            ``j`` adds the result of ``i``.
    """

    ops: tuple[str, ...]
    counts: NDArray[np.int64]


def live_vertices(num_vertices: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The vertices on a path from vertex 0 to the last one, in topological order.

    Input and output are always among them, even if no path joins them.
    """
    if all(i < j for i, j in edges):
        return _live_in_order(num_vertices, sorted(edges))
    successors: list[list[int]] = [[] for _ in range(num_vertices)]
    predecessors: list[list[int]] = [[] for _ in range(num_vertices)]
    for i, j in edges:
        successors[i].append(j)
        predecessors[j].append(i)
    last = num_vertices - 1
    live = _reachable(0, successors) & _reachable(last, predecessors) | {0, last}
    waiting = {v: sum(p in live for p in predecessors[v]) for v in live}
    # The smallest free number first, to stay close to the given numbering. Output waits for the end.
    order: list[int] = []
    free = [v for v in sorted(live) if waiting[v] == 0 and v != last]
    while free:
        vertex = heapq.heappop(free)
        order.append(vertex)
        for successor in successors[vertex]:
            if successor in live:
                waiting[successor] -= 1
                if waiting[successor] == 0 and successor != last:
                    heapq.heappush(free, successor)
    return [*order, last]


def prune(architecture: Architecture) -> Architecture:
    """The part of an architecture that a network has: what is on a path from input to output, and enabled."""
    live = sorted(live_vertices(architecture.num_vertices, architecture.edges))
    number = {vertex: place for place, vertex in enumerate(live)}
    edges = [(number[i], number[j]) for i, j in architecture.edges if i in number and j in number]
    return Architecture([architecture.ops[vertex] for vertex in live], edges, answers=architecture.answers)


def simplify(architecture: Architecture) -> Simplified:
    """Reduces an architecture to its computation.

    Drops vertices on no path from input to output and operations of kind ``zero``; splices operations of kind
    ``identity`` into the sums that they feed, counting how often a result is added; and merges operations
    that are `shareable` and have the same inputs. The rules are the same for all search spaces.
    """
    ops = architecture.ops
    kinds = [operations.get(op) for op in ops]
    edges = [(i, j) for i, j in architecture.edges if kinds[i].kind != "zero" and kinds[j].kind != "zero"]
    last = len(ops) - 1

    names: list[str] = []
    rows: list[dict[int, int]] = []  # of each kept vertex: its inputs, with multiplicity
    meaning: dict[int, dict[int, int]] = {}  # of each old vertex: the kept vertices whose sum it is
    shared: dict[tuple[str, tuple[tuple[int, int], ...]], int] = {}
    incoming: dict[int, list[int]] = {}
    for i, j in edges:
        incoming.setdefault(j, []).append(i)
    for vertex in live_vertices(len(ops), edges):
        inputs: dict[int, int] = {}
        for source in incoming.get(vertex, ()):
            for kept, count in meaning.get(source, {}).items():
                inputs[kept] = inputs.get(kept, 0) + count
        operation = kinds[vertex]
        if operation.kind == "identity" and vertex not in (0, last):
            meaning[vertex] = inputs
            continue
        signature = (ops[vertex], tuple(sorted(inputs.items())))
        if operation.shareable and signature in shared:
            meaning[vertex] = {shared[signature]: 1}
            continue
        shared[signature] = len(names)
        meaning[vertex] = {len(names): 1}
        names.append(ops[vertex])
        rows.append(inputs)
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    for vertex, inputs in enumerate(rows):
        for source, count in inputs.items():
            counts[source, vertex] = count
    return Simplified(tuple(names), counts)


def canonical_form(graph: Simplified) -> str:
    """A text that two graphs share if, and only if, they are isomorphic.

    Colours vertices by position and operation, and refines the colours by those of their neighbours
    (Weisfeiler and Leman). Vertices that stay equal form parts which are joined only by vertices with unique
    colours. In each part every candidate is tried as the first of its class, and the smallest outcome is
    taken. This is exact for every graph, and fast if the symmetry comes from equal parallel branches.
    """
    ops, counts = graph
    sources = [[(i, c) for i, c in enumerate(column) if c] for column in counts.T.tolist()]
    targets = [[(j, c) for j, c in enumerate(row) if c] for row in counts.tolist()]
    order = range(len(ops))
    positions = zip(_longest_paths(sources, order), ops, _longest_paths(targets, order[::-1]), strict=True)
    colours = _refine(_ranks(list(positions)), sources, targets)
    settled = _settle(list(order), colours, sources, targets)
    number = {vertex: position for position, vertex in enumerate(settled)}
    texts = []
    for vertex in settled:
        inputs = sorted([(number[i], c) for i, c in sources[vertex]])
        texts.append(f"{ops[vertex]}({','.join([f'{i}x{c}' if c > 1 else str(i) for i, c in inputs])})")
    return ";".join(texts)


def _settle(part: list[int], colours: list[int], sources: _Neighbours, targets: _Neighbours) -> list[int]:
    """The vertices of a part in an order that depends on the numbering only up to isomorphism.

    The colours are stable under `_refine`, and vertices outside of the part have unique colours.
    """
    classes: dict[int, list[int]] = {}
    for vertex in part:
        classes.setdefault(colours[vertex], []).append(vertex)
    if len(classes) == len(part):
        return sorted(part, key=colours.__getitem__)
    alike = {vertex for members in classes.values() if len(members) > 1 for vertex in members}
    settled: list[tuple[_Certificate, list[int]]] = []
    while alike:
        component = _component(alike, sources, targets)
        alike -= component
        settled.append(_settle_component(component, colours, sources, targets))
    settled.sort(key=lambda outcome: outcome[0])
    rank = {vertex: position for position, vertex in enumerate([v for _, order in settled for v in order])}
    return sorted(part, key=lambda vertex: (colours[vertex], rank.get(vertex, 0)))


def _settle_component(
    component: set[int], colours: list[int], sources: _Neighbours, targets: _Neighbours
) -> tuple[_Certificate, list[int]]:
    """A canonical order of a connected component, and its certificate in that order."""
    classes: dict[int, list[int]] = {}
    for vertex in sorted(component):
        classes.setdefault(colours[vertex], []).append(vertex)
    tied = next((members for _, members in sorted(classes.items()) if len(members) > 1), None)
    if tied is None:
        order = sorted(component, key=colours.__getitem__)
        return _certificate(order, colours, sources), order
    if _interchangeable(tied, sources, targets):
        tied = tied[:1]
    outcomes = []
    for chosen in tied:
        # Doubled colours leave room below each, so that one vertex can be ordered before its class.
        split = _refine([2 * c - (v == chosen) for v, c in enumerate(colours)], sources, targets)
        order = _settle(list(component), split, sources, targets)
        outcomes.append((_certificate(order, colours, sources), order))
    return min(outcomes, key=lambda outcome: outcome[0])


def _certificate(order: list[int], colours: list[int], sources: _Neighbours) -> _Certificate:
    """The colours of a component and the edges in it; the colours determine the edges to other vertices."""
    number = {vertex: position for position, vertex in enumerate(order)}
    return [
        (colours[vertex], sorted([(number[i], c) for i, c in sources[vertex] if i in number]))
        for vertex in order
    ]


def _refine(colours: list[int], sources: _Neighbours, targets: _Neighbours) -> list[int]:
    """Splits colours by those of the neighbours until nothing changes; keeps their order."""
    num_colours = len(set(colours))
    while num_colours < len(colours):
        refined = _ranks(
            [
                (
                    colour,
                    sorted([(colours[i], c) for i, c in ins]),
                    sorted([(colours[j], c) for j, c in outs]),
                )
                for colour, ins, outs in zip(colours, sources, targets, strict=True)
            ]
        )
        if (found := max(refined) + 1) == num_colours:
            return refined
        colours, num_colours = refined, found
    return colours


def _ranks(values: list[Any]) -> list[int]:
    """The position of each value among the distinct ones."""
    ranks = [0] * len(values)
    rank, previous = -1, None
    for index in sorted(range(len(values)), key=values.__getitem__):
        if rank < 0 or values[index] != previous:
            rank, previous = rank + 1, values[index]
        ranks[index] = rank
    return ranks


def _longest_paths(neighbours: _Neighbours, order: Iterable[int]) -> list[int]:
    """The number of edges on the longest path from each vertex along its neighbours.

    If the order has neighbours before each vertex, one pass suffices, and a second one confirms it.
    """
    lengths = [0] * len(neighbours)
    changed = True
    while changed:
        changed = False
        for vertex in order:
            for neighbour, _ in neighbours[vertex]:
                if lengths[neighbour] >= lengths[vertex]:
                    lengths[vertex], changed = lengths[neighbour] + 1, True
    return lengths


def _component(vertices: set[int], sources: _Neighbours, targets: _Neighbours) -> set[int]:
    """The vertices that are connected to the smallest one by edges among the given vertices."""
    start = min(vertices)
    found, stack = {start}, [start]
    while stack:
        vertex = stack.pop()
        for neighbour, _ in sources[vertex] + targets[vertex]:
            if neighbour in vertices and neighbour not in found:
                found.add(neighbour)
                stack.append(neighbour)
    return found


def _interchangeable(vertices: list[int], sources: _Neighbours, targets: _Neighbours) -> bool:
    """Whether the vertices of a class have exactly the same neighbours, so that any of them may be chosen."""
    first = vertices[0]
    return all(sources[v] == sources[first] and targets[v] == targets[first] for v in vertices[1:])


def _live_in_order(num_vertices: int, edges: list[tuple[int, int]]) -> list[int]:
    """`live_vertices` of a graph whose edges are sorted and all lead to a larger number."""
    after_input, before_output = bytearray(num_vertices), bytearray(num_vertices)
    after_input[0] = before_output[-1] = True
    for i, j in edges:
        if after_input[i]:
            after_input[j] = True
    for i, j in reversed(edges):
        if before_output[j]:
            before_output[i] = True
    after_input[-1] = before_output[0] = True
    return [vertex for vertex in range(num_vertices) if after_input[vertex] and before_output[vertex]]


def _reachable(start: int, neighbours: list[list[int]]) -> set[int]:
    seen, stack = {start}, [start]
    while stack:
        for vertex in neighbours[stack.pop()]:
            if vertex not in seen:
                seen.add(vertex)
                stack.append(vertex)
    return seen

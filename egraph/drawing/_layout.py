"""Positions of the boxes and edges of a drawing.

Sugiyama's layered layout. The layer of a vertex is the length of its longest path from the input. An edge
that skips layers has a waypoint in each of them. Layers are ordered by barycentres, so that few edges cross.
The horizontal coordinates solve the linear programme of graphviz's ``dot``, which keeps long edges and chains
straight. A graph of many layers is broken into columns.

References:
    Gansner, Koutsofios, North, Vo: A technique for drawing directed graphs, IEEE TSE 19(3), 1993.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from egraph import operations

if TYPE_CHECKING:
    from egraph.architecture import Architecture

__all__ = ["Box", "Layout", "Route", "layout"]

FONT_SIZE = 13.0
CHARACTER = 0.602 * FONT_SIZE  # the advance width of common monospaced fonts
BOX_HEIGHT = 30.0
ROW = 68.0  # from one layer to the next
BOX_GAP = 22.0
LANE_GAP = 16.0
SPINE = 20.0  # weight of edges on the longest path, which should be straight
MARGIN = 12.0
LONGEST_LABEL = 32
TALLEST_COLUMN = 22  # layers
ARROW = 7.0

Point = tuple[float, float]
Waypoint = tuple[int, int, int]  # edge's two vertices, layer
Node = int | Waypoint


@dataclass(frozen=True, slots=True)
class Box:
    """A vertex with its label, and its centre and size in pixels."""

    vertex: int
    label: str
    kind: str
    x: float
    y: float
    width: float
    height: float = BOX_HEIGHT


@dataclass(frozen=True, slots=True)
class Route:
    """An edge as cubic curves: its start, then three points for each curve; the last is the arrow's tip."""

    edge: tuple[int, int]
    disabled: bool
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """All boxes and routes, and the size of the picture."""

    boxes: tuple[Box, ...]
    routes: tuple[Route, ...]
    width: float
    height: float


def layout(architecture: Architecture, *, disabled: bool = True) -> Layout:
    """The layout of an architecture from top to bottom, with or without its disabled edges."""
    dormant = architecture.disabled if disabled else ()
    edges = [*architecture.edges, *(edge for edge in dormant if edge not in set(architecture.edges))]
    layer_of = _assign_layers(architecture.num_vertices, edges)
    layers, chains = _place_waypoints(layer_of, edges)
    layers = _order_layers(layers, chains)
    names = map(operations.label, architecture.ops)
    labels = [name if len(name) <= LONGEST_LABEL else name[: LONGEST_LABEL - 1] + "…" for name in names]
    widths = {v: max(56.0, len(label) * CHARACTER + 26) for v, label in enumerate(labels)}
    xs = _horizontal(layers, chains, widths)

    columns = math.ceil(len(layers) / TALLEST_COLUMN)
    rows = math.ceil(len(layers) / columns)
    depth = _lanes_height(layers, chains, rows)
    positions, width = _fold(layers, xs, widths, rows, top=MARGIN + depth)
    height = min(rows, len(layers)) * ROW - (ROW - BOX_HEIGHT) + 2 * (MARGIN + depth)

    boxes = tuple(
        Box(v, labels[v], operations.get(op).kind, *positions[v], widths[v])
        for v, op in enumerate(architecture.ops)
    )
    routes = _draw_routes(chains, set(architecture.edges), layers, positions, widths, rows)
    return Layout(boxes, routes, width, height)


def _assign_layers(n: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The layer of each vertex: the length of its longest path from the input.

    Vertices without predecessors are just above their successors.
    """
    import networkx

    graph: networkx.DiGraph[int] = networkx.DiGraph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from(edges)
    order = [v for generation in networkx.topological_generations(graph) for v in sorted(generation)]
    layer = [0] * n
    for v in order:
        layer[v] = max((layer[u] + 1 for u in graph.predecessors(v)), default=0 if v == 0 else 1)
    last = n - 1
    layer[last] = max([layer[last], *(layer[v] + (v != last) for v in range(1, n))])
    # A vertex with more successors than predecessors moves down to them, which makes edges shorter in total.
    for v in reversed(order):
        readers = [layer[w] for w in graph.successors(v)]
        if v not in (0, last) and readers and len(readers) > graph.in_degree(v):
            layer[v] = max(layer[v], min(readers) - 1)
    return layer


def _place_waypoints(
    layer_of: list[int], edges: Sequence[tuple[int, int]]
) -> tuple[list[list[Node]], dict[tuple[int, int], list[Node]]]:
    """The nodes of each layer, vertices and waypoints, and the nodes along each edge."""
    layers: list[list[Node]] = [[] for _ in range(max(layer_of) + 1)]
    for v, layer in enumerate(layer_of):
        layers[layer].append(v)
    chains: dict[tuple[int, int], list[Node]] = {}
    for i, j in edges:
        waypoints: list[Node] = [(i, j, layer) for layer in range(layer_of[i] + 1, layer_of[j])]
        for waypoint, layer in zip(waypoints, range(layer_of[i] + 1, layer_of[j]), strict=True):
            layers[layer].append(waypoint)
        chains[i, j] = [i, *waypoints, j]
    return layers, chains


def _order_layers(
    layers: list[list[Node]], chains: dict[tuple[int, int], list[Node]], sweeps: int = 24
) -> list[list[Node]]:
    above: dict[Node, list[Node]] = {}
    below: dict[Node, list[Node]] = {}
    for chain in chains.values():
        for upper, lower in itertools.pairwise(chain):
            below.setdefault(upper, []).append(lower)
            above.setdefault(lower, []).append(upper)

    def crossings(ordered: list[list[Node]]) -> int:
        total = 0
        for upper, lower in itertools.pairwise(ordered):
            position = {node: p for p, node in enumerate(lower)}
            ends = [
                position[w] for node in upper for w in sorted(below.get(node, ()), key=position.__getitem__)
            ]
            total += sum(int(np.count_nonzero(np.array(ends[:k]) > end)) for k, end in enumerate(ends))
        return total

    ordered = [list(layer) for layer in layers]
    best, fewest = [list(layer) for layer in ordered], crossings(ordered)
    for sweep in range(sweeps):
        if fewest == 0:
            break
        downward = sweep % 2 == 0
        neighbours = above if downward else below
        for k in range(1, len(ordered)) if downward else range(len(ordered) - 2, -1, -1):
            fixed = ordered[k - 1 if downward else k + 1]
            position = {node: p for p, node in enumerate(fixed)}
            # Every other pair of sweeps reverses ties, to leave orders that no sweep changes any more.
            tie = 1 if sweep % 4 < 2 else -1
            keyed = []
            for p, node in enumerate(ordered[k]):
                seen = [position[w] for w in neighbours.get(node, ())]
                centre = sum(seen) / len(seen) if seen else p * len(fixed) / len(ordered[k])
                keyed.append(((centre, tie * p), node))
            ordered[k] = [node for _, node in sorted(keyed, key=lambda pair: pair[0])]
        if (count := crossings(ordered)) < fewest:
            best, fewest = [list(layer) for layer in ordered], count
    return best


def _horizontal(
    layers: list[list[Node]], chains: dict[tuple[int, int], list[Node]], widths: dict[int, float]
) -> dict[Node, float]:
    """Minimises the weighted horizontal length of all edges under least distances (a linear programme)."""
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    index = {node: k for k, node in enumerate(node for layer in layers for node in layer)}
    absolute: list[tuple[float, dict[int, float]]] = []  # weight and linear form of each cost
    around: dict[int, tuple[list[int], list[int]]] = {}
    spine = _longest_path(layers, chains)
    for edge, chain in chains.items():
        for upper, lower in itertools.pairwise(chain):
            a, b = index[upper], index[lower]
            # Bends look arbitrary between two waypoints, less so at a vertex.
            weight = (4.0, 2.0, 8.0)[isinstance(upper, tuple) + isinstance(lower, tuple)]
            weight = SPINE if edge in spine else weight
            absolute.append((weight, {a: 1.0, b: -1.0}))
            around.setdefault(a, ([], []))[1].append(b)
            around.setdefault(b, ([], []))[0].append(a)
    # Of equally short drawings, choose one with each node in the middle of its neighbours.
    for node, sides in around.items():
        for side in sides:
            if len(side) > 1:
                form = {node: 1.0}
                for other in side:
                    form[other] = form.get(other, 0.0) - 1 / len(side)
                absolute.append((0.2, form))

    # The unknowns are n coordinates and m bounds of absolute values: form <= bound and -form <= bound.
    n, m = len(index), len(absolute)
    entries: list[tuple[int, int, float]] = []
    bounds: list[float] = []
    for k, (_, form) in enumerate(absolute):
        for sign in (1.0, -1.0):
            entries += [(len(bounds), column, sign * value) for column, value in form.items()]
            entries.append((len(bounds), n + k, -1.0))
            bounds.append(0.0)
    for layer in layers:
        for left, right in itertools.pairwise(layer):
            entries += [(len(bounds), index[left], 1.0), (len(bounds), index[right], -1.0)]
            bounds.append(-_separation(left, right, widths))
    if not bounds:
        return dict.fromkeys(index, 0.0)
    rows, columns, values = (np.array(part) for part in zip(*entries, strict=True))
    matrix = coo_array((values, (rows, columns)), shape=(len(bounds), n + m)).tocsr()
    # The small cost of the coordinates keeps the drawing at the left.
    cost = np.concatenate([np.full(n, 1e-6), [weight for weight, _ in absolute]])
    solution = linprog(cost, A_ub=matrix, b_ub=bounds, bounds=(0, None), method="highs").x
    return {node: float(solution[k]) for node, k in index.items()}


def _longest_path(
    layers: list[list[Node]], chains: dict[tuple[int, int], list[Node]]
) -> set[tuple[int, int]]:
    """The edges of one path with a vertex in every layer; drawings are easy to follow if it is straight."""
    steps = {edge for edge, chain in chains.items() if len(chain) == 2}
    path: set[tuple[int, int]] = set()
    vertex = layers[-1][-1]
    while edge := next((edge for edge in sorted(steps) if edge[1] == vertex), None):
        path.add(edge)
        vertex = edge[0]
    return path


def _separation(left: Node, right: Node, widths: dict[int, float]) -> float:
    halves = sum(widths[node] / 2 for node in (left, right) if isinstance(node, int))
    return halves + (BOX_GAP if isinstance(left, int) and isinstance(right, int) else LANE_GAP)


def _lanes_height(layers: list[list[Node]], chains: dict[tuple[int, int], list[Node]], rows: int) -> float:
    """Height above and below the columns for the edges that lead to the next column."""
    crossing = _crossing_columns(layers, chains, rows)
    return 10.0 + 8.0 * max(len(segments) for segments in crossing.values()) if crossing else 0.0


def _crossing_columns(
    layers: list[list[Node]], chains: dict[tuple[int, int], list[Node]], rows: int
) -> dict[int, list[tuple[Node, Node]]]:
    """The segments of edges that leave each column but the last, from right to left."""
    layer_of = {node: k for k, layer in enumerate(layers) for node in layer}
    position = {node: p for layer in layers for p, node in enumerate(layer)}
    found: dict[int, list[tuple[Node, Node]]] = {}
    for chain in chains.values():
        for upper, lower in itertools.pairwise(chain):
            if layer_of[upper] // rows != layer_of[lower] // rows:
                found.setdefault(layer_of[upper] // rows, []).append((upper, lower))
    for segments in found.values():
        segments.sort(key=lambda segment: (-position[segment[0]], position[segment[1]]))
    return found


def _fold(
    layers: list[list[Node]], xs: dict[Node, float], widths: dict[int, float], rows: int, top: float
) -> tuple[dict[Node, Point], float]:
    """Breaks the layers into columns; returns the position of each node, and the width of the picture."""
    positions: dict[Node, Point] = {}
    left = MARGIN
    for start in range(0, len(layers), rows):
        column = layers[start : start + rows]
        half = {
            node: widths[node] / 2 if isinstance(node, int) else 2.0 for layer in column for node in layer
        }
        lowest = min(xs[node] - half[node] for node in half)
        highest = max(xs[node] + half[node] for node in half)
        for row, layer in enumerate(column):
            for node in layer:
                positions[node] = (left + xs[node] - lowest, top + BOX_HEIGHT / 2 + row * ROW)
        gutter = 40.0 + 8.0 * len(column[-1])
        left += highest - lowest + gutter
    return positions, left - gutter + MARGIN


def _draw_routes(
    chains: dict[tuple[int, int], list[Node]],
    enabled: set[tuple[int, int]],
    layers: list[list[Node]],
    positions: dict[Node, Point],
    widths: dict[int, float],
    rows: int,
) -> tuple[Route, ...]:
    crossing = _crossing_columns(layers, chains, rows)
    right_of: dict[int, float] = {}
    bottom = 0.0
    for k, layer in enumerate(layers):
        for node in layer:
            reach = positions[node][0] + (widths[node] / 2 if isinstance(node, int) else 0.0)
            right_of[k // rows] = max(right_of.get(k // rows, 0.0), reach)
            bottom = max(bottom, positions[node][1])
    top = min(y for _, y in positions.values())
    lane_of = {
        segment: (column, lane)
        for column, segments in crossing.items()
        for lane, segment in enumerate(segments)
    }

    routes = []
    for edge, chain in chains.items():
        x, y = positions[chain[0]]
        points: list[Point] = [(x, y + BOX_HEIGHT / 2)]
        for upper, lower in itertools.pairwise(chain):
            x, y = positions[lower]
            end = (x, y - BOX_HEIGHT / 2)
            if (upper, lower) in lane_of:
                column, lane = lane_of[upper, lower]
                aside = right_of[column] + 16.0 + 8.0 * lane
                beyond = 14.0 + 8.0 * lane
                corners = [
                    (points[-1][0], bottom + BOX_HEIGHT / 2 + beyond),
                    (aside, bottom + BOX_HEIGHT / 2 + beyond),
                ]
                corners += [(aside, top - BOX_HEIGHT / 2 - beyond), (x, top - BOX_HEIGHT / 2 - beyond)]
                points += _rounded([points[-1], *corners, end])
            else:
                points += _curve(points[-1], end)
            if isinstance(lower, tuple):
                points += _straight(points[-1], (x, y + BOX_HEIGHT / 2))
        routes.append(Route(edge, edge not in enabled, tuple(points)))
    return tuple(routes)


def _curve(a: Point, b: Point) -> list[Point]:
    """One curve with vertical ends."""
    reach = (b[1] - a[1]) * 0.5
    return [(a[0], a[1] + reach), (b[0], b[1] - reach), b]


def _straight(a: Point, b: Point) -> list[Point]:
    return [a, b, b]


def _rounded(corners: list[Point], radius: float = 7.0) -> list[Point]:
    """The curves along a polyline with rounded corners."""
    points: list[Point] = []
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        enter, leave = _toward(corner, before, radius), _toward(corner, after, radius)
        points += [*_straight(before if not points else points[-1], enter), corner, corner, leave]
    return [*points, *_straight(points[-1], corners[-1])]


def _toward(a: Point, b: Point, distance: float) -> Point:
    length = math.dist(a, b)
    share = min(distance, length / 2) / length if length else 0.0
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share)

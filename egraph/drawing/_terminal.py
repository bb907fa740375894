"""An architecture as text: one column of vertices, and rails beside it for edges that skip vertices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from egraph import operations
from egraph.drawing._palette import ANSI

if TYPE_CHECKING:
    from egraph.architecture import Architecture

__all__ = ["to_terminal"]

MOST_BOXES = 12
_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_UNICODE = " ╵╷│╴╯╮┤╶╰╭├─┴┬┼"  # indexed by the sum of a line's directions
_ASCII = " |||-'.+-'.+-+++"


@dataclass(frozen=True, slots=True)
class _Rail:
    """All edges of one vertex that skip others; they share a rail, and each leaves it at its target."""

    source: int
    targets: tuple[int, ...]
    disabled: bool


def to_terminal(
    architecture: Architecture,
    *,
    width: int = 100,
    unicode: bool = True,
    color: bool = False,
    disabled: bool = True,
) -> str:
    """Draws an architecture in characters, from top to bottom.

    Vertices are in topological order, and in boxes if they are few. An edge to the next vertex is a vertical
    line; every other edge leaves below its vertex to the right, runs down a rail and enters its target by an
    arrow. Lines are joined in corners and tees, and interrupted where they cross.

    Args:
        architecture: Architecture to draw.
        width: Largest number of columns, if the number of rails allows it.
        unicode: Whether to use box-drawing characters; otherwise ASCII.
        color: Whether to colour the operations with escape codes of a terminal.
        disabled: Whether to draw disabled edges, dashed.
    """
    order = _topological_order(architecture)
    row_of = {vertex: row for row, vertex in enumerate(order)}
    rails = _make_rails(architecture, row_of, disabled)
    lane_of, lanes = _assign_lanes(rails)
    names = [operations.label(op) for op in architecture.ops]
    longest = max(map(len, names))
    spacing = next((s for s in (3, 2) if longest + 8 + s * lanes <= width), 1)
    room = max(8, width - spacing * lanes - 8)
    plan = _Plan(
        labels=[_shorten(_printable(names[v]), room, unicode) for v in order],
        kinds=[operations.get(architecture.ops[v]).kind for v in order],
        joined={row_of[i] for i, j in architecture.edges if row_of[j] == row_of[i] + 1},
        rails=rails,
        lane_of=lane_of,
        spacing=spacing,
    )
    canvas = _Canvas(unicode)
    for k in range(len(order)):
        _draw_vertex(canvas, plan, k)
    for rail in rails:
        _draw_rail(canvas, plan, rail)
    return canvas.text(color)


class _Plan:
    """Positions of all parts of a drawing; vertices are numbered from top to bottom.

    Args:
        labels: Label of each vertex.
        kinds: Kind of the operation of each vertex.
        joined: Vertices that have an edge to the next one.
        rails: Rails of all edges that skip vertices.
        lane_of: Lane of each rail, 0 next to the vertices.
        spacing: Columns from one lane to the next.

    Attributes:
        boxed: Whether vertices stand in boxes.
        rows: Row of the label of each vertex, and row below it in which its rails begin, if any.
        inner: Width of the longest label.
        stem: Column of the line from one vertex to the next.
        column_of: Column of each rail.
    """

    def __init__(
        self,
        labels: list[str],
        kinds: list[str],
        joined: set[int],
        rails: list[_Rail],
        lane_of: dict[_Rail, int],
        spacing: int,
    ) -> None:
        self.labels, self.kinds, self.joined, self.rails = labels, kinds, joined, rails
        self.boxed = len(labels) <= MOST_BOXES
        self.inner = max(len(label) for label in labels)
        self.stem = 1 + (self.inner + 4) // 2 if self.boxed else 1
        first = self.inner + 6 if self.boxed else self.inner + 5
        self.column_of = {rail: first + spacing * lane for rail, lane in lane_of.items()}
        self.rows = self._assign_rows()

    def _assign_rows(self) -> list[tuple[int, int | None]]:
        starts = {rail.source for rail in self.rails}
        rows: list[tuple[int, int | None]] = []
        y = 0
        for k in range(len(self.labels)):
            label = y + self.boxed
            y = label + 1 + self.boxed
            # Boxes touch where no line runs between them; without boxes there is a row between vertices.
            leaves = y if k in starts or (not self.boxed and k + 1 < len(self.labels)) else None
            y += leaves is not None
            rows.append((label, leaves))
        return rows


def _draw_vertex(canvas: _Canvas, plan: _Plan, k: int) -> None:
    row, leaves = plan.rows[k]
    fed, feeds = k - 1 in plan.joined, k in plan.joined
    rails = [rail for rail in plan.rails if rail.source == k]
    label, kind, stem = plan.labels[k], plan.kinds[k], plan.stem
    if plan.boxed:
        arrow, below = stem if fed else None, stem if feeds or rails else None
        canvas.box(1, row, plan.inner + 4, label, kind, arrow=arrow, stem=below)
    else:
        canvas.vertex(1, row, label, kind)
    if leaves is None:
        return
    canvas.join(stem, leaves, (_UP | _DOWN) if feeds else (_UP if rails else 0))
    for rail in rails:
        column = plan.column_of[rail]
        canvas.join(stem, leaves, _RIGHT, dashed=rail.disabled)
        canvas.across(stem + 1, column - 1, leaves, dashed=rail.disabled)
        canvas.join(column, leaves, _LEFT | _DOWN, dashed=rail.disabled)


def _draw_rail(canvas: _Canvas, plan: _Plan, rail: _Rail) -> None:
    """The rail from below its vertex down to its last target, and the arrows to all of its targets."""
    column = plan.column_of[rail]
    top, bottom = plan.rows[rail.source][1], plan.rows[rail.targets[-1]][0]
    assert top is not None
    for line in range(top + 1, bottom):
        canvas.join(column, line, _UP | _DOWN, dashed=rail.disabled)
    for target in rail.targets:
        row = plan.rows[target][0]
        canvas.join(column, row, _UP | _LEFT | (_DOWN if row != bottom else 0), dashed=rail.disabled)
        tip = plan.inner + 5 if plan.boxed else 4 + len(plan.labels[target])
        canvas.put(tip, row, "◀" if canvas.unicode else "<")
        canvas.across(tip + 1, column - 1, row, dashed=rail.disabled)


class _Canvas:
    """A grid of characters and of lines, which are merged where they share a cell."""

    def __init__(self, unicode: bool) -> None:
        self.unicode = unicode
        self.lines: dict[tuple[int, int], int] = {}
        self.passing: dict[tuple[int, int], bool] = {}  # whether a solid line is among them
        self.solid: set[tuple[int, int]] = set()
        self.fixed: dict[tuple[int, int], tuple[str, str | None]] = {}

    def put(self, x: int, y: int, text: str, kind: str | None = None) -> None:
        for k, character in enumerate(text):
            self.fixed[x + k, y] = (character, kind)

    def join(self, x: int, y: int, directions: int, *, dashed: bool = False) -> None:
        """Draws lines from a cell in some directions, joined to other lines in the cell."""
        self.lines[x, y] = self.lines.get((x, y), 0) | directions
        if not dashed:
            self.solid.add((x, y))

    def across(self, left: int, right: int, y: int, *, dashed: bool) -> None:
        """Draws a horizontal line, interrupted by the rails that it crosses and joined to those that turn."""
        for x in range(left, right + 1):
            self.passing[x, y] = self.passing.get((x, y), False) or not dashed

    def vertex(self, x: int, y: int, label: str, kind: str) -> None:
        self.put(x, y, "●" if self.unicode else "o", kind)
        self.put(x + 2, y, label, kind)

    def box(
        self, x: int, y: int, width: int, label: str, kind: str, *, arrow: int | None, stem: int | None
    ) -> None:
        corners = "╭╮╰╯─│" if self.unicode else "..''-|"
        self.put(x, y - 1, corners[0] + corners[4] * (width - 2) + corners[1], kind)
        self.put(x, y, f"{corners[5]} {label:^{width - 4}} {corners[5]}", kind)
        self.put(x, y + 1, corners[2] + corners[4] * (width - 2) + corners[3], kind)
        if arrow is not None:
            self.put(arrow, y - 1, "▼" if self.unicode else "v")
        if stem is not None:
            self.put(stem, y + 1, "┬" if self.unicode else "+", kind)

    def text(self, color: bool) -> str:
        cells = {*self.lines, *self.passing, *self.fixed}
        result = []
        for y in range(max(y for _, y in cells) + 1):
            columns = [x for x, row in cells if row == y]
            line, current = "", None
            for x in range(max(columns, default=-1) + 1):
                character, kind = self.fixed.get((x, y), (self._line(x, y), None))
                if color and kind != current:
                    line += "\x1b[0m" if kind is None else f"\x1b[{ANSI[kind]}m"
                    current = kind
                line += character
            result.append(line.rstrip() + ("\x1b[0m" if current else ""))
        return "\n".join(result)

    def _line(self, x: int, y: int) -> str:
        directions = self.lines.get((x, y), 0)
        solid = (x, y) in self.solid
        if (x, y) in self.passing and directions != _UP | _DOWN:
            directions |= _LEFT | _RIGHT
            solid = solid or self.passing[x, y]
        if not solid and directions in (_UP | _DOWN, _LEFT | _RIGHT):
            vertical = directions == _UP | _DOWN
            return ("┊" if vertical else "╌") if self.unicode else (":" if vertical else ".")
        return (_UNICODE if self.unicode else _ASCII)[directions]


def _topological_order(architecture: Architecture) -> list[int]:
    """A topological order: the numbering itself if it is one; the output is last."""
    n = architecture.num_vertices
    edges = (*architecture.edges, *architecture.disabled)
    if all(i < j for i, j in edges):
        return list(range(n))
    waiting = [0] * n
    for _, j in edges:
        waiting[j] += 1
    free, order = sorted((v for v in range(n) if not waiting[v]), key=lambda v: (v == n - 1, v)), []
    while free:
        vertex = free.pop(0)
        order.append(vertex)
        for i, j in edges:
            if i == vertex:
                waiting[j] -= 1
                if not waiting[j]:
                    free.append(j)
        free.sort(key=lambda v: (v == n - 1, v))
    return order


def _make_rails(architecture: Architecture, row_of: dict[int, int], disabled: bool) -> list[_Rail]:
    rails = []
    enabled = set(architecture.edges)
    dormant = [edge for edge in architecture.disabled if edge not in enabled] if disabled else []
    for edges, dashed in ((architecture.edges, False), (dormant, True)):
        targets: dict[int, list[int]] = {}
        for i, j in edges:
            if dashed or row_of[j] != row_of[i] + 1:
                targets.setdefault(row_of[i], []).append(row_of[j])
        rails += [_Rail(source, tuple(sorted(ends)), dashed) for source, ends in targets.items()]
    return rails


def _assign_lanes(rails: list[_Rail]) -> tuple[dict[_Rail, int], int]:
    """The lane of each rail and the number of lanes; short rails are next to the vertices."""
    taken: list[list[tuple[int, int]]] = []
    lane_of: dict[_Rail, int] = {}
    for rail in sorted(rails, key=lambda rail: (rail.targets[-1] - rail.source, rail.source, rail.disabled)):
        start, end = rail.source, rail.targets[-1]
        lane = next(
            (k for k, spans in enumerate(taken) if all(end <= a or b <= start for a, b in spans)), len(taken)
        )
        if lane == len(taken):
            taken.append([])
        taken[lane].append((start, end))
        lane_of[rail] = lane
    return lane_of, len(taken)


def _shorten(text: str, room: int, unicode: bool) -> str:
    return text if len(text) <= room else text[: room - 1] + ("…" if unicode else "~")


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)

"""An architecture as an SVG document."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from egraph.drawing._layout import ARROW, FONT_SIZE, Layout, Point, layout
from egraph.drawing._palette import EDGE, HUES, colours

if TYPE_CHECKING:
    from egraph.architecture import Architecture

__all__ = ["to_svg"]

FONTS = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"


def to_svg(architecture: Architecture, *, disabled: bool = True, title: str | None = None) -> str:
    """Draws an architecture as a self-contained SVG document for light and dark backgrounds.

    Args:
        architecture: Architecture to draw.
        disabled: Whether to draw disabled edges, dashed.
        title: Text for screen readers; None for a summary of the graph.
    """
    plan = layout(architecture, disabled=disabled)
    title = (
        title or f"Architecture of {architecture.num_vertices} vertices and {len(architecture.edges)} edges"
    )
    width, height = f"{plan.width:.0f}", f"{plan.height:.0f}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="egraph-drawing" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label={quoteattr(title)}>',
        f"<title>{escape(title)}</title>",
        f"<style>{_style({box.kind for box in plan.boxes})}</style>",
        *_edges(plan),
        *_boxes(plan),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _style(kinds: set[str]) -> str:
    base = (
        f".egraph-drawing text{{font:{FONT_SIZE:.0f}px {FONTS};text-anchor:middle;dominant-baseline:central}}"
        f".egraph-drawing .edge{{fill:none;stroke:{EDGE};stroke-width:1.5}}"
        f".egraph-drawing .tip{{fill:{EDGE}}}"
        ".egraph-drawing .disabled{stroke-dasharray:4 4;opacity:.6}"
        ".egraph-drawing rect{stroke-width:1.25}"
    )
    light = "".join(_rule(kind, dark=False) for kind in HUES if kind in kinds)
    dark = "".join(_rule(kind, dark=True) for kind in HUES if kind in kinds)
    return f"{base}{light}@media (prefers-color-scheme:dark){{{dark}}}"


def _rule(kind: str, *, dark: bool) -> str:
    paint = colours(kind, dark=dark)
    dashes = ";stroke-dasharray:3 3" if kind == "zero" else ""
    return (
        f".egraph-drawing .{kind} rect{{fill:{paint.fill};stroke:{paint.stroke}{dashes}}}"
        f".egraph-drawing .{kind} text{{fill:{paint.text}}}"
    )


def _edges(plan: Layout) -> list[str]:
    lines = []
    # Dashed edges come first, so that other edges are drawn over them.
    for route in sorted(plan.routes, key=lambda route: not route.disabled):
        *points, (x, y) = route.points
        points.append((x, y - ARROW + 1))
        extra = " disabled" if route.disabled else ""
        tip = f"M{_number(x - ARROW / 2)} {_number(y - ARROW)}h{_number(ARROW)}L{_number(x)} {_number(y)}z"
        lines.append(f'<path class="edge{extra}" d="{_path(points)}"/><path class="tip{extra}" d="{tip}"/>')
    return lines


def _boxes(plan: Layout) -> list[str]:
    return [
        f'<g class="{box.kind}"><title>{box.vertex}: {escape(_printable(box.label))}</title>'
        f'<rect x="{_number(box.x - box.width / 2)}" y="{_number(box.y - box.height / 2)}" '
        f'width="{_number(box.width)}" height="{_number(box.height)}" rx="8"/>'
        f'<text x="{_number(box.x)}" y="{_number(box.y)}">{escape(_printable(box.label))}</text></g>'
        for box in plan.boxes
    ]


def _path(points: list[Point]) -> str:
    text = f"M{_point(points[0])}"
    for k in range(1, len(points), 3):
        text += "C" + " ".join(_point(point) for point in points[k : k + 3])
    return text


def _point(point: Point) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _printable(text: str) -> str:
    """Replaces control characters, which XML does not allow even if escaped."""
    return "".join(c if c.isprintable() else "�" for c in text)

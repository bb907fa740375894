"""An architecture as a PNG image, in the layout of the SVG."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from egraph.drawing._layout import ARROW, FONT_SIZE, layout
from egraph.drawing._palette import EDGE, colours
from egraph.files import atomic_path

if TYPE_CHECKING:
    from egraph.architecture import Architecture

__all__ = ["save_png"]

MOST_PIXELS = 20_000  # on each side


def save_png(
    architecture: Architecture, path: str | os.PathLike[str], *, disabled: bool = True, scale: float = 2.0
) -> None:
    """Writes an architecture as a PNG image on white.

    Args:
        architecture: Architecture to draw.
        path: File to write, atomically.
        disabled: Whether to draw disabled edges, dashed.
        scale: Pixels for each unit of the layout; fewer for very large drawings.

    Raises:
        FailedError: The file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon
    from matplotlib.path import Path

    plan = layout(architecture, disabled=disabled)
    scale = min(scale, MOST_PIXELS / max(plan.width, plan.height))
    figure = Figure(figsize=(plan.width / 72, plan.height / 72), dpi=72 * scale, facecolor="white")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), frameon=False, xticks=[], yticks=[])
    axes.set_xlim(0, plan.width)
    axes.set_ylim(plan.height, 0)
    for route in plan.routes:
        *points, (x, y) = route.points
        path_of_edge = Path([*points, (x, y - ARROW + 1)], [Path.MOVETO, *[Path.CURVE4] * len(points)])
        faint = 0.6 if route.disabled else 1.0
        dashes = (0, (2.7, 2.7)) if route.disabled else "solid"
        axes.add_patch(PathPatch(path_of_edge, fc="none", ec=EDGE, lw=1.5, ls=dashes, alpha=faint))
        tip = [(x - ARROW / 2, y - ARROW), (x + ARROW / 2, y - ARROW), (x, y)]
        axes.add_patch(Polygon(tip, fc=EDGE, ec="none", alpha=faint))
    for box in plan.boxes:
        paint = colours(box.kind)
        corner = (box.x - box.width / 2 + 8, box.y - box.height / 2 + 8)
        dashes = (0, (2.4, 2.4)) if box.kind == "zero" else "solid"
        axes.add_patch(
            FancyBboxPatch(
                corner, box.width - 16, box.height - 16, boxstyle="round,pad=8,rounding_size=8",
                fc=paint.fill, ec=paint.stroke, lw=1.25, ls=dashes,
            )
        )  # fmt: skip
        axes.text(
            box.x, box.y, box.label, size=FONT_SIZE, family="DejaVu Sans Mono", color=paint.text,
            ha="center", va="center_baseline", parse_math=False,
        )  # fmt: skip
    with atomic_path(path) as temporary:
        FigureCanvasAgg(figure).print_png(temporary)

"""Pictures as elements of a page, in its font and colours."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from egraph.architecture import Architecture
from egraph.canonical import prune
from egraph.drawing import to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ACCENT", "GRID", "INK", "RANDOM", "SEARCH", "draw_architecture", "draw_svg", "number_whole"]

# Placeholders for CSS variables of the page, so that pictures follow its light or dark scheme.
INK, GRID, SEARCH, RANDOM, ACCENT = "#010101", "#020202", "#030303", "#040404", "#050505"
VARIABLES = {INK: "--soft", GRID: "--line", SEARCH: "--search", RANDOM: "--random", ACCENT: "--accent"}

WIDEST_IN_COLUMN = 420  # pixels

STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.labelcolor": INK,
}


def draw_svg(name: str, size: tuple[float, float], fill: Callable[[Figure], bool]) -> str | None:
    """Draws a picture; the same drawing gives the same text.

    Args:
        name: Name of the picture, which no other picture of the page has.
        size: Width and height in inches of 96 pixels.
        fill: Draws; False if there is nothing to draw.

    Returns:
        An SVG element; None if there is nothing to draw.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style: Any = {**STYLE, "svg.hashsalt": f"egraph {name}"}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=size, layout="constrained")
        if not fill(figure):
            return None
        text = io.StringIO()
        FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None})
    return _adapt(_embed(text.getvalue(), name))


def draw_architecture(architecture: Architecture, title: str) -> str:
    """Draws an architecture, marked as wide if one column is too narrow for it."""
    svg = re.sub(r' xmlns="[^"]*"', "", to_svg(prune(architecture), title=title), count=1)
    width = re.search(r'width="(\d+)"', svg)
    wide = width is not None and int(width[1]) > WIDEST_IN_COLUMN
    return svg.replace('class="', 'class="wide ', 1) if wide else svg


def number_whole(axes: Axes) -> None:
    """Puts the ticks of the horizontal axis at whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))


def _embed(svg: str, name: str) -> str:
    """Turns an SVG document into an element of a page, with ids that no other picture of the page has."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)  # names pages of others
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    return re.sub(r'(href="|url\()#', rf"\1#{name}-", svg)


def _adapt(svg: str) -> str:
    """Gives a picture the size, the font and the colours of the page."""
    svg = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", svg)
    svg = re.sub(r' width="[\d.]+pt" height="[\d.]+pt"', "", svg, count=1)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    return svg.strip()

"""Writes pictures of results in the formats of matplotlib."""

from __future__ import annotations

import os
from collections.abc import Sized
from typing import TYPE_CHECKING

from egraph.errors import UsageError
from egraph.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_drawable", "save_figure"]


def check_drawable(rows: Sized, path: str | os.PathLike[str]) -> str:
    """The format that the ending of a picture's name denotes, such as ``"svg"``.

    Args:
        rows: Results that shall be drawn.
        path: File of the picture.

    Raises:
        UsageError: There are no results, or matplotlib cannot write this format.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    kind = os.path.splitext(path)[1].removeprefix(".").lower()
    if kind not in FigureCanvasAgg.get_supported_filetypes():
        raise UsageError(f"the picture's name must end in .svg, .png or .pdf, got {os.fspath(path)!r}")
    if not len(rows):
        raise UsageError("there are no results to draw")
    return kind


def save_figure(figure: Figure, path: str | os.PathLike[str], kind: str) -> None:
    """Writes a figure in a format of `check_drawable`; the file appears whole or not at all."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=kind, dpi=150)

"""Writes pictures of results in the formats of matplotlib."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from egraph.errors import UsageError
from egraph.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["find_format", "save_figure"]


def find_format(path: str | os.PathLike[str]) -> str:
    """The format that the ending of a file's name denotes, such as ``"svg"``.

    Raises:
        UsageError: Matplotlib cannot write this format.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    kind = os.path.splitext(path)[1].removeprefix(".").lower()
    if kind not in FigureCanvasAgg.get_supported_filetypes():
        raise UsageError(f"the picture's name must end in .svg, .png or .pdf, got {os.fspath(path)!r}")
    return kind


def save_figure(figure: Figure, path: str | os.PathLike[str], kind: str) -> None:
    """Writes a figure in a format of `find_format`; the file appears whole or not at all."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=kind, dpi=150)

"""Results of benchmarks: where they go, and how their tables look in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from egraph.cli._options import console
from egraph.errors import UsageError

if TYPE_CHECKING:
    from egraph.bench import Section

__all__ = ["check_out", "show_sections", "write_beside"]


def check_out(out: str) -> None:
    """Refuses a file of results that the tables or the picture would be written over.

    Raises:
        UsageError: it is called so.
    """
    if Path(out).suffix in (".md", ".svg"):
        raise UsageError(
            f"{out} is where the tables and the picture go; give --out a name such as bench.jsonl"
        )


def write_beside(
    out: str, rows: Sequence[dict[str, Any]], to_markdown: Callable[..., str], plot: Callable[..., object]
) -> list[str]:
    """Writes tables and picture of the results beside their file; the paths of all that is there."""
    from egraph.files import write_text

    if not rows:
        return [out]
    page, picture = Path(out).with_suffix(".md"), Path(out).with_suffix(".svg")
    write_text(page, to_markdown(rows))
    plot(rows, picture)
    return [out, str(page), str(picture)]


def show_sections(sections: Iterable[Section]) -> None:
    """Prints tables, what was not measured here dimmed."""
    from rich.table import Table
    from rich.text import Text

    screen = console()
    for section in sections:
        screen.print(f"\n[bold]{section.title}[/bold]")
        grid = Table(box=None, pad_edge=False, header_style="dim")
        for column, text in zip(section.header, section.texts, strict=True):
            grid.add_column(column, justify="left" if text else "right", overflow="fold")
        for cells, own in zip(section.lines, section.own, strict=True):
            grid.add_row(*(Text(cell) for cell in cells), style=None if own else "dim")
        screen.print(grid)
        for note in section.notes:
            screen.print(note, style="dim", markup=False)

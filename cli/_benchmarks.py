"""What the commands of `egraph bench` share: options, progress, and the display of results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from egraph.cli._options import console, count_option, json_option, root_option, stack
from egraph.cli._reading import read_table, tell
from egraph.errors import FailedError, UsageError

if TYPE_CHECKING:
    from egraph.bench import Failure, Section
    from egraph.cli._progress import Report

__all__ = [
    "check_failures",
    "check_out",
    "listener",
    "result_options",
    "show_sections",
    "tell_tables",
    "write_beside",
]


def result_options(jobs: str, out: str) -> Callable[[Any], Any]:
    """The options ``--processes``, ``--out``, ``--root`` and ``--json``.

    Args:
        jobs: Name of what runs at a time.
        out: Default of ``--out``.
    """
    options = [
        count_option("--processes", default=1, help=f"{jobs} at a time; they share the cores evenly."),
        click.option(
            "--out",
            default=out,
            show_default=True,
            metavar="FILE",
            help="File of results, one a line; the tables (.md) and a picture (.svg) are written beside it.",
        ),
        root_option,
        json_option("the results"),
    ]
    return stack(options)


def tell_tables(
    wanted: Iterable[tuple[str, ...]], root: str | None, reading: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Tells what is read of each table, before the work begins; returns the same as JSON-ready values.

    Args:
        wanted: Tables, each with the metrics in use.
        root: Folder that is searched first.
        reading: How files of the user's own are read.
    """
    from egraph.bench import describe_table

    described = []
    for name, *metrics in dict.fromkeys(wanted):
        table = read_table(name, root, reading, *metrics)
        tell(table, *dict.fromkeys(metrics))
        described += [describe_table(table, metric) for metric in dict.fromkeys(metrics)]
    return described


def listener(
    report: Report, name: Callable[[Failure], str], jobs: str, done: str
) -> Callable[[int, int, dict[str, Any] | Failure | None], None]:
    """A callback that shows the progress of a benchmark.

    Args:
        report: Display of the progress.
        name: Describes a failed cell.
        jobs: Name of what is counted.
        done: Past participle for what an earlier run finished.
    """
    from egraph.bench import Failure

    def listen(count: int, total: int, last: dict[str, Any] | Failure | None) -> None:
        if last is None and count:
            report.say(f"resuming: {count} of {total} are {done} already")
        if isinstance(last, Failure):
            report.say(f"  {name(last)} failed: {last.reason}")
        report(count, total, f"{count}/{total} {jobs}")

    return listen


def check_failures(
    failures: Sequence[Failure], total: int, name: Callable[[Failure], str], jobs: str
) -> None:
    """Ends the command with an error where cells failed.

    Raises:
        FailedError: At least one cell failed.
    """
    if failures:
        raise FailedError(
            f"{len(failures)} of {total} {jobs} failed, such as {name(failures[0])}: {failures[0].reason}; "
            "the same command tries them again"
        )


def check_out(out: str) -> None:
    """Refuses a file of results that the tables or the picture would overwrite.

    Raises:
        UsageError: The name has the ending of the tables or of the picture.
    """
    if Path(out).suffix in (".md", ".svg"):
        raise UsageError(
            f"{out} is the ending of the tables or of the picture; give --out a name such as bench.jsonl"
        )


def write_beside(
    out: str, rows: Sequence[dict[str, Any]], to_markdown: Callable[..., str], plot: Callable[..., object]
) -> list[str]:
    """Writes the tables and the picture beside the file of results; returns the paths of all files."""
    from egraph.files import write_text

    if not rows:
        return [out]
    page, picture = Path(out).with_suffix(".md"), Path(out).with_suffix(".svg")
    write_text(page, to_markdown(rows))
    plot(rows, picture)
    return [out, str(page), str(picture)]


def show_sections(sections: Iterable[Section]) -> None:
    """Prints tables; published results are dimmed."""
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

"""What several commands have in common: options, and how results are printed."""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from egraph.errors import FailedError, JournalError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from egraph.bench import TableScores
    from egraph.datasets import Table

__all__ = [
    "can_encode",
    "check_writable",
    "choose_metric",
    "console",
    "count_option",
    "count_workers",
    "find_journal",
    "journal_options",
    "json_option",
    "metric_option",
    "print_json",
    "read_image_path",
    "resumable",
    "root_option",
    "seed_option",
    "show_scores",
    "table_option",
    "tables_option",
    "workers_option",
]

MOST_WORKERS = 4

root_option = click.option(
    "--root",
    metavar="FOLDER",
    type=click.Path(file_okay=False),
    help="Where to look for data first; then $EGRAPH_DATA and the user's cache.",
)
_TABLE: dict[str, Any] = {"required": True, "metavar": "TABLE|FILE"}
_TABLE_HELP = "A table that `egraph data list` names, or its file"
table_option = click.option("--data", help=f"{_TABLE_HELP}.", **_TABLE)
tables_option = click.option("--data", multiple=True, help=f"{_TABLE_HELP}; can be repeated.", **_TABLE)


def count_option(
    *names: str, help: str, least: int = 1, default: int | None = None, metavar: str = "N"
) -> Callable[[Any], Any]:
    """An option that takes a whole number of at least ``least``."""
    return click.option(
        *names,
        type=click.IntRange(min=least),
        default=default,
        show_default=default is not None,
        metavar=metavar,
        help=help,
    )


seed_option = count_option("--seed", least=0, default=0, help="Of all randomness.")


def metric_option(verb: str, multiple: bool = False) -> Callable[[Any], Any]:
    """The option ``--metric``, for `choose_metric`; ``verb`` is what the command does to a metric."""
    each = "; one for each --data, in their order" if multiple else ""
    return click.option(
        "--metric",
        metavar="NAME",
        multiple=multiple,
        help=f"What to {verb}; needed where the table has several{each}.",
    )


def workers_option(what: str) -> Callable[[Any], Any]:
    """The option ``--workers``, which `count_workers` fills in; ``what`` is done by them."""
    return count_option("--workers", help=f"{what} at a time; one a core, at most {MOST_WORKERS}, otherwise.")


def count_workers(workers: int | None) -> int:
    """As many as asked for, or one a core, but few."""
    return workers or min(len(os.sched_getaffinity(0)), MOST_WORKERS)


def journal_options(otherwise: str) -> Callable[[Any], Any]:
    """The options ``--storage`` and ``--resume``; ``otherwise`` shows the default path."""
    storage = click.option(
        "--storage", metavar="FILE", help=f"The journal: {otherwise} otherwise. One that exists goes on."
    )
    resume = click.option(
        "--resume", is_flag=True, help="Only go on with a journal; refuse to begin a new one."
    )
    return lambda command: storage(resume(command))


def find_journal(storage: str | None, otherwise: str, resume: bool) -> Path:
    """Where the journal is or will be.

    Raises:
        JournalError: there is none, and none may be begun.
    """
    path = Path(storage or otherwise)
    if resume and not path.exists():
        raise JournalError(f"no journal at {path} to go on with; leave --resume out to begin one")
    return path


@contextmanager
def resumable() -> Iterator[None]:
    """Work that can be interrupted without loss: a line says so, in place of a traceback."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(
            "egraph: interrupted; nothing that was finished is lost, the same command goes on", err=True
        )
        raise click.exceptions.Exit(130) from None


def json_option(what: str) -> Callable[[Any], Any]:
    """The option ``--json``; ``what`` says what is printed then."""
    return click.option("--json", "as_json", is_flag=True, help=f"Print {what} as JSON.")


def print_json(value: Any) -> None:
    """One JSON document on standard output; NaN, which JSON has not, becomes null."""
    click.echo(json.dumps(_without_nan(value), indent=2, ensure_ascii=False, default=str))


def show_scores(scores: TableScores) -> None:
    """Prints the measures of a ranker, each with its interval."""
    for name, estimate in scores.measures.items():
        value, low, high = (
            f"{number:.3f}" if math.isfinite(number) else "–"
            for number in (estimate.value, estimate.low, estimate.high)
        )
        click.echo(f"  {name:<14} {value}   95 % interval {low} to {high}")


def console() -> Console:
    """A rich console on standard output that does not cut lines where it is no terminal."""
    from rich.console import Console

    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=240)


def can_encode(characters: str) -> bool:
    """Whether standard output can print these characters."""
    try:
        characters.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def check_writable(path: str) -> None:
    """Finds out before the work, not after it, that a file cannot be written.

    Raises:
        UsageError: the path is a folder.
        FailedError: its folder cannot be written.
    """
    if Path(path).is_dir():
        raise UsageError(f"{path} is a folder; give the name of a file to write")
    folder = Path(path).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise FailedError(
            f"cannot write {path}: {error.strerror or error}; choose another place or make room"
        ) from None


def choose_metric(table: Table, metric: str | None) -> str:
    """The metric asked for, or the only one.

    Raises:
        UsageError: none was asked for, and the table has several.
        UnknownNameError: the table has no such metric.
    """
    if metric is None:
        if len(table.metrics) != 1:
            raise UsageError(
                f"table {table.name!r} has several metrics; choose by --metric: {', '.join(table.metrics)}"
            )
        metric = next(iter(table.metrics))
    table[metric]
    return metric


def read_image_path(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Refuses a picture whose kind its name does not tell."""
    if value is not None and not value.lower().endswith((".svg", ".png")):
        raise click.BadParameter(f"the name must end in .svg or .png, got {value!r}")
    return value


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

"""Options that several commands share, and functions that print results."""

from __future__ import annotations

import functools
import json
import math
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import click

from egraph.errors import JournalError, UsageError
from egraph.files import cannot_write, expand
from egraph.journals import find_place

if TYPE_CHECKING:
    from rich.console import Console

    from egraph.bench import TableScores
    from egraph.datasets import Table

__all__ = [
    "Shares",
    "brackets_option",
    "can_encode",
    "check_writable",
    "choose_metric",
    "console",
    "count_option",
    "count_workers",
    "find_journal",
    "journal_options",
    "json_option",
    "limit_option",
    "metric_option",
    "print_json",
    "read_image_path",
    "read_limit",
    "resumable",
    "root_option",
    "seed_option",
    "shape_options",
    "show_scores",
    "stack",
    "table_option",
    "tables_option",
    "use_color",
    "workers_option",
]

MOST_WORKERS = 4

root_option = click.option(
    "--root",
    metavar="FOLDER",
    type=click.Path(file_okay=False),
    help="Folder to search for data first, before $EGRAPH_DATA and the user's cache.",
)
_TABLE: dict[str, Any] = {"required": True, "metavar": "TABLE|FILE"}
_TABLE_HELP = "A table that `egraph data list` shows, its file, or the journal of a study"
table_option = click.option("--data", help=f"{_TABLE_HELP}.", **_TABLE)
tables_option = click.option("--data", multiple=True, help=f"{_TABLE_HELP}. Repeatable.", **_TABLE)


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


def positive_option(
    name: str, *, help: str, metavar: str = "SECONDS", default: float | None = None
) -> Callable[[Any], Any]:
    """An option that takes a number above 0."""
    return click.option(
        name,
        type=click.FloatRange(min=0, min_open=True),
        default=default,
        show_default=default is not None,
        metavar=metavar,
        help=help,
    )


def read_limit(text: str) -> float | str | None:
    """A positive number, or the text of a share such as ``0.8x``; None for anything else."""
    try:
        number = float(text.removesuffix("x"))
    except ValueError:
        return None
    if not (number > 0 and math.isfinite(number)):
        return None
    return text if text.endswith("x") else number


class Limit(click.ParamType):
    """A positive number, or a share of the given network's such as 0.8x.

    Args:
        whole: Whether numbers are whole.
    """

    name = "limit"

    def __init__(self, whole: bool) -> None:
        self.whole = whole

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | int | str:
        limit = read_limit(str(value))
        if limit is None or (self.whole and not isinstance(limit, str) and not limit.is_integer()):
            kind = "a whole number above 0" if self.whole else "a number above 0"
            self.fail(f"expected {kind}, or a share such as 0.8x, got {value!r}", param, ctx)
        return int(limit) if self.whole and not isinstance(limit, str) else limit


def limit_option(name: str, unit: str, help: str, *, whole: bool = False) -> Callable[[Any], Any]:
    """An option for the largest value of a cost."""
    help = f"{help}; or 0.8x for that share of the given network's, in a space of variants of one."
    return click.option(name, type=Limit(whole), metavar=f"{unit}|SHAREx", help=help)


class Shape(click.ParamType):
    """Sides with an x between them, such as 1x28x28."""

    name = "shape"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        sides = str(value).split("x") if isinstance(value, str) else list(map(str, value))
        if not all(side.isdecimal() and int(side) > 0 for side in sides):
            self.fail(f"expected a shape such as 1x28x28, got {value!r}", param, ctx)
        return tuple(map(int, sides))


class Shares(click.ParamType):
    """Numbers with commas between them."""

    name = "shares"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        try:
            return tuple(float(part) for part in (value.split(",") if isinstance(value, str) else value))
        except ValueError:
            self.fail(f"expected three numbers such as 60,30,10, got {value!r}", param, ctx)


class Counts(click.ParamType):
    """Whole numbers of at least 1, separated by commas."""

    name = "counts"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            counts = tuple(int(part) for part in str(value).split(","))
        except ValueError:
            counts = ()
        if not counts or min(counts) < 1:
            self.fail(f"whole numbers of at least 1 with commas between them, such as 78,156; got {value!r}")
        return counts


def shape_options(of: str) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """The options ``--input`` and ``--classes``, of the networks of a builder, to go with ``of``."""
    help = f"Shape of one input for {of}, such as 1x28x28."
    return (
        click.option("--input", "input_shape", type=Shape(), metavar="NxNxN", help=help),
        count_option("--classes", help=f"Number of outputs for {of}."),
    )


seed_option = count_option("--seed", least=0, default=0, help="Seed of all random choices.")
brackets_option = count_option(
    "--brackets",
    default=1,
    help="Number of the cheapest --fidelities at which new networks enter, at equal cost; with all of them "
    "the search is Hyperband.",
)


def metric_option(verb: str, multiple: bool = False) -> Callable[[Any], Any]:
    """The option ``--metric``, for `choose_metric`; ``verb`` is what the command does with the metric."""
    each = " Give one for each --data, in their order." if multiple else ""
    return click.option(
        "--metric",
        metavar="NAME",
        multiple=multiple,
        help=f"The metric to {verb}; required where the table has several.{each}",
    )


def workers_option(what: str) -> Callable[[Any], Any]:
    """The option ``--workers``, whose default is that of `count_workers`; ``what`` names the jobs."""
    return count_option("--workers", help=f"{what} at a time. Default: one a core, at most {MOST_WORKERS}.")


def count_workers(workers: int | None) -> int:
    """The given number of workers, or one a core but at most `MOST_WORKERS`."""
    return workers or min(len(os.sched_getaffinity(0)), MOST_WORKERS)


def journal_options(otherwise: str) -> Callable[[Any], Any]:
    """The options ``--storage``, ``--resume`` and ``--force-resume``.

    Args:
        otherwise: The default path, as the help shows it.
    """
    storage = click.option(
        "--storage", metavar="FILE", help=f"The journal; an existing one is resumed. Default: {otherwise}."
    )
    resume = click.option(
        "--resume", is_flag=True, help="Only resume an existing journal; never start a new one."
    )
    force = click.option(
        "--force-resume",
        is_flag=True,
        help="Resume a journal of other data, another recipe or another seed; it keeps what differed.",
    )
    return stack([storage, resume, force])


def stack(decorators: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """One decorator for several; the help has their options in this order.

    As with stacked decorators, the last one is applied first.
    """
    return lambda command: functools.reduce(lambda made, add: add(made), reversed(decorators), command)


def use_color() -> bool:
    """Whether drawings have colours: on a terminal, unless $NO_COLOR has a value (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def find_journal(storage: str | None, otherwise: str, resume: bool) -> Path:
    """Path of the journal.

    Raises:
        JournalError: There is no journal, and ``resume`` is set.
    """
    path = find_place(storage or otherwise)
    if resume and not os.path.exists(path):
        raise JournalError(f"no journal at {path} to resume; leave --resume out to start one")
    return path


@contextmanager
def resumable() -> Iterator[None]:
    """Prints a line in place of a traceback when work that can be resumed is interrupted.

    SIGTERM, which schedulers of clusters and ``kill`` send, interrupts as Ctrl-C does.
    """
    before = signal.getsignal(signal.SIGTERM)
    main = threading.current_thread() is threading.main_thread()
    if main:
        signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        click.echo(
            "egraph: interrupted; finished work is kept, run the same command again to resume", err=True
        )
        raise click.exceptions.Exit(130) from None
    finally:
        if main:
            signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def json_option(what: str) -> Callable[[Any], Any]:
    """The option ``--json``; ``what`` names the content."""
    return click.option("--json", "as_json", is_flag=True, help=f"Print {what} as JSON.")


def print_json(value: Any) -> None:
    """Prints one JSON document; NaN, which JSON lacks, becomes null."""
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
    """A rich console on standard output that does not wrap lines unless it is a terminal."""
    from rich.console import Console

    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=240)


def can_encode(characters: str) -> bool:
    """Whether standard output can print these characters."""
    try:
        characters.encode(getattr(sys.stdout, "real_encoding", sys.stdout.encoding) or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def check_writable(path: str) -> None:
    """Checks that a file can be written, before the work instead of after it.

    Raises:
        UsageError: The path is a folder.
        FailedError: Its folder cannot be written.
    """
    if not Path(path).name:
        raise UsageError(f"expected the name of a file to write, got {path!r}")
    if os.path.isdir(path):
        raise UsageError(f"{path} is a folder; give the name of a file to write")
    folder = expand(path).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise cannot_write(path, error) from None


def choose_metric(table: Table, metric: str | None) -> str:
    """`Table.choose_metric`, with the option in the error text."""
    return table.choose_metric(metric, "choose by --metric")


def read_image_path(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Refuses a picture whose name has no known ending."""
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

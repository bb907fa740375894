"""Options for tables, and for files of your own that are read as tables."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from egraph.datasets import Table

__all__ = ["file_options", "is_own_file", "na_option", "split_list", "tell", "to_arguments"]


def split_list(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """Values of a repeatable option, each with commas between several."""
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


na_option = click.option(
    "--na",
    metavar="TEXT,...",
    multiple=True,
    callback=split_list,
    help="Cells that mean a failed measurement, such as failed,-; empty cells and nan do anyway.",
)
_OPTIONS = (
    click.option(
        "--space",
        metavar="NAME",
        help="The search space of a CSV, JSON-lines or Parquet file of your own; other tables name theirs.",
    ),
    click.option(
        "--architecture",
        default="architecture",
        show_default=True,
        metavar="COLUMN",
        help="Column with architectures, in the space's notation or one of another program.",
    ),
    click.option(
        "--lower-is-better",
        multiple=True,
        callback=split_list,
        metavar="COLUMN,...",
        help="Metrics that are costs or errors.",
    ),
    click.option(
        "--higher-is-better",
        multiple=True,
        callback=split_list,
        metavar="COLUMN,...",
        help="Metrics that are not, although their names, such as loss or latency, sound so.",
    ),
    na_option,
)


def file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options for a file of your own: the arguments of `egraph.datasets.load` in ``**reading``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def to_arguments(reading: dict[str, Any], metric: str | None) -> dict[str, Any]:
    """The arguments of `egraph.datasets.load`; a column that is named as metric is a metric."""
    return {**reading, "metrics": None if metric is None else [metric]}


def is_own_file(data: str) -> bool:
    """Whether a path is that of a CSV, JSON-lines or Parquet file that is no table of egraph."""
    from egraph.datasets._catalogue import is_table
    from egraph.datasets._sheet import PARQUET, is_sheet

    path = Path(data)
    return os.path.isfile(path) and is_sheet(path) and not (data.lower().endswith(PARQUET) and is_table(path))


def tell(table: Table, *metrics: str) -> None:
    """Tells on standard error what was read, before the work begins."""
    from egraph import datasets

    click.echo(datasets.summarise(table, *metrics), err=True)

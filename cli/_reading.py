"""Options for tables, and for files of your own that are read as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from egraph.cli._options import stack

if TYPE_CHECKING:
    from egraph.datasets import Table

__all__ = [
    "file_options",
    "metrics_option",
    "read_table",
    "row_options",
    "split_list",
    "tell",
    "with_row_options",
]


def split_list(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """Values of a repeatable option, each with commas between several."""
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


metrics_option = click.option(
    "--metric",
    "metrics",
    multiple=True,
    callback=split_list,
    metavar="COLUMN,...",
    help="Columns of a file of your own that are metrics. Default: all columns of numbers.",
)
row_options = (
    click.option(
        "--architecture",
        default="architecture",
        show_default=True,
        metavar="COLUMN",
        help="Column with the architectures of a file of your own, in the space's notation or one of another "
        "program.",
    ),
    click.option(
        "--lower-is-better",
        multiple=True,
        callback=split_list,
        metavar="COLUMN,...",
        help="Metrics of a file of your own that are costs or errors.",
    ),
    click.option(
        "--higher-is-better",
        multiple=True,
        callback=split_list,
        metavar="COLUMN,...",
        help="Metrics that are not, although their names, such as loss or latency, sound so.",
    ),
    click.option(
        "--na",
        metavar="TEXT,...",
        multiple=True,
        callback=split_list,
        help="Cells that mean a failed measurement, such as failed,-; empty cells and nan do anyway.",
    ),
)
"""Options for the rows of a file of your own, where the command has its space otherwise."""


with_row_options = stack(row_options)
"""Adds `row_options`, whose values are arguments of `egraph.datasets.load`."""


def file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options for a file of your own: the arguments of `egraph.datasets.load` in ``**reading``."""
    add = click.option(
        "--space",
        metavar="NAME",
        help="The search space of a CSV, JSON-lines or Parquet file of your own; other tables name theirs.",
    )
    return add(with_row_options(command))


def read_table(data: str, root: str | None, reading: Mapping[str, Any], *metrics: str | None) -> Table:
    """Reads a table, or a file of your own.

    Args:
        data: Name or path.
        root: Folder to search first.
        reading: How a file of your own is read: the values of the options.
        metrics: Its metrics, as far as they are named; none are all columns of numbers.
    """
    from egraph import datasets

    named = list(dict.fromkeys(metric for metric in metrics if metric is not None))
    return datasets.load(data, root, **{"metrics": named or None, **reading})


def tell(table: Table, *metrics: str) -> None:
    """Tells on standard error what was read, before the work begins."""
    from egraph import datasets

    click.echo(datasets.summarise(table, *metrics), err=True)

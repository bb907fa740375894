"""``egraph train``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from egraph.cli._options import (
    check_writable,
    count_option,
    json_option,
    metric_option,
    print_json,
    root_option,
    seed_option,
    show_scores,
)
from egraph.cli._reading import file_options, read_table, tell
from egraph.errors import UsageError

if TYPE_CHECKING:
    from egraph.bench import SourcesFit, TableFit
    from egraph.datasets import Table

__all__ = ["command"]


@click.command(
    "train",
    help="""Fit a ranker on tables of measured architectures.

    The ranker learns from --samples distinct networks, chosen by --seed, and is measured on all others. Where
    lower is better for a metric, the ranker learns its negative, so that higher scores are always better. Of
    several tables, each may have networks and units of its own; a table with few networks gives four fifths.

    FILE may also be a CSV, JSON-lines or Parquet file of your own; --space names its search space.
    """,
    epilog="Example: egraph train --data nasbench201 --metric cifar10_test_200 --samples 156 --out r.egraph",
)
@click.option(
    "--data",
    multiple=True,
    required=True,
    metavar="TABLE|FILE[:METRIC]",
    help="A table that `egraph data list` shows, its file, or the journal of a search. Repeatable: scores "
    "are compared inside each.",
)
@metric_option("learn")
@file_options
@count_option("--samples", least=2, default=100, help="Networks to learn from in each table.")
@click.option(
    "--genome",
    metavar="FILE|NAME",
    help="The ranker's network: a file that `egraph evolve` wrote, or a shipped one such as "
    "thesis-nasbench101. Default: that of `egraph.Ranker`.",
)
@click.option(
    "--out",
    required=True,
    metavar="FILE",
    help="The ranker's file; its card is written as FILE.md.",
)
@seed_option
@root_option
@json_option("the card")
def command(
    data: tuple[str, ...],
    metric: str | None,
    samples: int,
    genome: str | None,
    out: str,
    seed: int,
    root: str | None,
    as_json: bool,
    **reading: Any,
) -> None:
    """``egraph train``."""
    from egraph import bench
    from egraph.cli._progress import track_stages
    from egraph.ranker import from_genome

    check_writable(out)
    ranker = None if genome is None else from_genome(genome, seed=seed)
    with track_stages() as show:
        sources: list[tuple[Table, str]] = []
        for given in data:
            show(f"reading {given}")
            name, chosen = _read_source(given, metric)
            table = read_table(name, root, reading, chosen)
            how = "--metric" if len(data) == 1 else f"--data {name}:METRIC"
            sources.append((table, table.choose_metric(chosen, f"choose by {how}")))
            tell(table, sources[-1][1])

        def emit(stage: str, done: int, total: int) -> None:
            if stage == "fit":
                each = " of each table" if len(sources) > 1 else ""
                step = f"step {done} of {total}" * bool(total)
                show(f"fitting on {samples:,} networks{each}", done, total, step)
            else:
                show(f"measuring on {total:,} others")

        fit: TableFit | SourcesFit
        if len(sources) > 1:
            fit = bench.fit_on_tables(sources, samples, ranker=ranker, seed=seed, progress=emit)
        else:
            fit = bench.fit_on_table(*sources[0], samples, ranker=ranker, seed=seed, progress=emit)
    card = fit.card(command=shlex.join(["egraph", *sys.argv[1:]]))
    files = bench.save_with_card(fit.ranker, out, card)
    if as_json:
        print_json({**card, "files": files})
    else:
        _show(fit, card["interval coverage"], files)


def _read_source(given: str, metric: str | None) -> tuple[str, str | None]:
    """Splits ``TABLE:METRIC``; a path of a file is not split.

    Raises:
        UsageError: The metric is given twice.
    """
    from egraph.datasets._options import split_metrics

    name, named = split_metrics(given)
    if not named:
        return given, metric
    if metric is not None:
        raise UsageError(f"--data {given} names its metric, leave --metric {metric} out")
    return name, named[0]


def _show(fit: TableFit | SourcesFit, coverage: Mapping[str, Any], files: list[str]) -> None:
    from egraph.bench import TableFit

    if isinstance(fit, TableFit):
        _show_table(fit)
    else:
        _show_sources(fit)
    told = [f"{level} hold {share:.3f}" for level, share in coverage.items() if isinstance(share, float)]
    if told:
        label = f"  {'intervals':<14}" if isinstance(fit, TableFit) else "intervals of all sources:"
        click.echo(f"{label} of {', of '.join(told)} of the scores that the fit held out")
    click.echo(f"wrote {files[0]} and its card {files[1]}")
    file = shlex.quote(str(files[0]))
    click.echo(f"next: egraph rank {file} FILE    or: egraph evaluate {file} --data TABLE")


def _show_sources(fit: SourcesFit) -> None:
    count = sum(len(source.train) for source in fit.sources)
    click.echo(
        f"{len(fit.sources)} sources: learned from {count:,} networks in {fit.seconds:.1f} s; "
        "scores are compared inside a source"
    )
    for source in fit.sources:
        lower = "" if source.table.metrics[source.metric].higher_is_better else "; lower is better"
        click.echo(f"{source.name}: learned from {len(source.train):,}{lower}")
        if source.scores is None:
            click.echo("  no network is left to measure on")
        else:
            click.echo(f"  on {source.scores.rows:,} other networks")
            show_scores(source.scores)


def _show_table(fit: TableFit) -> None:
    table, metric = fit.table, fit.table.metrics[fit.metric]
    unit = f", {metric.unit}" if metric.unit else ""
    negated = "" if metric.higher_is_better else "; lower is better, so the ranker learned its negative"
    click.echo(
        f"{table.name}, {fit.metric}{unit}: learned from {len(fit.train):,} networks in {fit.seconds:.1f} s"
        f"{negated}"
    )
    click.echo(f"on {fit.scores.rows:,} other networks")
    show_scores(fit.scores)

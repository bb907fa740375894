"""``egraph bench searchers``."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import click

from egraph.cli._benchmarks import (
    check_failures,
    check_out,
    listener,
    result_options,
    show_sections,
    tell_tables,
    write_beside,
)
from egraph.cli._options import count_option, print_json
from egraph.cli._progress import track
from egraph.cli._reading import file_options
from egraph.errors import FailedError, UsageError

if TYPE_CHECKING:
    from egraph.bench import Failure
    from egraph.bench.arena import Config

__all__ = ["command"]

BENCHMARK = "nasbench201:cifar10_val_12:cifar10_test_200"


@click.command(
    "searchers",
    help="""Measure what searchers find, and after how many queries.

    A table takes the place of training. A search sees one metric and selects its best by it; another metric
    of the best is reported. Random search and regularized evolution always take part. If interrupted, run the
    same command again to resume. docs/how-to/compare-searchers.md explains the tables.
    """,
    epilog="Example: egraph bench searchers --searcher regularized-evolution --fitness table "
    "--fitness ranker:members=1 --benchmark nasbench201:cifar10_val_12:cifar10_test_200 --seeds 10",
)
@click.option(
    "--searcher", "searchers", multiple=True, metavar="NAME[:OPTION=VALUE,...]",
    help="A searcher to compare with random search and regularized evolution; `all` takes every searcher. "
    "Repeatable.",
)  # fmt: skip
@click.option(
    "--fitness", multiple=True, metavar="NAME[:OPTION=VALUE,...]",
    help="The fitness that searchers see: table (default), ranker, zero-cost or constant. Repeatable.",
)  # fmt: skip
@click.option(
    "--benchmark", "benchmarks", multiple=True, metavar="TABLE:METRIC:TEST",
    help="A table, its file, or a file of your own, the metric that a query returns and that selects the "
    "best, and the metric that is reported of the best; "
    f"TABLE:METRIC where they are the same. Default: {BENCHMARK}. Repeatable.",
)  # fmt: skip
@count_option("--queries", help="Architectures that each search may query. Default: 150.")
@count_option("--seeds", help="Searches of each kind, with seeds from 0 on. Default: 50.")
@click.option(
    "--config", metavar="FILE",
    help="A TOML file with all of the above; --benchmark, --queries and --seeds override it.",
)  # fmt: skip
@file_options
@result_options("Searches", "runs/searchers.jsonl")
def command(
    searchers: tuple[str, ...], fitness: tuple[str, ...], benchmarks: tuple[str, ...], queries: int | None,
    seeds: int | None, config: str | None, processes: int, out: str, root: str | None, as_json: bool,
    **reading: Any,
) -> None:  # fmt: skip
    """``egraph bench searchers``."""
    from egraph.bench import arena

    check_out(out)
    wanted = _read(searchers, fitness, config)
    for contestant, reason in wanted.skipped:
        click.echo(f"skipped: {arena.name(contestant.searcher, contestant.fitness)}: {reason}", err=True)
    cells = arena.plan(
        wanted.contestants,
        benchmarks or wanted.benchmarks or [BENCHMARK],
        queries=queries or wanted.queries,
        seeds=seeds or wanted.seeds,
        root=root,
        reading=reading,
    )
    data = tell_tables([(cell.benchmark, cell.metric, cell.test) for cell in cells], root, reading)
    with track("searching") as report:
        listen = listener(report, _name, "searches", "done")
        result = arena.run(cells, out=out, processes=processes, root=root, reading=reading, progress=listen)
    written = write_beside(out, result.rows, arena.to_markdown, arena.plot)
    if as_json:
        tables = {"summary": result.summary, "comparison": result.comparison}
        skipped = [
            {"searcher": each.searcher, "fitness": each.fitness, "reason": reason}
            for each, reason in wanted.skipped
        ]
        found = {name: table.to_dict("records") for name, table in tables.items()}
        print_json({**found, "results": result.rows, "skipped": skipped, "data": data})
    else:
        show_sections(arena.arrange(result.rows))
        click.echo("\nwrote " + ", ".join(written))
    check_failures(result.failures, len(cells), _name, "searches")


def _read(searchers: tuple[str, ...], fitness: tuple[str, ...], config: str | None) -> Config:
    """The configuration file or the options; searchers of `all` that cannot be loaded are skipped."""
    from egraph.bench import arena
    from egraph.searchers import get, names

    if config is not None:
        if searchers or fitness:
            raise UsageError("--config lists what is compared; leave --searcher and --fitness out")
        return arena.read_config(config)
    skipped = []
    if "all" in searchers:
        searchers = ()
        for name in names():
            try:
                get(name)
                searchers += (name,)
            except FailedError as error:  # the broken package of one searcher does not affect the others
                skipped.append((arena.Contestant(name), str(error)))
    if fitness and not searchers:
        searchers = tuple(arena.BASELINES.values())
    pairs = itertools.product(searchers, fitness or ("table",))
    return arena.Config([arena.Contestant(*pair) for pair in pairs], skipped)


def _name(failure: Failure) -> str:
    from egraph.bench import arena

    cell = failure.cell
    return f"{arena.name(cell.searcher, cell.fitness)} on {cell.benchmark}, seed {cell.seed}"

"""``egraph evaluate``."""

from __future__ import annotations

from typing import Any

import click

from egraph.cli._options import (
    choose_metric,
    json_option,
    print_json,
    root_option,
    seed_option,
    show_scores,
)
from egraph.cli._reading import file_options, read_table, tell
from egraph.errors import UsageError

__all__ = ["command"]


@click.command(
    "evaluate",
    help="""Measure how well a ranker orders a table.

    Networks that the ranker learned from are left out, as far as its card lists them. FILE may also be a CSV,
    JSON-lines or Parquet file of your own; its search space is that of the ranker unless --space names one.
    """,
    epilog="Example: egraph evaluate r.egraph --data nasbench201 --metric cifar100_test_200",
)
@click.argument("ranker", metavar="RANKER", type=click.Path())
@click.option(
    "--data",
    metavar="TABLE|FILE",
    help="A table, its file, or the journal of a study. Default: the one that the ranker learned from.",
)
@click.option(
    "--metric", metavar="NAME", help="Metric to compare with. Default: the one that the ranker learned."
)
@file_options
@seed_option
@root_option
@json_option("the scores")
def command(
    ranker: str, data: str | None, metric: str | None, seed: int, root: str | None, as_json: bool,
    **reading: Any,
) -> None:  # fmt: skip
    """``egraph evaluate``."""
    from egraph import bench, datasets
    from egraph.cli._progress import track_stages
    from egraph.service import open_ranker

    model = open_ranker(ranker)
    card = model.card
    data = data or card.get("data", {}).get("table")
    if data is None:
        raise UsageError(f"the card of {ranker} names no table; give one with --data")
    with track_stages() as show:
        show(f"reading {data}")
        if datasets.is_measured_file(data):
            reading["space"] = reading["space"] or card.get("space")
        table = read_table(data, root, reading, metric)
        learned = card.get("metric", {}).get("name")
        metric = choose_metric(table, metric or (learned if learned in table.metrics else None))
        tell(table, metric)
        found = bench.score_on_table(
            model,
            table,
            metric,
            seed=seed,
            progress=lambda stage, done, total: show(f"measuring on {total:,} networks"),
        )
    if as_json:
        described = bench.describe_table(table, metric)
        print_json({**described, "excluded": found.excluded, "scores": found.to_dict()})
        return
    click.echo(
        f"{table.name}, {metric}: {found.rows:,} networks, {found.excluded:,} left out that the ranker "
        "learned from"
    )
    show_scores(found)

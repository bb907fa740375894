"""``egraph evaluate``."""

from __future__ import annotations

import click
import numpy as np

from egraph.cli._options import (
    choose_metric,
    finite_scores,
    json_option,
    print_json,
    root_option,
    seed_option,
)
from egraph.errors import UsageError

__all__ = ["command"]


@click.command(
    "evaluate", epilog="Example: egraph evaluate r.egraph --data nasbench201 --metric cifar100_test_200"
)
@click.argument("ranker", metavar="RANKER", type=click.Path())
@click.option(
    "--data", metavar="TABLE|FILE", help="A table or its file; the one the ranker learned from otherwise."
)
@click.option("--metric", metavar="NAME", help="What to compare with; what the ranker learned otherwise.")
@seed_option
@root_option
@json_option("the scores")
def command(
    ranker: str, data: str | None, metric: str | None, seed: int, root: str | None, as_json: bool
) -> None:
    """Measure how well a ranker orders a table.

    Networks that the ranker learned from are left out, as far as its card tells.
    """
    from egraph import datasets
    from egraph.cli._card import describe_table, fingerprint, measure, show_scores
    from egraph.cli._progress import track
    from egraph.cli._rankers import open_ranker

    model = open_ranker(ranker)
    card = model.card
    data = data or card.get("data", {}).get("table")
    if data is None:
        raise UsageError(f"the card of {ranker} names no table; give one by --data")
    with track(f"reading {data}"):
        table = datasets.load(data, root)
        learned = card.get("metric", {}).get("name")
        metric = choose_metric(table, metric or (learned if learned in table.metrics else None))
        distinct = table.distinct()
    seen = set(card.get("trained on", ())) if card.get("space") == table.space.name else set()
    fresh = np.flatnonzero([fingerprint(key) not in seen for key in distinct.keys])
    if len(fresh) < 2:
        raise UsageError(
            f"the ranker has learned from all but {len(fresh)} networks of {table.name!r}; nothing is left"
        )
    rest = distinct.take(fresh)
    scores = finite_scores(rest, metric)
    with track(f"measuring on {len(rest):,} networks"):
        found = measure(model, rest, scores, seed)
    excluded = len(distinct) - len(rest)
    if as_json:
        print_json({**describe_table(table, metric), "excluded": excluded, "scores": found})
        return
    click.echo(
        f"{table.name}, {metric}: {len(rest):,} networks, {excluded:,} left out that the ranker learned from"
    )
    show_scores(found)

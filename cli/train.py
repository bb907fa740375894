"""``egraph train``."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import Any

import click

from egraph.cli._options import (
    check_writable,
    choose_metric,
    count_option,
    finite_scores,
    json_option,
    metric_option,
    print_json,
    root_option,
    seed_option,
    table_option,
)
from egraph.errors import UsageError

__all__ = ["command"]


@click.command(
    "train",
    epilog="Example: egraph train --data nasbench201 --metric cifar10_test_200 --samples 156 --out r.egraph",
)
@table_option
@metric_option("learn")
@count_option("--samples", least=2, default=100, help="Networks to learn from.")
@click.option(
    "--genome",
    metavar="FILE|NAME",
    help="The ranker's network: a file that `egraph evolve` wrote, or a shipped one such as "
    "thesis-nasbench101; the default one otherwise.",
)
@click.option(
    "--out", required=True, metavar="FILE", help="The ranker's file; the card goes beside it, as FILE.md."
)
@seed_option
@root_option
@json_option("the card")
def command(
    data: str,
    metric: str | None,
    samples: int,
    genome: str | None,
    out: str,
    seed: int,
    root: str | None,
    as_json: bool,
) -> None:
    """Fit a ranker on a table of measured architectures.

    It learns from --samples distinct networks, chosen by --seed, and is measured on all others. Where lower
    is better for a metric, the ranker learns its negative: of its scores, the higher is always the better.
    """
    from egraph import datasets
    from egraph.cli._card import (
        describe_coverage,
        describe_table,
        fingerprint,
        measure,
        show_coverage,
        show_scores,
        versions,
        write_page,
    )
    from egraph.cli._progress import track
    from egraph.files import write_text
    from egraph.ranker import Ranker, from_genome

    check_writable(out)
    model = Ranker(seed=seed) if genome is None else from_genome(genome, seed=seed)
    with track(f"reading {data}"):
        table = datasets.load(data, root)
        metric = choose_metric(table, metric)
        distinct = table.distinct()
    if samples >= len(distinct):
        raise UsageError(
            f"--samples must leave networks to measure on: {table.name!r} has {len(distinct):,}, "
            f"got {samples:,}"
        )
    finite_scores(distinct, metric)
    train, rest = distinct.split(samples, seed)

    started = time.perf_counter()
    with track(f"fitting on {samples:,} networks") as report:
        ranker = model.fit(
            train.architectures,
            train.scores(metric),
            progress=lambda done, steps: report(done, steps, f"step {done} of {steps}"),
        )
    seconds = time.perf_counter() - started
    with track(f"measuring on {len(rest):,} others"):
        scores = measure(ranker, rest, rest.scores(metric), seed)
    card: dict[str, Any] = {
        **describe_table(table, metric),
        "split": {
            "networks learned from": samples,
            "measured on": len(rest),
            "seed": seed,
            "by": "key, all distinct networks",
        },
        "scores": scores,
        "interval coverage": describe_coverage(ranker),
        "seconds": {"fit": round(seconds, 2)},
        "ranker": {name: str(value) for name, value in ranker.get_params().items()},
        "versions": versions(),
        "command": shlex.join(["egraph", *sys.argv[1:]]),
        "trained on": sorted(map(fingerprint, train.keys)),
    }
    ranker.save(out, card=card)
    page = f"{out}.md"
    write_text(page, write_page(card, Path(out).name))
    if as_json:
        print_json({**card, "files": [out, page]})
        return
    unit = f", {table.metrics[metric].unit}" if table.metrics[metric].unit else ""
    negated = (
        ""
        if table.metrics[metric].higher_is_better
        else "; lower is better, so the ranker learned its negative"
    )
    click.echo(f"{table.name}, {metric}{unit}: learned from {samples:,} networks in {seconds:.1f} s{negated}")
    click.echo(f"on {len(rest):,} other networks")
    show_scores(scores)
    show_coverage(card["interval coverage"])
    click.echo(f"wrote {out} and its card {page}")
    click.echo(f"next: egraph rank {out} FILE    or: egraph evaluate {out} --data TABLE")

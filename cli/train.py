"""``egraph train``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from egraph.cli._options import (
    check_writable,
    choose_metric,
    count_option,
    json_option,
    metric_option,
    print_json,
    root_option,
    seed_option,
    show_scores,
    table_option,
)

if TYPE_CHECKING:
    from egraph.bench import TableFit

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

    The ranker learns from --samples distinct networks, chosen by --seed, and is measured on all others. Where
    lower is better for a metric, the ranker learns its negative, so that higher scores are always better.
    """
    from egraph import bench, datasets
    from egraph.cli._progress import track_stages
    from egraph.ranker import from_genome

    check_writable(out)
    ranker = None if genome is None else from_genome(genome, seed=seed)
    with track_stages() as show:
        show(f"reading {data}")
        table = datasets.load(data, root)
        metric = choose_metric(table, metric)

        def emit(stage: str, done: int, total: int) -> None:
            if stage == "fit":
                show(f"fitting on {samples:,} networks", done, total, f"step {done} of {total}" * bool(total))
            else:
                show(f"measuring on {total:,} others")

        fit = bench.fit_on_table(table, metric, samples, ranker=ranker, seed=seed, progress=emit)
    card = fit.card(command=shlex.join(["egraph", *sys.argv[1:]]))
    files = bench.save_with_card(fit.ranker, out, card)
    if as_json:
        print_json({**card, "files": files})
    else:
        _show(fit, card["interval coverage"], files)


def _show(fit: TableFit, coverage: Mapping[str, Any], files: list[str]) -> None:
    table, metric = fit.table, fit.table.metrics[fit.metric]
    unit = f", {metric.unit}" if metric.unit else ""
    negated = "" if metric.higher_is_better else "; lower is better, so the ranker learned its negative"
    click.echo(
        f"{table.name}, {fit.metric}{unit}: learned from {len(fit.train):,} networks in {fit.seconds:.1f} s"
        f"{negated}"
    )
    click.echo(f"on {fit.scores.rows:,} other networks")
    show_scores(fit.scores)
    told = [f"{level} hold {share:.3f}" for level, share in coverage.items() if isinstance(share, float)]
    if told:
        click.echo(f"  {'intervals':<14} of {', of '.join(told)} of the scores that the fit held out")
    click.echo(f"wrote {files[0]} and its card {files[1]}")
    click.echo(f"next: egraph rank {files[0]} FILE    or: egraph evaluate {files[0]} --data TABLE")

"""``egraph bench``."""

from __future__ import annotations

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
from egraph.cli._options import Counts, count_option, print_json
from egraph.cli._progress import track
from egraph.cli._reading import file_options
from egraph.cli._searchers import command as searchers
from egraph.cli._studies import COMMANDS

if TYPE_CHECKING:
    from egraph.bench import Failure

__all__ = ["command"]


@click.group(
    "bench",
    help="Compare predictors by labels, searchers by queries, and cheap trainings with full ones.",
    epilog="Example: egraph bench predictors",
)
def command() -> None:
    """``egraph bench``."""


for each in (searchers, *COMMANDS):
    command.add_command(each)


@command.command(
    "predictors",
    help="""Measure how well predictors order networks that they have not seen.

    Each predictor is fitted with each number of labels and each seed, and scores all other networks. If
    interrupted, run the same command again to resume: results in --out are not measured again.
    docs/how-to/compare-predictors.md explains the protocols.
    """,
    epilog="Example: egraph bench predictors --predictor egraph --benchmark nasbench101:val_acc_108 "
    "--samples 100,424 --seeds 3",
)
@click.option(
    "--predictor", "predictors", multiple=True, metavar="NAME", default=("egraph",), show_default=True,
    help="A predictor to measure: egraph, egraph-regression, egraph-thesis, renas-7x7, renas-19x7x7, "
    "brp-nas, wl-gp, mlp, forest, boosting, xgboost, one of an installed package, or `all` of them; or "
    "MODULE:NAME of your own. Repeatable.",
)  # fmt: skip
@click.option(
    "--benchmark", "benchmarks", multiple=True, metavar="TABLE:METRIC",
    default=("nasbench201:cifar10_test_200",), show_default=True,
    help="A table, its file, or a file of your own, and the metric to predict. Repeatable.",
)  # fmt: skip
@click.option(
    "--samples", type=Counts(), default="78,156", show_default=True, metavar="N,N,...",
    help="Numbers of training labels.",
)  # fmt: skip
@count_option("--seeds", default=5, help="Splits, with seeds from 0 on.")
@click.option(
    "--protocol", default="key", show_default=True, metavar="NAME",
    help="Choice of training and test networks: key, pinat, tagates or thesis.",
)  # fmt: skip
@count_option("--top", "k", default=10, metavar="K", help="The k of precision@k and regret@k.")
@click.option(
    "--shuffle-labels", "shuffled", is_flag=True,
    help="Learn from shuffled labels; every tau must then be 0 within noise.",
)  # fmt: skip
@file_options
@result_options("Fits", "runs/bench.jsonl")
def predictors(
    predictors: tuple[str, ...], benchmarks: tuple[str, ...], samples: tuple[int, ...], seeds: int,
    protocol: str, k: int, shuffled: bool, processes: int, out: str, root: str | None, as_json: bool,
    **reading: Any,
) -> None:  # fmt: skip
    """``egraph bench predictors``."""
    from egraph import bench

    check_out(out)
    if "all" in predictors:
        from egraph.baselines import predictors as registry

        predictors = tuple(registry)
    cells = bench.plan(
        predictors, benchmarks, samples, seeds=seeds, protocol=protocol, k=k, shuffled=shuffled, root=root,
        reading=reading,
    )  # fmt: skip
    data = tell_tables([(cell.benchmark, cell.metric) for cell in cells], root, reading)
    with track("measuring") as report:
        result = bench.run(
            cells, predictors, out=out, processes=processes, root=root, reading=reading,
            progress=listener(report, _name, "fits", "measured"),
        )  # fmt: skip
    written = write_beside(out, result.rows, bench.to_markdown, bench.plot)
    if as_json:
        print_json({"summary": result.summary.to_dict("records"), "results": result.rows, "data": data})
    else:
        show_sections(bench.arrange(result.rows))
        click.echo("\nwrote " + ", ".join(written))
    check_failures(result.failures, len(result.failures) + len(result.rows), _name, "fits")


def _name(failure: Failure) -> str:
    cell = failure.cell
    return f"{cell.predictor} on {cell.benchmark} with {cell.samples} labels, seed {cell.seed}"

"""``egraph bench epochs``, ``noise``, ``retention`` and ``darts``: studies."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
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
from egraph.cli._options import Counts, count_option, print_json, seed_option
from egraph.cli._progress import track
from egraph.cli._reading import file_options
from egraph.errors import UsageError

if TYPE_CHECKING:
    from egraph import datasets
    from egraph.bench import Failure

__all__ = ["COMMANDS"]


@click.command(
    "epochs",
    help="""Measure how well few epochs order the networks of a table.

    Kendall's tau between the accuracies after different numbers of epochs, plain and rounded to whole per
    cents, with standard errors from the bootstrap. If interrupted, run the same command again to resume.
    """,
    epilog="Example: egraph bench epochs --table nasbench201 --metric cifar10_val_12 "
    "--metric cifar10_val_200",
)
@click.option(
    "--table",
    default="nasbench101",
    show_default=True,
    metavar="NAME|FILE",
    help="The table, or a file of your own.",
)
@click.option(
    "--metric", "metrics", multiple=True, metavar="NAME[=EPOCHS:UNIT]",
    help="An accuracy after some number of epochs. Repeatable. Default: the validation accuracies of the "
    "table. Of a file of your own, with the number and with the unit, percent or fraction: val=12:percent.",
)  # fmt: skip
@count_option("--resamples", default=800, least=2, help="Bootstrap resamples for the standard errors.")
@seed_option
@file_options
@result_options("Pairs of budgets", "runs/epochs.jsonl")
def epochs(
    table: str, metrics: tuple[str, ...], resamples: int, seed: int, processes: int, out: str,
    root: str | None, as_json: bool, **reading: Any,
) -> None:  # fmt: skip
    """``egraph bench epochs``."""
    from egraph.bench.studies import epochs as study

    check_out(out)
    names, described = _read_metrics(metrics)
    if described:
        reading["metrics"] = described
    cells = study.plan(table, names, resamples=resamples, seed=seed, root=root, reading=reading)

    def run(progress: Any) -> Any:
        return study.run(cells, out=out, processes=processes, root=root, reading=reading, progress=progress)

    def name(failure: Failure) -> str:
        return f"{failure.cell.first} and {failure.cell.second}"

    wanted = dict.fromkeys(name for cell in cells for name in (cell.first, cell.second))
    data = tell_tables([(table, *wanted)], root, reading)
    _measure(study, run, name, "pairs", out, as_json, data)


_METRIC = re.compile(r"(?P<name>.+)=(?P<epochs>\d{1,9}):(?P<unit>\w+)")


def _read_metrics(given: Sequence[str]) -> tuple[list[str], dict[str, datasets.Metric]]:
    """The names of metrics, and the descriptions of those that have one."""
    from egraph import datasets
    from egraph.bench.studies.epochs import SCALES

    names, described = [], {}
    for text in given:
        found = _METRIC.fullmatch(text)
        if "=" in text and (found is None or found["unit"] not in SCALES or not int(found["epochs"])):
            raise UsageError(
                f"--metric is NAME, or NAME=EPOCHS:UNIT such as val=12:percent with one of the units "
                f"{', '.join(SCALES)}; got {text!r}"
            )
        names.append(text if found is None else found["name"])
        if found is not None:
            epochs = int(found["epochs"])
            described[names[-1]] = datasets.Metric(found["unit"], "validation", epochs)
    return names, described


@click.command(
    "noise",
    help="""Measure what a search finds that sees a function with noise.

    A genetic algorithm minimises Rastrigin functions with noise of given tau; of the best point, the share of
    points that are better without noise is reported after 10, 100 and 1,000 generations. If interrupted, run
    the same command again to resume.
    """,
    epilog="Example: egraph bench noise --dimensions 2,3 --taus 0.85,0.75 --functions 4",
)
@click.option(
    "--dimensions", type=Counts(), default="2,3,4", show_default=True, metavar="N,N,...",
    help="Numbers of dimensions of the Rastrigin function.",
)  # fmt: skip
@click.option(
    "--taus", default="0.95,0.85,0.75,0.65", show_default=True, metavar="X,X,...",
    help="Kendall's taus between the functions with and without noise.",
)  # fmt: skip
@count_option("--functions", default=10, help="Functions of each kind, which differ by their noise.")
@count_option("--searches", default=100, help="Searches of each function.")
@result_options("Functions", "runs/noise.jsonl")
def noise(
    dimensions: tuple[int, ...], taus: str, functions: int, searches: int, processes: int, out: str,
    root: str | None, as_json: bool,
) -> None:  # fmt: skip
    """``egraph bench noise``."""
    from egraph.bench.studies import noise as study

    check_out(out)
    try:
        wanted = [float(each) for each in taus.split(",")]
    except ValueError:
        raise UsageError(
            f"--taus are numbers with commas between them, such as 0.85,0.75; got {taus!r}"
        ) from None
    cells = study.plan(dimensions, wanted, functions=functions, searches=searches)

    def name(failure: Failure) -> str:
        return f"{failure.cell.dimensions} dimensions with tau {failure.cell.tau}"

    def run(progress: Any) -> Any:
        return study.run(cells, out=out, processes=processes, progress=progress)

    _measure(study, run, name, "functions", out, as_json)


@click.command(
    "retention",
    help="""Measure how well brief trainings by one optimizer order networks as full ones by another.

    Random networks are trained by seven optimizers and measured on the way. If interrupted, run the same
    command again to resume.
    """,
    epilog="Example: egraph bench retention --networks 40 --epochs 1,5,20",
)
@count_option("--networks", default=20, least=2, help="Random networks, with seeds from 0 on.")
@click.option(
    "--epochs", type=Counts(), default="1,2,5,10,20", show_default=True, metavar="N,N,...",
    help="Numbers of epochs after which networks are measured; the last is the full training.",
)  # fmt: skip
@click.option(
    "--space", default="deepneat", show_default=True, metavar="NAME", help="Search space of the networks."
)
@click.option(
    "--data", default="digits", show_default=True, metavar="NAME|PATH",
    help="Data to train on; docs/how-to/own-data.md lists all kinds.",
)  # fmt: skip
@count_option("--channels", default=16, help="Width of the networks, in spaces that offer a choice.")
@count_option("--batch-size", default=16, least=2, help="Examples in a step.")
@result_options("Trainings", "runs/retention.jsonl")
def retention(
    networks: int, epochs: tuple[int, ...], space: str, data: str, channels: int, batch_size: int,
    processes: int, out: str, root: str | None, as_json: bool,
) -> None:  # fmt: skip
    """``egraph bench retention``."""
    from egraph import datasets
    from egraph.bench.studies import retention as study

    check_out(out)
    cells = study.plan(networks, epochs, space=space, data=data, channels=channels, batch_size=batch_size)
    read = datasets.images(data, root)
    click.echo(f"{read.name}: {read.describe()}", err=True)

    def name(failure: Failure) -> str:
        return f"network {failure.cell.network} by {failure.cell.optimizer}"

    def run(progress: Any) -> Any:
        return study.run(cells, out=out, processes=processes, root=root, progress=progress)

    _measure(study, run, name, "trainings", out, as_json, [read.summary()])


@click.command(
    "darts",
    help="""Compare differentiable methods, or numbers of workers.

    Each method trains a supernet for each seed. Derived architectures are looked up in a table, compared by
    graph edit distance within and between methods, and, with --final-epochs, trained by several recipes.
    Random architectures are beside them. If interrupted, run the same command again to resume.
    """,
    epilog="Example: egraph bench darts --method darts --method gdas --data digits --epochs 10 --seeds 2",
)
@click.option(
    "--method", "methods", multiple=True, metavar="NAME[:OPTION=VALUE,...]",
    help="Differentiable method. Repeatable. Default: darts, gdas, pc-darts, drnas and rsps.",
)  # fmt: skip
@count_option("--seeds", default=3, help="Seeds of each method, from 0 on.")
@click.option(
    "--workers", type=Counts(), default="1", show_default=True, metavar="N,N,...",
    help="Numbers of processes that train one supernet; they average weights after each epoch.",
)  # fmt: skip
@click.option(
    "--space", default="nasbench201", show_default=True, metavar="NAME", help="Search space of the supernets."
)
@click.option(
    "--data", default="fashion-mnist", show_default=True, metavar="NAME|PATH",
    help="Data to train on; docs/how-to/own-data.md lists all kinds.",
)  # fmt: skip
@count_option("--examples", default=2_000, help="Training examples that are used, at most.")
@count_option("--epochs", default=30, help="Epochs of a search.")
@count_option("--channels", default=8, help="Width of the supernets.")
@count_option("--cells", default=1, help="Cells of the supernets, in each stage where there are stages.")
@count_option("--batch-size", default=64, least=2, help="Examples in a step of one worker.")
@click.option("--rate", type=float, default=3e-3, show_default=True, help="Learning rate of the logits.")
@count_option("--final-epochs", default=0, least=0, help="Epochs of each final training; 0 for none.")
@click.option(
    "--metric", metavar="TABLE:COLUMN",
    help="Where derived architectures are looked up, such as nasbench201:cifar10_test_200.",
)  # fmt: skip
@result_options("Searches", "runs/darts.jsonl")
def darts(
    methods: tuple[str, ...], seeds: int, workers: tuple[int, ...], data: str, metric: str | None,
    processes: int, out: str, root: str | None, as_json: bool, **settings: Any,
) -> None:  # fmt: skip
    """``egraph bench darts``."""
    from egraph import datasets
    from egraph.bench.studies import darts as study

    check_out(out)
    table, _, column = (metric or "").rpartition(":")
    if metric and not (table and column):
        raise UsageError(f"--metric is TABLE:COLUMN, such as nasbench201:cifar10_test_200; got {metric!r}")
    settings |= {"workers": workers, "data": data, "table": table, "metric": column}
    cells = study.plan(methods or study.METHODS, range(seeds), **settings)
    read = datasets.images(data, root)
    click.echo(f"{read.name}: {read.describe()}", err=True)

    def name(failure: Failure) -> str:
        return f"{failure.cell.method} with seed {failure.cell.seed}"

    def run(progress: Any) -> Any:
        return study.run(cells, out=out, processes=processes, root=root, progress=progress)

    _measure(study, run, name, "searches", out, as_json, [read.summary()])


def _measure(
    study: Any,
    run: Callable[[Any], tuple[Sequence[dict[str, Any]], Sequence[Failure]]],
    name: Callable[[Failure], str],
    jobs: str,
    out: str,
    as_json: bool,
    data: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Runs a study, writes its files and shows its tables."""
    with track("measuring") as report:
        rows, failures = run(listener(report, name, jobs, "measured"))
    written = write_beside(out, list(rows), study.to_markdown, study.plot)
    if as_json:
        print_json({"results": list(rows), "data": list(data)})
    elif rows:
        show_sections(study.arrange(rows))
        click.echo("\nwrote " + ", ".join(written))
    check_failures(failures, len(failures) + len(rows), name, jobs)


COMMANDS = (epochs, noise, retention, darts)
"""The commands."""

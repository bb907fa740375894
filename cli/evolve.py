"""``egraph evolve``."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from egraph.cli._executors import executor_options, read_executor
from egraph.cli._options import (
    choose_metric,
    count_option,
    find_journal,
    journal_options,
    json_option,
    metric_option,
    print_json,
    resumable,
    root_option,
    seed_option,
    tables_option,
    use_color,
    workers_option,
)
from egraph.cli._reading import read_table, tell, with_row_options
from egraph.errors import UsageError

if TYPE_CHECKING:
    from egraph.architecture import Architecture
    from egraph.datasets import Table
    from egraph.evolve import Evolution, Split
    from egraph.spaces import SearchSpace
    from egraph.spaces.graphsage import GraphSageSpace

__all__ = ["command"]


@click.command(
    "evolve",
    help="""Evolve the ranker's own network on one or more tables.

    A genome is a graph of GraphSAGE layers and a read-out. Its fitness is how well its ranker, after a short
    training, orders the validation networks of a table, or the mean over several tables. The best genomes are
    trained again with fresh seeds. The winner is compared with the default ranker on networks that nothing
    was chosen by.

    If interrupted, run the same command again to resume. A larger --cycles continues a finished evolution.
    """,
    epilog="Example: egraph evolve --data nasbench101 --metric val_acc_108 --workers 2. "
    "With the defaults this takes hours. For a first result in two minutes, add --aggregators pool "
    "--filters 32 --population 10 --cycles 20 --no-full",
)
@tables_option
@metric_option("rank by", multiple=True)
@click.option(
    "--data-space",
    metavar="NAME",
    help="The search space of the networks in a CSV, JSON-lines or Parquet file of your own; other tables "
    "name theirs.",
)
@with_row_options
@click.option(
    "--space",
    type=click.Choice(["graphsage", "graphsage-wide"]),
    default="graphsage",
    show_default=True,
    help="The genes: those of the published search, or also other aggregators and hyper-parameters.",
)
@click.option(
    "--aggregators",
    metavar="NAME,...",
    help="Use only these aggregators: lstm, pool; in graphsage-wide also sum and mean. Default: all. Without "
    "lstm, a genome takes seconds instead of minutes.",
)
@click.option(
    "--start",
    metavar="GENOME",
    help="Genome that the first ones are mutated from: a file, or a shipped one. Default: one layer each.",
)
@click.option(
    "--training",
    type=click.Choice(["reduced", "single"]),
    default="reduced",
    show_default=True,
    help="Training of a genome: short, as published, or that of one network of a ranker.",
)
@count_option("--cycles", least=0, default=400, help="Children after the first population, one a cycle.")
@count_option("--population", default=100, help="Genomes in the population.")
@count_option("--sample", default=25, help="Genomes that compete to be the parent.")
@count_option("--train", least=2, default=150, help="Networks that rankers learn from.")
@count_option("--validation", least=2, default=350, help="Networks that genomes are chosen by.")
@count_option("--filters", help="Width of a layer of standard width. Default: 300, or that of --start.")
@workers_option("Genomes trained")
@executor_options
@journal_options("runs/evolve-DATA-SEED.db")
@count_option("--repeats", default=3, help="Seeds for the choice among the best, and for the comparison.")
@count_option(
    "--least-evaluations",
    default=1,
    help="Fewest evaluations of the winner in the search; the thesis takes 25 of 500.",
)
@click.option("--no-full", is_flag=True, help="Compare after the short training only.")
@seed_option
@root_option
@json_option("the result")
def command(
    data: tuple[str, ...], metric: tuple[str, ...], space: str, aggregators: str | None,
    start: str | None, training: str, cycles: int, population: int, sample: int, train: int, validation: int,
    filters: int | None, workers: int | None, executor: str | None, address: str | None,
    storage: str | None, resume: bool, force_resume: bool,
    repeats: int, least_evaluations: int, no_full: bool, seed: int, root: str | None, as_json: bool,
    data_space: str | None, **reading: Any,
) -> None:  # fmt: skip
    """``egraph evolve``."""
    from egraph import datasets, evolve, report
    from egraph.bench import describe_table
    from egraph.cli._progress import track_stages
    from egraph.cli._search.listening import Listener

    engine, count = read_executor(executor, address, workers)
    names = "+".join(Path(each).stem for each in data)
    path = find_journal(storage, f"runs/evolve-{names}-{seed}.db", resume)
    where, width = _find_space(space, aggregators, start)
    filters = filters or width
    parameters = evolve.single_training() if training == "single" else None
    reading["space"] = data_space
    tables = _read_tables(data, metric, root, reading)
    splits = [evolve.split_table(*read, train=train, validation=validation, seed=seed) for read in tables]
    evaluator = evolve.RankerEvaluator(*splits, filters=filters, training=parameters)
    with evolve.make_study(
        where, evaluator, storage=path, seed=seed, workers=count, executor=engine,
        population=population, sample=min(sample, population), force_resume=force_resume,
    ) as study, resumable(), track_stages() as show:  # fmt: skip

        def emit(stage: str, done: int, total: int) -> None:
            if stage == "choose":
                show("training the best genomes again", done, total, f"{done}/{total}")
            else:
                show("measuring on other networks", done, total, f"{done} of {total} fits" * bool(total))

        found = evolve.run(
            study, splits, population + cycles, filters=filters, training=parameters, repeats=repeats,
            least=least_evaluations, full=not no_full, command=shlex.join(["egraph", *sys.argv[1:]]),
            listen=Listener(show, study, population + cycles), progress=emit,
        )  # fmt: skip
    files = {"journal": str(path), **found.save(path), "report": str(path.with_suffix(".html"))}
    report.write(path, files["report"])
    if as_json:
        read = [describe_table(*each) for each in tables]
        print_json(
            {
                "genome": found.genome.architecture.to_dict(),
                **found.genome.provenance,
                "files": files,
                "data": read,
            }
        )
        return
    more = f", more than the {population + cycles} asked for" * (len(found.trials) > population + cycles)
    click.echo(study.stopped + more)
    _show(found, where, splits, files)
    told = _repeat(reading) if datasets.is_measured_file(data[0]) else []
    _show_next(files, data[0], splits[0].metric, told, children=max(len(found.trials) - population, 1))


def _find_space(name: str, aggregators: str | None, start: str | None) -> tuple[GraphSageSpace, int]:
    """The space of genomes under the given options, and the standard width of its layers."""
    from egraph import spaces
    from egraph.ranker import Genome
    from egraph.ranker.genome import FILTERS
    from egraph.spaces.graphsage import GraphSageSpace

    space = spaces.get(name)
    assert isinstance(space, GraphSageSpace)
    if aggregators:
        space = space.narrow([each.strip() for each in aggregators.split(",")])
    if not start:
        return space, FILTERS
    first = Genome.load(start)
    return space.begin_at(first.architecture), first.filters


def _read_tables(
    data: tuple[str, ...], metrics: tuple[str, ...], root: str | None, reading: dict[str, Any]
) -> list[tuple[Table, str]]:
    """The tables, each with its metric; tells what was read.

    Raises:
        UsageError: The search space of a file of the user's own is missing, or the metrics are not as many as
            the tables.
    """
    from egraph import datasets
    from egraph.cli._progress import track

    if metrics and len(metrics) != len(data):
        raise UsageError(
            f"--metric must come once for each --data, or never: got {len(metrics)} for {len(data)}"
        )
    tables = []
    for name, metric in zip(data, metrics or [None] * len(data), strict=True):
        if reading["space"] is None and datasets.is_measured_file(name):
            raise UsageError(
                f"say which search space the rows of {name} belong to (--data-space NAME); --space is that "
                "of the genomes"
            )
        with track(f"reading {name}"):
            table = read_table(name, root, reading, metric)
        tables.append((table, choose_metric(table, metric)))
        tell(*tables[-1])
    return tables


def _show(found: Evolution, space: SearchSpace, splits: list[Split], files: dict[str, str]) -> None:
    best, rows = found.finalists[0], found.comparison
    click.echo(f"\nthe best genome\n\n{_draw(best.genome)}\n")
    click.echo(f"  {space.format(best.genome)}")
    click.echo(
        f"  {best.params:,} parameters; tau on validation {best.score:.3f}, mean of {len(best.scores)} seeds"
    )
    width = max(len(row.ranker) for row in rows)
    each = len(rows) // len(splits)
    for number, split in enumerate(splits):
        count, name = len(split.test), split.test.name
        click.echo(f"\ntau on {count:,} networks of {name} that nothing was chosen by\n")
        for row in rows[number * each : (number + 1) * each]:
            low, high = min(row.taus), max(row.taus)
            spread = f" ({low:.3f} to {high:.3f})" if len(row.taus) > 1 else ""
            click.echo(
                f"  {row.training:<8} {row.ranker:<{width}}  {row.tau:.3f}{spread}, "
                f"from {row.labels} networks, {row.seconds:.1f} s a fit, {row.params:,} parameters"
            )
    click.echo("  search: one network, trained as in the search; full: as `egraph train` does, on all labels")
    click.echo("\nsaved\n")
    for name, path in files.items():
        click.echo(f"  {name:<13} {path}")


def _show_next(files: dict[str, str], data: str, metric: str, reading: list[str], children: int) -> None:
    click.echo("\nnext\n")
    genome = files["best genome"]
    command = ["egraph", "train", "--genome", genome, "--data", data, "--metric", metric, *reading]
    click.echo(f"  {shlex.join([*command, '--out', 'r.egraph'])}")
    click.echo(f"  the same command with --cycles {2 * children} resumes, with another --seed starts anew")


def _repeat(reading: dict[str, Any]) -> list[str]:
    """The options that read a file of one's own in the same way."""
    options = []
    for name, value in reading.items():
        if value and (name, value) != ("architecture", "architecture"):
            text = value if isinstance(value, str) else ",".join(value)
            options += [f"--{name.replace('_', '-')}", text]
    return options


def _draw(genome: Architecture) -> str:
    from egraph import drawing
    from egraph.canonical import prune
    from egraph.cli._options import can_encode

    return drawing.to_terminal(
        prune(genome),
        width=shutil.get_terminal_size((100, 24)).columns,
        unicode=can_encode("╭●▼"),
        color=use_color(),
    )

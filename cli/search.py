"""``egraph search``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from egraph.cli._options import (
    count_option,
    count_workers,
    find_journal,
    journal_options,
    json_option,
    print_json,
    resumable,
    root_option,
    seed_option,
    workers_option,
)
from egraph.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from egraph.evaluation import Evaluator
    from egraph.report import Findings
    from egraph.spaces import SearchSpace

__all__ = ["command"]

DEFAULT_SPACE = "convnet"
IMAGES = ("digits", "fashion-mnist")


@click.command("search", epilog="Example: egraph search --space convnet --data digits --trials 60 --seed 1")
@click.option(
    "--space",
    metavar="NAME",
    help="The search space: convnet, another space that builds networks, or that of a table in --data.",
)
@click.option(
    "--data", default="digits", show_default=True, metavar="NAME|PATH",
    help="Images to train on: digits, fashion-mnist, a folder of IDX files or an .npz file; or a table "
    "that replaces training.",
)  # fmt: skip
@count_option("--trials", default=60, help="Number of trainings.")
@click.option(
    "--seconds", type=click.FloatRange(min=0, min_open=True), help="Time after which no training starts."
)
@click.option(
    "--searcher",
    default="regularized-evolution",
    show_default=True,
    metavar="NAME[:OPTION=VALUE,...]",
    help="Searcher that proposes candidates to the ranker.",
)
@count_option("--max-params", help="Largest number of parameters.")
@count_option("--max-flops", help="Largest number of multiply-adds for one image.")
@click.option(
    "--max-latency", type=click.FloatRange(min=0, min_open=True), metavar="MS",
    help="Largest number of milliseconds for one image on the --device, as measured on this machine.",
)  # fmt: skip
@click.option(
    "--ranker",
    metavar="FILE|URL",
    help="A ranker to start with: a file that `egraph train` or `egraph export` wrote, or the http address "
    "of an `egraph serve`, with its token in $EGRAPH_TOKEN.",
)
@journal_options("runs/SPACE-DATA-SEED.db")
@workers_option("Trainings")
@click.option(
    "--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda or cuda:1."
)
@click.option("--metric", metavar="NAME", help="Metric to maximise, where --data is a table.")
@click.option("--test-metric", metavar="NAME", help="Metric to report beside it, where --data is a table.")
@click.option("--no-baseline", is_flag=True, help="Do not run random search beside it.")
@seed_option
@root_option
@json_option("the result")
def command(
    space: str | None, data: str, trials: int, seconds: float | None, searcher: str, max_params: int | None,
    max_flops: int | None, max_latency: float | None, ranker: str | None, storage: str | None, resume: bool,
    workers: int | None, device: str, metric: str | None, test_metric: str | None, no_baseline: bool,
    seed: int, root: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Find a good network: sample, train, rank, repeat.

    First trains a few networks, chosen from many random ones by scores that need no training. Then, in
    rounds: fits a ranker on the results, searches thousands of candidates with the ranker as fitness, and
    trains the most promising ones. Random search runs beside it with the same number of trainings, for
    comparison.

    Each step is written to the journal at once. If interrupted, run the same command again to resume. A
    larger --trials continues a finished search.

    With --max-params, --max-flops or --max-latency, only networks within the limits are searched. The report
    shows the best network of each size.
    """
    from egraph import report
    from egraph.cli import _search
    from egraph.service import open_ranker
    from egraph.study import Study, find_searcher

    find_searcher(searcher)
    where, evaluator, trains = _read_data(space, data, metric, test_metric, device, root)
    evaluator.describe()  # loads the data, so that absent data is reported before anything is written
    limits = {"params": max_params, "flops": max_flops, "latency": max_latency}
    within = _limit(where, evaluator, {name: limit for name, limit in limits.items() if limit}, device)
    path = find_journal(storage, f"runs/{where.name}-{Path(data).stem}-{seed}.db", resume)
    model = open_ranker(ranker) if ranker else None
    workers = count_workers(workers) if trains else workers or 1
    with Study(
        within, evaluator, storage=path, seed=seed, ranker=model, searcher=searcher, workers=workers
    ) as study:
        with resumable():
            _search.run(
                study, trials=trials, seconds=seconds, baseline=not no_baseline, guided=model is not None
            )
            if trains and (study.trials["state"] == "complete").any():
                _search.confirm(study)
            fitted = study.ranker
        findings = report.find(study.journal)
        files = _save(path, findings, fitted, where.name, evaluator, seed)
    files["report"] = str(report.write(path, path.with_suffix(".html")))
    if as_json:
        print_json(_search.summarise(findings, files))
    else:
        _search.show(findings, files, study.stopped, trials)


def _save(
    path: Path, findings: Findings, ranker: Any, space: str, evaluator: Evaluator, seed: int
) -> dict[str, str]:
    """Writes the best network and the ranker beside the journal; returns the files by their content."""
    from egraph.files import write_text

    files = {"journal": str(path)}
    if findings.best:
        files["best network"] = str(path.with_suffix(".best.json"))
        write_text(files["best network"], findings.best[0].trial.architecture.to_json() + "\n")
    if ranker is not None and hasattr(ranker, "save"):
        files["ranker"] = str(path.with_suffix(".egraph"))
        ranker.save(
            files["ranker"],
            card={
                "space": space,
                "study": str(path),
                "evaluator": evaluator.describe(),
                "trials": len(findings.complete),
                "seed": seed,
            },
        )
    return files


def _read_data(
    space: str | None, data: str, metric: str | None, test_metric: str | None, device: str, root: str | None
) -> tuple[SearchSpace, Evaluator, bool]:
    """The search space, its evaluator, and whether the evaluator trains networks."""
    from egraph import datasets, spaces
    from egraph.cli._options import choose_metric
    from egraph.evaluation import TableLookup, Training

    known = spaces.get(space) if space else None
    if data in IMAGES or Path(data).is_dir() or Path(data).suffix == ".npz":
        if metric or test_metric:
            raise UsageError(f"--metric goes with a table; {data} are images, on which accuracy is maximised")
        where = known or spaces.get(DEFAULT_SPACE)
        return where, Training(where, data, device=device, root=root), True
    try:
        table = datasets.load(data, root)
    except UnknownNameError as error:
        raise UnknownNameError("images or table", data, {*error.choices, *IMAGES}) from None
    if known is not None and known != table.space:
        raise UsageError(
            f"the table {table.name!r} is of the space {table.space.name!r}, not of {known.name!r}; "
            "leave --space out"
        )
    return table.space, TableLookup(table, choose_metric(table, metric), test_metric), False


def _limit(space: SearchSpace, evaluator: Evaluator, limits: dict[str, float], device: str) -> SearchSpace:
    """The space without the architectures that exceed the limits.

    Raises:
        UsageError: The space builds no networks, or none of them is within the limits.
    """
    import numpy as np

    from egraph.evaluation import Costs, Training
    from egraph.spaces import Limited

    if not limits:
        return space
    costs = evaluator.costs if isinstance(evaluator, Training) else Costs(space, device=device)
    limited = Limited(space, {name: getattr(costs, name) for name in limits}, limits)
    limited.sample(
        np.random.default_rng(0)
    )  # fails before anything is written if no network is within the limits
    return limited

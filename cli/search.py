"""``egraph search``."""

from __future__ import annotations

import click

from egraph.cli._options import print_json, resumable
from egraph.cli._search._groups import takes
from egraph.cli._search.data import Data
from egraph.cli._search.given import Given
from egraph.cli._search.limits import Limits
from egraph.cli._search.ranker import Ranking
from egraph.cli._search.recipe import Training as RecipeOptions
from egraph.cli._search.rows import Rows
from egraph.cli._search.running import Running
from egraph.cli._search.screening import Screening
from egraph.cli._search.searcher import Searching

__all__ = ["command"]


@click.command(
    "search",
    help="""Find a good network: sample, train, rank, repeat.

    First trains a few networks, chosen from many random ones by scores that need no training. Then, in
    rounds: fits a ranker on the results, searches thousands of candidates with the ranker as fitness, and
    trains the most promising ones. Random search runs beside it with the same number of trainings, for
    comparison.

    Each step is written to the journal at once. If interrupted, run the same command again to resume. A
    larger --trials continues a finished search.

    With --max, --max-params, --max-flops or --max-latency, only networks within the limits are searched. With
    --cost, the search is for the best trade-offs of score and costs. The report shows them, or else the best
    network of each size.
    """,
    epilog="Example: egraph search --space convnet --data digits --trials 60 --seed 1",
)
@takes(Data, Rows, RecipeOptions, Limits, Searching, Ranking, Screening, Given, Running)
def command(
    data: Data,
    rows: Rows,
    training: RecipeOptions,
    limits: Limits,
    searching: Searching,
    ranking: Ranking,
    screening: Screening,
    given: Given,
    running: Running,
) -> None:
    """``egraph search``."""
    from egraph import report
    from egraph.cli._search import display
    from egraph.cli._search.saving import save
    from egraph.study import Study

    arguments = searching.read()
    measured = data.read(training, rows)
    # Loads the data, so that absent data is reported before anything is written.
    measured.evaluator.describe()
    within, weighed = limits.read(measured, data.device)
    path = running.find_journal(measured, data.data)
    measured.tell(data.test_metric)
    arguments |= ranking.read() | screening.read() | running.read_executor(measured)
    display.tell_learned(arguments["ranker"], measured.table)
    with data.importable(), Study(
        within, measured.evaluator, storage=path, seed=running.seed,
        fidelities=measured.fidelities, brackets=data.brackets,
        trial_seconds=running.trial_seconds, timeout=running.timeout, backup=running.backup,
        synchronous=running.synchronous, force_resume=running.force_resume, **weighed, **arguments,
    ) as study:  # fmt: skip
        given.give(study, rows.reading)
        with resumable():
            display.run(
                study, trials=running.trials, seconds=running.seconds, baseline=not running.no_baseline,
                guided=ranking.guided,
            )  # fmt: skip
            found = report.find(study.journal)
            if measured.trains and found.best and not found.is_told:
                display.confirm(study, measured.final)
            fitted = study.ranker
        findings = report.find(study.journal)
        files = save(path, findings, fitted, study, measured.name)
    files["report"] = str(report.write(path, path.with_suffix(".html")))
    if running.as_json:
        print_json(display.summarise(findings, files) | {"data": measured.summary()})
    else:
        display.show(findings, files, study.stopped, running.trials, measured.name)

"""``egraph ask``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from egraph.cli._search._groups import takes
from egraph.cli._search.asking import Asking, check_named, read_kept, remember
from egraph.cli._search.given import Given
from egraph.cli._search.limits import Limits
from egraph.cli._search.ranker import Ranking
from egraph.cli._search.rows import Rows
from egraph.cli._search.screening import Screening
from egraph.cli._search.searcher import Searching
from egraph.errors import UsageError

if TYPE_CHECKING:
    from egraph.spaces import SearchSpace
    from egraph.study import Trial

__all__ = ["command"]


@click.command(
    "ask",
    help="""Print the next networks of a search that is evaluated elsewhere.

    Prints one JSON object a line: the number of the trial, its architecture, notation and answers, seed,
    fidelity and settings of the training. `egraph tell` takes the scores. A round ends when all of its scores
    are told; until then no further networks are printed. A new JOURNAL is begun with --space and the other
    options, which it keeps: later, `egraph ask JOURNAL` is enough. Code of your own,
    --space nets:build, and a --ranker over HTTP are named each time.
    """,
    epilog="Example: egraph ask runs/x.db --space nasbench201 --number 4",
)
@click.argument("journal", metavar="JOURNAL", type=click.Path(), is_eager=True, callback=read_kept)
@takes(Asking, Searching, Ranking, Limits, Screening, Given, Rows)
@click.pass_context
def command(
    context: click.Context,
    asking: Asking,
    searching: Searching,
    ranking: Ranking,
    limits: Limits,
    screening: Screening,
    given: Given,
    rows: Rows,
) -> None:
    """``egraph ask``."""
    from egraph import spaces
    from egraph.cli._search.data import Measured
    from egraph.evaluation import Outside
    from egraph.study import Study

    path = context.params["journal"]
    check_named(context, path)
    if asking.space is None:
        raise UsageError(
            f"{path} is no search of `egraph ask`; begin one with --space, such as --space nets:build"
        )
    space = spaces.find(asking.space, asking.input_shape, asking.classes)
    arguments = searching.read() | ranking.read() | screening.read()
    within, weighed = limits.read(Measured(space, Outside(), space.name), "cpu")
    with Study(
        within, None, storage=path, seed=asking.seed, fidelities=asking.shares, brackets=asking.brackets,
        **weighed, **arguments,
    ) as study:  # fmt: skip
        remember(context, study.journal)
        given.give(study, rows.reading)
        if asking.again:
            trials = study.journal.read_trials(states=["asked"])
        else:
            trials = study.ask(asking.number, trials=asking.trials, baseline=asking.baseline)
        for trial in trials:
            click.echo(_describe(trial, within))
    if study.stopped and len(trials) < (asking.number or 1):
        click.echo(study.stopped, err=True)


def _describe(trial: Trial, space: SearchSpace) -> str:
    """A trial as one line of JSON."""
    about = {
        "trial": trial.number,
        "architecture": trial.architecture.to_dict(),
        "notation": space.format(trial.architecture),
        "answers": dict(trial.architecture.answers),
        "seed": trial.seed,
        "fidelity": trial.fidelity,
        "settings": dict(space.settings(trial.architecture)),
    }
    return json.dumps(about)

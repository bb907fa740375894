"""``egraph tell``."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from egraph.cli._reading import with_row_options
from egraph.errors import UsageError

__all__ = ["command"]

WAIT = 60
"""Seconds to wait for another process that writes the journal."""


@click.command(
    "tell",
    help="""Tell a search the score of a network that was evaluated elsewhere.

    TRIAL is the number of a trial that `egraph ask` printed, or of one for which the function of
    `egraph search --train` returned None. The higher the SCORE, the better. Jobs in a queue may call this at
    the same time. With --import, results of other networks are added instead; they count in no budget.
    """,
    epilog="Example: egraph tell runs/x.db 7 0.93",
    context_settings={"ignore_unknown_options": True},  # a score may be negative
)
@click.argument("journal", metavar="JOURNAL", type=click.Path())
@click.argument("trial", metavar="[TRIAL]", type=click.IntRange(min=0), required=False)
@click.argument("score", metavar="[SCORE]", type=float, required=False)
@click.option("--failed", metavar="REASON", help="The evaluation failed, and has no score.")
@click.option("--test-score", type=float, metavar="X", help="Score on data that no decision uses.")
@click.option(
    "--import",
    "file",
    metavar="FILE",
    help="Results measured elsewhere: a journal, a table, or a CSV or JSON-lines file with the column "
    "architecture and one of scores.",
)
@click.option(
    "--space", metavar="NAME", help="The space for --import, where it is code of your own: nets:build."
)
@with_row_options
def command(
    journal: str,
    trial: int | None,
    score: float | None,
    failed: str | None,
    test_score: float | None,
    file: str | None,
    space: str | None,
    **reading: Any,
) -> None:
    """``egraph tell``."""
    from egraph.cli._search.asking import find_space
    from egraph.cli._search.given import add_known
    from egraph.evaluation import Evaluation
    from egraph.study import add_results, open_journal, tell

    if (file is None) == (trial is None) or (trial is not None and (score is None) == (failed is None)):
        raise UsageError("give TRIAL and SCORE, or TRIAL and --failed REASON, or --import FILE")
    with open_journal(journal, read_only=False, wait=WAIT) as opened:
        if file is not None:
            whole = find_space(opened.settings["space"], space)
            add_known(partial(add_results, opened, whole), file, whole, reading)
        elif trial is not None:
            given = None if score is None else Evaluation(score, source="told")
            if given is not None and test_score is not None:
                given = Evaluation(given.score, test_score, source="told")
            told = tell(opened, trial, given, failed or "")
            click.echo(f"trial {trial}: {told.state}", err=True)

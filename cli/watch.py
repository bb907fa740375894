"""``egraph watch``."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import click

from egraph.cli._options import positive_option
from egraph.cli._progress import describe_seconds

if TYPE_CHECKING:
    from rich.console import RenderableType

    from egraph.report import Now

__all__ = ["command"]


@click.command(
    "watch",
    help="""Show what a search does, while it runs.

    Running trainings, the last results, the best so far, the ranker and the time that is left. The search is
    not disturbed. Ends with the search, or by Ctrl-C.
    """,
    epilog="Example: egraph watch runs/convnet-digits-0.db",
)
@click.argument("journal", metavar="JOURNAL", type=click.Path())
@positive_option("--interval", help="Time between two looks.", default=1.0)
@click.option("--once", is_flag=True, help="Look once.")
def command(journal: str, interval: float, once: bool) -> None:
    """``egraph watch``."""
    from rich.console import Console
    from rich.live import Live

    from egraph import report
    from egraph.study import open_journal

    console = Console()
    with open_journal(journal) as opened:
        now = report.look(opened)
        if once or not now.alive:
            console.print(_draw(now))
            return
        with Live(_draw(now), console=console, auto_refresh=False) as live:
            missed = 0  # looks: between two stages nobody works for a moment
            while missed < 2:
                time.sleep(interval)
                now = report.look(opened)
                missed = 0 if now.alive else missed + 1
                live.update(_draw(now), refresh=True)


def _draw(now: Now) -> RenderableType:
    """The state of a search as tables."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    whole = Table.grid(padding=(0, 2))
    whole.add_row("search", f"{now.space}, {now.stage if now.alive else 'not running'}")
    budget = f" of {now.budget:g}" if math.isfinite(now.budget) else ""
    failed = f", {now.failed} failed" if now.failed else ""
    whole.add_row("trainings", f"{now.done:g}{budget}{failed}, {now.queued} waiting")
    if math.isfinite(now.best):
        beside = f"; random search {now.random_best:.5g}" if math.isfinite(now.random_best) else ""
        whole.add_row("best", f"{now.best:.5g}{beside}")
    if now.learned_from:
        tau = f", tau of its last choices {now.tau:.2f}" if math.isfinite(now.tau) else ""
        whole.add_row("ranker", f"learned from {now.learned_from} trainings{tau}")
    if now.running and math.isfinite(now.left):
        whole.add_row("left", f"about {describe_seconds(now.left)}")
    running = Table(box=None, header_style="dim", padding=(0, 2))
    for name in ("running", "round", "origin", "for", ""):
        running.add_column(name)
    for one in now.running:
        bar = ProgressBar(total=1, completed=one.share, width=20) if math.isfinite(one.share) else ""
        trial = one.trial
        running.add_row(
            f"trial {trial.number}", f"{trial.round}", trial.origin, describe_seconds(one.seconds), bar
        )
    ended = Table(box=None, header_style="dim", padding=(0, 2))
    for name in ("ended", "round", "origin", "score", "took"):
        ended.add_column(name)
    for trial in now.last:
        score = f"{trial.score:.5g}" if trial.state == "complete" else f"failed: {trial.reason}"
        seconds = trial.finished - trial.started
        took = describe_seconds(seconds) if math.isfinite(seconds) else ""  # known before the study
        ended.add_row(f"trial {trial.number}", f"{trial.round}", trial.origin, score, took)
    parts: list[RenderableType] = [whole]
    parts += ["", running] if now.running else []
    parts += ["", ended] if now.last else []
    return Group(*parts)

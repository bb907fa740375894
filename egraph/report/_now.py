"""What a study does now, read from its journal while another process writes it."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from egraph.study._trial import BASELINE, DONE, INITIAL, REFERENCE, WHOLE_COST, Trial, add_costs

if TYPE_CHECKING:
    from egraph.study import Journal

__all__ = ["Now", "Running", "look"]


@dataclass(frozen=True)
class Running:
    """A trial that is evaluated now.

    Attributes:
        trial: The trial.
        seconds: Time since its start.
        share: Part of the usual duration of its fidelity that has passed, at most 1; NaN before any ended.
    """

    trial: Trial
    seconds: float
    share: float


@dataclass(frozen=True)
class Now:
    """The state of a study.

    Attributes:
        space: Name of the space.
        alive: Whether a process of this machine works on it.
        stage: What it does: ``searching`` or ``training the best again``.
        workers: Number of evaluations at a time.
        running: Trials that are evaluated, the oldest first.
        queued: Number of trials that wait.
        done: Cost of the trials that are done, in whole evaluations, without the baseline's.
        budget: That of the last run; infinite where it had none.
        failed: Number of trials that failed.
        best: Best score of a whole evaluation so far; NaN without one.
        random_best: That of random search beside it.
        last: Trials that ended last, the newest first.
        learned_from: Number of trials that the ranker learned from; 0 without one.
        tau: Kendall's tau between predictions and scores in the last round that tells; NaN without.
        left: Seconds until the budget is spent at the pace so far; NaN where unknown.
    """

    space: str
    alive: bool
    stage: str
    workers: int
    running: list[Running]
    queued: int
    done: float
    budget: float
    failed: int
    best: float
    random_best: float
    last: list[Trial]
    learned_from: int
    tau: float
    left: float


def look(journal: Journal, *, last: int = 5, clock: Callable[[], float] = time.time) -> Now:
    """Reads the state of a study.

    Args:
        journal: Its journal.
        last: Number of ended trials to list.
        clock: Seconds since 1970.
    """
    settings, trials, now = journal.settings, journal.read_trials(), clock()
    run = settings.get("run", {})
    done = [trial for trial in trials if trial.state in DONE]
    own = [trial for trial in done if trial.origin != BASELINE]
    rounds = journal.read_rounds()
    taus = [row["tau"] for row in rounds if row["tau"] is not None]
    alive = "ended" not in run and _exists(run.get("pid", 0))
    started = [trial for trial in trials if alive and trial.state == "running"]
    usual = _usual_durations(done)
    budget = math.inf if run.get("trials") is None else run["trials"]
    return Now(
        space=str(settings.get("space", "")),
        alive=alive,
        stage=str(run.get("stage", "searching")),
        workers=settings.get("settings", {}).get("workers", 1),
        running=[
            Running(one, now - one.started, _share(now - one.started, usual.get(one.fidelity)))
            for one in sorted(started, key=lambda one: one.started)
        ],
        queued=sum(trial.state == "queued" for trial in trials),
        done=add_costs(own),
        budget=budget,
        failed=sum(trial.state == "failed" for trial in own),
        best=_best(one for one in own if one.origin != REFERENCE),
        random_best=_best(one for one in done if one.origin in (INITIAL, BASELINE)),
        last=sorted(done, key=lambda one: -one.finished)[:last],
        learned_from=rounds[0]["learned_from"] if rounds else 0,
        tau=taus[0] if taus else math.nan,
        left=_time_left(run, own, budget, now),
    )


def _exists(process: int) -> bool:
    """Whether there is a process of this number."""
    if not process:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return True


def _best(trials: Iterable[Trial]) -> float:
    """The best score of whole evaluations."""
    scores = (one.score for one in trials if one.state == "complete" and one.fidelity == WHOLE_COST)
    return max(scores, default=math.nan)


def _usual_durations(done: list[Trial]) -> dict[float, float]:
    """The median duration by fidelity."""
    durations: dict[float, list[float]] = {}
    for one in done:
        if math.isfinite(seconds := one.finished - one.started):
            durations.setdefault(one.fidelity, []).append(seconds)
    return {fidelity: float(np.median(each)) for fidelity, each in durations.items()}


def _share(seconds: float, usual: float | None) -> float:
    """The part of the usual duration that has passed."""
    return min(1.0, seconds / usual) if usual else math.nan


def _time_left(run: dict[str, float], own: list[Trial], budget: float, now: float) -> float:
    """The time that the rest of the budget takes at the pace of the run."""
    begun = run.get("started", math.nan)
    since = [trial for trial in own if trial.finished >= begun]
    pace = add_costs(since) / (now - begun) if since and now > begun else 0.0
    left = (budget - add_costs(own)) / pace if pace and math.isfinite(budget) else math.nan
    if run.get("seconds") is not None:
        left = float(np.nanmin([left, begun + run["seconds"] - now]))
    return left if math.isnan(left) else max(0.0, left)

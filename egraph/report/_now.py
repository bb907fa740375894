"""What a study does now, read from its journal while another process writes it."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from egraph.study._trial import BASELINE, DONE, INITIAL, KNOWN, REFERENCE, WHOLE_COST, Trial

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
    settings, now = journal.settings, clock()
    trials = journal.read_columns("number", "state", "origin", "fidelity", "score", "started", "finished")
    run = settings.get("run", {})
    done = trials[trials["state"].isin(DONE)]
    own = done[done["origin"] != BASELINE]
    rounds = journal.read_rounds()
    taus = [row["tau"] for row in rounds if row["tau"] is not None]
    alive = "ended" not in run and _exists(run.get("pid", 0))
    started = journal.read_trials(states=["running"]) if alive else []
    usual = (done["finished"] - done["started"]).groupby(done["fidelity"]).median()
    budget = math.inf if run.get("trials") is None else run["trials"]
    newest = done.sort_values("finished", ascending=False, kind="stable")["number"].head(last)
    return Now(
        space=str(settings.get("space", "")),
        alive=alive,
        stage=str(run.get("stage", "searching")),
        workers=settings.get("settings", {}).get("workers", 1),
        running=[
            Running(one, now - one.started, _share(now - one.started, usual.get(one.fidelity)))
            for one in sorted(started, key=lambda one: one.started)
        ],
        queued=int((trials["state"] == "queued").sum()),
        done=_add_costs(own),
        budget=budget,
        failed=int((own["state"] == "failed").sum()),
        best=_best(own[own["origin"] != REFERENCE]),
        random_best=_best(done[done["origin"].isin([INITIAL, BASELINE])]),
        last=[journal.read_trials(number=int(number))[0] for number in newest],
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


def _best(trials: pd.DataFrame) -> float:
    """The best score of whole evaluations."""
    return float(trials["score"][(trials["state"] == "complete") & (trials["fidelity"] == WHOLE_COST)].max())


def _add_costs(trials: pd.DataFrame) -> float:
    """The cost of trials in whole evaluations; results that were known before the study cost nothing."""
    return round(float(trials["fidelity"][trials["origin"] != KNOWN].sum()), 9)


def _share(seconds: float, usual: float | None) -> float:
    """The part of the usual duration that has passed."""
    return min(1.0, seconds / usual) if usual and math.isfinite(usual) else math.nan


def _time_left(run: dict[str, float], own: pd.DataFrame, budget: float, now: float) -> float:
    """The time that the rest of the budget takes at the pace of the run."""
    begun = run.get("started", math.nan)
    since = own[own["finished"] >= begun]
    pace = _add_costs(since) / (now - begun) if len(since) and now > begun else 0.0
    left = (budget - _add_costs(own)) / pace if pace and math.isfinite(budget) else math.nan
    if run.get("seconds") is not None:
        left = float(np.nanmin([left, begun + run["seconds"] - now]))
    return left if math.isnan(left) else max(0.0, left)

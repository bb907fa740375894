"""The events of a search as progress on the terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from egraph.cli._progress import Stages
from egraph.study._trial import OWN

if TYPE_CHECKING:
    from egraph.study import DriftAlarm, Event, RunStarted, Study, Trial, Verdict

__all__ = ["Listener"]

SCREENING = "scoring untrained networks"


class Listener:
    """Shows the events of a study.

    Args:
        show: Display of the progress.
        study: The study, which has not begun to run.
        trials: Number of trials in all.
        baseline: Whether random search runs beside it.
        guided: Whether a ranker chooses from the first round on.
    """

    def __init__(
        self, show: Stages, study: Study, trials: int, *, baseline: bool = False, guided: bool = False
    ) -> None:
        settings = study.journal.settings["settings"]
        random_start = settings["ranker"] and not guided and not settings.get("screen")
        whole = not study.journal.settings.get("fidelities")
        shared = settings["initial"] if random_start and whole else 0
        self._show, self._study, self._trials = show, study, trials
        self._title = f"searching {study.space.name}"
        self._total = trials + (trials - min(shared, trials) if baseline else 0)
        self._done: tuple[float, float] = (0, 0)
        self._best = math.nan
        self._news: list[str] = []  # of the round that is proposed next
        self._told: dict[int, list[str]] = {}  # of rounds that are not finished
        show(self._title)

    def __call__(self, event: Event) -> None:
        from egraph import study as events

        match event:
            case events.RunStarted():
                self._begin(event)
            case events.Preparing():
                self._show(event.title, event.done, event.total)
            case events.PreparationStep():
                self._show(event.title, event.done, event.total, f"{event.done}/{event.total} {event.note}")
            case events.Prepared():
                self._show.say(f"{event.title} took {event.seconds:.1f} s")
                self._count(*self._done)
            case events.Screening():
                self._show(SCREENING, 0, event.architectures)
            case events.NetworkScored():
                self._show(SCREENING, event.done, event.total, f"{event.done}/{event.total}")
            case events.Screened():
                of = "" if event.scored == event.architectures else f" of {event.architectures}"
                self._news.append(f"scored {event.scored}{of} untrained networks in {event.seconds:.1f} s")
                self._count(*self._done)
            case events.RankerFitted():
                self._news.append(f"ranker learned from {event.trials} in {event.seconds:.1f} s")
            case events.RoundStarted():
                if event.candidates:
                    self._news.append(f"scored {event.candidates:,} in {event.seconds:.1f} s")
                self._told[event.round], self._news = self._news, []
            case events.TrialStarted():
                self._count(*self._done)
            case events.TrialFinished():
                self._finish(event.trial)
                self._count(event.finished, event.baseline_finished)
            case events.RoundFinished():
                shown = "" if math.isnan(self._best) else f"best {self._best:.4g}"
                taus = _taus(event.own, event.random)
                news = self._told.pop(event.round, [])
                self._show.say(f"round {event.round}: {', '.join(filter(None, [*news, taus, shown]))}")
            case events.DriftAlarm():
                self._show.say(f"  {_warn(event)}")

    def _begin(self, event: RunStarted) -> None:
        from egraph import study as events

        if event.finished or event.requeued:
            done = f"{event.finished + event.baseline_finished:.4g}"
            again = f", {event.requeued} interrupted ones run again" if event.requeued else ""
            self._show.say(f"resuming: {done} trainings are done already{again}")
            for number, lost in event.lost.items():
                self._show.say(
                    f"  trial {number}: killed or crashed with its process, {lost} of at most "
                    f"{events.MOST_LOSSES} times; then it counts as failed"
                )
            self._best = float(self._study.trials.query("origin in @OWN and fidelity == 1")["score"].max())
        self._count(event.finished, event.baseline_finished)

    def _finish(self, trial: Trial) -> None:
        counts = trial.origin in OWN and trial.fidelity == 1 and trial.state == "complete"
        if counts and not trial.score <= self._best:
            self._best = trial.score
        if trial.state == "failed":
            self._show.say(f"  trial {trial.number} failed: {trial.reason}")

    def _count(self, own: float, extra: float) -> None:
        self._done = (own, extra)
        beside = f" + {extra:g} random" if extra else ""
        best = "" if math.isnan(self._best) else f", best {self._best:.4g}"
        self._show(
            self._title, int(own + extra), self._total, f"{own:.4g}/{self._trials}{beside} trainings{best}"
        )


def _taus(own: Verdict, random: Verdict) -> str:
    if math.isnan(own.tau):
        return ""
    promised = "" if math.isnan(own.promised_tau) else f" of {own.promised_tau:.2f} promised"
    beside = "" if math.isnan(random.tau) else f" ({random.tau:.2f} on random ones)"
    return f"tau {own.tau:.2f}{promised}{beside}"


def _warn(alarm: DriftAlarm) -> str:
    own = alarm.own
    inside = (
        "" if math.isnan(own.coverage80) else f", {100 * own.coverage80:.0f} % inside the intervals of 80 %"
    )
    return (
        f"drift: tau {own.tau:.2f} where the ranker promised {own.promised_tau:.2f}{inside} "
        f"(p = {alarm.p_value:.2g}); the next round explores more"
    )

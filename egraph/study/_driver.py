"""Evaluates the queued trials of a journal, within a budget."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from egraph.errors import FailedError
from egraph.executors import Executor
from egraph.study._evaluating import evaluate
from egraph.study._events import Event, TrialFinished, TrialStarted
from egraph.study._jobs import Job, Outcome
from egraph.study._journal import Journal
from egraph.study._stragglers import NO_LIMITS, Patience, Usual
from egraph.study._trial import BASELINE, DONE, Trial, add_costs, tidy_cost

__all__ = ["Driver"]

_DUST = 1e-9
"""Rounding errors of sums of costs."""


class Driver:
    """Starts trials and writes their results. Nothing else changes the state of a trial during a run.

    Args:
        journal: Journal with the queued trials.
        executor: Executor of the evaluations.
        limit: Number of whole evaluations that may be done in all, those of the baseline not counted.
        deadline: Value of ``time.monotonic`` after which no trial begins.
        baseline: Whether trials of the baseline run too.
        max_failures: Number of trials in succession that may fail.
        emit: Called with an event when a trial starts or ends.
        most: Number of trials that may begin.
        patience: Limits of trials as multiples of the usual duration.

    Attributes:
        asked: Trials that were handed out during this run.
    """

    def __init__(
        self,
        journal: Journal,
        executor: Executor[Job, Outcome],
        *,
        limit: float,
        deadline: float,
        baseline: bool,
        max_failures: int,
        emit: Callable[[Event], object],
        most: float = math.inf,
        patience: Patience = NO_LIMITS,
    ) -> None:
        self._left = most
        self.asked: list[Trial] = []
        self._journal, self._executor = journal, executor
        self._limit, self._deadline, self._baseline = limit, deadline, baseline
        self._max_failures, self._emit = max_failures, emit
        self._failures = 0
        done = journal.read_trials(states=DONE)
        self._spent = {
            side: sum(add_costs([one]) for one in done if (one.origin == BASELINE) == side)
            for side in (False, True)
        }
        self._usual = Usual(patience, done)

    @property
    def finished(self) -> float:
        """Cost of the trials that are done, in whole evaluations, without those of the baseline."""
        return tidy_cost(self._spent[False])

    @property
    def baseline_finished(self) -> float:
        """The same for the trials of the baseline."""
        return tidy_cost(self._spent[True])

    def work_off(self, more: Callable[[], bool] | None = None) -> None:
        """Evaluates the queued trials until the budget is spent.

        Args:
            more: Called when no trial waits, also while others run: queues further trials and says whether
                there are any. None evaluates what is queued now.

        Raises:
            FailedError: More than ``max_failures`` trials failed in succession.
            EgraphError: The evaluation cannot work at all.
        """

        def fetch() -> dict[int, Job]:
            return self._list_jobs() if more is not None and more() else {}

        losses = self._journal.trial_losses
        for outcomes in evaluate(
            self._executor,
            self._list_jobs(),
            losses,
            begin=self._begin,
            stop=lambda: bool(self.stop_reason),
            more=fetch,
            usual=self._usual,
        ):
            self._record(outcomes)

    @property
    def stop_reason(self) -> str:
        """Reason why no further trial begins, apart from the budget of trials; empty where there is none."""
        if time.monotonic() >= self._deadline:
            return "the time is over"
        return "" if self._left > 0 else "enough trials have begun"

    def _begin(self, number: int) -> None:
        self._left -= 1
        self._emit(TrialStarted(self._journal.start(number)))

    def _list_jobs(self) -> dict[int, Job]:
        """The queued trials that the budget pays, by their numbers."""
        queue = self._within_limit(self._journal.read_trials(states=["queued"]))
        return {
            trial.number: Job(trial.architecture, trial.seed, trial.fidelity, trial.number) for trial in queue
        }

    def _within_limit(self, queued: list[Trial]) -> list[Trial]:
        begun = self._journal.read_trials(states=["asked", "running"])
        room = self._limit - self.finished - add_costs(t for t in begun if t.origin != BASELINE)
        chosen = []
        for trial in queued:
            if trial.origin == BASELINE:
                if self._baseline:
                    chosen.append(trial)
            elif trial.fidelity <= room + _DUST:
                chosen.append(trial)
                room -= trial.fidelity
        return chosen

    def _record(self, outcomes: dict[int, Outcome]) -> None:
        """Writes the outcomes, by the numbers of their trials."""
        for number, outcome in outcomes.items():
            if outcome.fatal is not None:
                continue
            if outcome.later:
                self.asked.append(self._journal.hand_out(number))
                continue
            trial = self._journal.finish(number, outcome.state, outcome.measured, outcome.reason)
            self._spent[trial.origin == BASELINE] += add_costs([trial])
            self._failures = self._failures + 1 if trial.state == "failed" else 0
            self._emit(TrialFinished(trial, self.finished, self.baseline_finished))
        for outcome in outcomes.values():
            if outcome.fatal is not None:
                raise outcome.fatal
        if self._failures > self._max_failures:
            raise FailedError(
                f"{self._failures} trials failed in succession, the last because: {trial.reason}; "
                "repair the evaluation and run again, or allow more with max_failures"
            )

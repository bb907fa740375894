"""A run of a study: its executor, driver and loop, put together and ended whatever happens."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from egraph.checks import check_flag, to_plain
from egraph.evaluation import CostMeter, Outside
from egraph.evaluation.base import Evaluator, Fidelity
from egraph.executors import Engine
from egraph.searchers import MakeSearcher
from egraph.spaces import SearchSpace
from egraph.study._driver import Driver
from egraph.study._evaluating import open_evaluation
from egraph.study._events import Event, RunFinished, RunStarted, ignore
from egraph.study._fidelities import list_evaluators
from egraph.study._journal import Journal
from egraph.study._loop import Loop
from egraph.study._preparing import prepare, recall
from egraph.study._rounds import Proposer
from egraph.study._screen import SHARE, Screen, Screener
from egraph.study._stragglers import NO_LIMITS, Patience
from egraph.study._trial import WHOLE_COST, Trial

__all__ = ["Runner"]


@dataclass
class Runner:
    """Runs a study, as often as wanted.

    Attributes:
        space: Where to search.
        seed: Seed of the study.
        journal: Its journal.
        proposer: Proposes rounds.
        evaluator: Evaluates architectures.
        fidelities: Cheaper evaluations and the whole one; empty where all are whole.
        meter: Costs of each trial; None without costs.
        screen: Chooses the first trials; None for none.
        workers: Number of evaluations at a time.
        trial_seconds: Time limit of an evaluation; None for none.
        max_failures: Number of trials in succession that may fail.
        requeued: Number of interrupted trials that run again.
        makers: Functions that make the searchers, some of which need work before the first trial.
        asynchronous: Whether rounds are proposed while trials of earlier ones still run.
        engine: Engine of the executor.
        patience: Limits of trials as multiples of the usual duration.
    """

    space: SearchSpace
    seed: int
    journal: Journal
    proposer: Proposer
    evaluator: Evaluator
    fidelities: Sequence[Fidelity]
    meter: CostMeter | None
    screen: Screen | None
    workers: int
    trial_seconds: float | None
    max_failures: int
    requeued: int
    makers: Mapping[str, MakeSearcher]
    asynchronous: bool = False
    engine: Engine | None = None
    patience: Patience = NO_LIMITS

    def __post_init__(self) -> None:
        recall(self.journal, self.makers)

    def run(
        self, trials: float | None, seconds: float | None, baseline: bool, emit: Callable[[Event], object]
    ) -> str:
        """Runs until the budget is spent; returns the reason to stop."""
        cheaper = list_evaluators(self.fidelities, self.journal.path)
        run = partial(self._run, engine=self.engine, patience=self.patience)
        return run(self.evaluator, cheaper, self.workers, trials, seconds, baseline, emit)[0]

    def ask(self, most: float, trials: float | None, baseline: bool) -> tuple[str, list[Trial]]:
        """Hands out the next trials, at most so many; returns the reason why there are no more, and them."""
        outside = Outside()
        cheaper = dict.fromkeys((one.cost for one in self.fidelities), outside)
        return self._run(outside, cheaper, 1, trials, None, baseline, ignore, most)

    def _run(
        self,
        evaluator: Evaluator,
        cheaper: dict[float, Evaluator] | dict[float, Outside],
        workers: int,
        trials: float | None,
        seconds: float | None,
        baseline: bool,
        emit: Callable[[Event], object],
        most: float = math.inf,
        engine: Engine | None = None,
        patience: Patience = NO_LIMITS,
    ) -> tuple[str, list[Trial]]:
        check_flag(baseline=baseline)
        limit = math.inf if trials is None else trials
        preview = None if self.screen is None else self.screen.preview
        executor = open_evaluation(evaluator, workers, preview, cheaper, self.trial_seconds, engine)
        budget, begun = math.inf if seconds is None else seconds, time.monotonic()
        driver = Driver(
            self.journal, executor, limit=limit, deadline=begun + budget, baseline=baseline,
            max_failures=self.max_failures, emit=emit, most=most,
            patience=patience,
        )  # fmt: skip
        screener = Screener(self.journal, executor, deadline=begun + SHARE * budget, emit=emit)
        loop = Loop(
            self.space, self.seed, journal=self.journal, proposer=self.proposer, driver=driver,
            meter=self.meter, screener=screener, limit=limit, baseline=baseline, emit=emit,
            entry=min(cheaper, default=WHOLE_COST), asynchronous=self.asynchronous and workers > 1,
        )  # fmt: skip
        before = (driver.finished, driver.baseline_finished, self.requeued)
        lost = self.journal.trial_losses
        emit(RunStarted(*before, trials=trials, seconds=seconds, baseline=baseline, lost=lost))
        self.requeued = 0
        try:
            with self.journal.working("searching", trials=to_plain(trials), seconds=to_plain(seconds)):
                stopped = prepare(self.journal, self.makers, begun + budget, emit) or loop.run()
        finally:
            # Whatever ended the run, no trial stays marked as running.
            executor.close()
            self.journal.requeue()
        emit(RunFinished(stopped))
        return stopped, driver.asked

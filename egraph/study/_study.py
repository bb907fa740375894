"""The loop: search with the ranker as fitness, evaluate the chosen, learn from them, again."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Literal

import pandas as pd

from egraph import spaces
from egraph.architecture import Architecture
from egraph.checks import check_whole
from egraph.evaluation.base import Evaluator, Fitness
from egraph.evaluation.wrapping import as_evaluator
from egraph.searchers import Searcher, describe
from egraph.spaces import SearchSpace
from egraph.study._arguments import check_budget, read_ranker, read_screen, read_searcher
from egraph.study._driver import Driver
from egraph.study._evaluating import open_evaluation
from egraph.study._events import Event, RunFinished, RunStarted
from egraph.study._finalists import best_baseline_trials, best_mean, best_trials
from egraph.study._guide import Predictor
from egraph.study._identity import register
from egraph.study._journal import Journal
from egraph.study._loop import Loop
from egraph.study._retrain import FINALISTS, Confirmed, Retrained, retrain
from egraph.study._rounds import Proposer, choose_strategy
from egraph.study._trial import BASELINE, OWN, Trial

__all__ = ["Study"]

Progress = Callable[[Event], object]


class Study:
    """Finds a good architecture with few real evaluations.

    First a few architectures are evaluated: random ones or, where the evaluator has a score that needs no
    training, the best of many by that. Then, in rounds: the ranker learns from all trials so far; the
    searcher runs with the ranker as fitness; of its thousands of candidates the best predicted are really
    evaluated, and some that are promising and different. How well the ranker ordered them before it saw their
    scores is written down with each round.

    What a round proposes depends on the seed and on the results of the rounds before, on nothing else. With a
    ``storage``, everything is in the journal as soon as it has happened: a study that was broken off at any
    moment goes on when it is made and run again with the same arguments, and ends as an unbroken one does.

    Args:
        space: where to search; a search space or the name of one.
        evaluate: an `Evaluator`, or a fitness: architectures to scores, higher is better.
        storage: file of the journal, made where it does not exist; None keeps it in memory.
        seed: decides everything, up to what the evaluation does with the seed that it is given.
        ranker: learns to predict scores, with ``fit`` and ``predict`` as in scikit-learn; None is the default
            `egraph.Ranker`. One that is fitted already guides from the first round on, in place of random
            sampling, until ``initial`` trials of the study itself have succeeded. So does one that only has
            ``predict``, such as `egraph.fitness` gives; then a default one learns in its place. False does
            without: the searcher then sees the real scores.
        searcher: name of the searcher, with options where wanted, as `find_searcher` reads it; or its class,
            or anything that is called with ``space, seed=``; None is regularized evolution.
        workers: how many evaluations run at a time; more than one run in processes of their own.
        initial: trials before the first fit.
        screen: a fitness that needs no training and chooses them among 16 times as many random architectures;
            None is the evaluator's own `Evaluator.screen`, where it has one, and False takes random ones.
        batch: trials a round; None is 8 with a ranker, and without one as many as there are workers.
        far: how many of them are chosen to be different rather than best.
        candidates: how many architectures the ranker scores in each round; a space that has no more is scored
            whole, without the searcher.
        max_failures: trials that may fail in succession before the run stops with an error.

    Raises:
        UsageError: an argument is of the wrong type or out of range.
        JournalError: the journal is damaged, of another study, or held by another process.

    Attributes:
        stopped: why the last run ended; empty before.
    """

    def __init__(
        self,
        space: SearchSpace | str,
        evaluate: Evaluator | Callable[..., Any],
        *,
        storage: str | os.PathLike[str] | None = None,
        seed: int = 0,
        ranker: Predictor | Literal[False] | None = None,
        searcher: str | Callable[..., Searcher] | None = None,
        workers: int = 1,
        initial: int = 16,
        screen: Fitness | Literal[False] | None = None,
        batch: int | None = None,
        far: int = 2,
        candidates: int = 2000,
        max_failures: int = 30,
    ) -> None:
        if batch is None:
            batch = workers if ranker is False else 8
        check_whole(0, seed=seed, far=far, max_failures=max_failures)
        check_whole(1, workers=workers, initial=initial, batch=batch, candidates=candidates)
        # Integers of NumPy could not be written to the journal, and would give other seeds.
        seed, far, workers, initial, batch, candidates = map(
            int, (seed, far, workers, initial, batch, candidates)
        )
        self.space = spaces.get(space) if isinstance(space, str) else space
        self.seed, self.workers, self.max_failures = seed, workers, max_failures
        self.stopped = ""
        self._evaluator = as_evaluator(evaluate)
        make_searcher = read_searcher(searcher)
        first_choice = read_screen(screen, self._evaluator)
        self._guide = None if ranker is False else read_ranker(ranker, seed, initial)
        sizes = {"initial": initial, "batch": batch, "far": far, "candidates": candidates}
        strategy = choose_strategy(
            self.space,
            seed,
            guide=self._guide,
            make_searcher=make_searcher,
            screen=first_choice,
            **sizes,
        )
        self._proposer = Proposer(self.space, seed, strategy)
        settings = {
            "ranker": None if self._guide is None else self._guide.describe(),
            "searcher": describe(make_searcher, self.space),
            "workers": workers,
            "initial": initial,
            "screen": None if first_choice is None else as_evaluator(first_choice).describe(),
            "batch": batch,
            "far": far,
            "candidates": candidates,
        }
        self._journal = Journal(storage)
        try:
            register(self._journal, self.space, seed, self._evaluator, settings)
            self._requeued = self._journal.requeue()
        except BaseException:
            self._journal.close()
            raise

    def __enter__(self) -> Study:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets other processes write the journal."""
        self._journal.close()

    @property
    def journal(self) -> Journal:
        """All that is on disk."""
        return self._journal

    @property
    def trials(self) -> pd.DataFrame:
        """One row a trial, in the order of proposing; the columns are the fields of `Trial`."""
        return self._journal.trials

    @property
    def rounds(self) -> pd.DataFrame:
        """One row a round: sizes, times, and the ranker's tau on its fresh trials before it saw them."""
        return self._journal.rounds

    @property
    def best(self) -> Trial:
        """The trial with the best score, the first of equals; the random baseline does not count.

        Raises:
            FailedError: no trial has succeeded yet.
        """
        return best_trials(self._journal, 1)[0]

    @property
    def baseline_best(self) -> Trial:
        """What random search alone found: the best of random initial trials and the baseline's.

        Raises:
            FailedError: none of them has succeeded yet.
        """
        return best_baseline_trials(self._journal, 1)[0]

    @property
    def ranker(self) -> Predictor | None:
        """The ranker, fitted to all trials so far; None where there is none, or too few have succeeded."""
        if self._guide is None:
            return None
        return self._guide.fit(self._journal.read_trials(origins=OWN))[0]

    def run(
        self,
        trials: int | None = None,
        seconds: float | None = None,
        *,
        baseline: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Goes on until the budget is spent or the space exhausted; `stopped` then says which.

        Args:
            trials: how many the study shall have in all, failed ones included; those that it has count.
            seconds: of this run, after which no trial begins; those that run are finished.
            baseline: also run a random search with the same number of trials. Initial trials that are
                random count for both. The others are not counted in ``trials``, and never shown to ranker or
                searcher.
            progress: called with an `Event` whenever something happens.

        Raises:
            UsageError: no budget was given, or it is not positive.
            FailedError: more than ``max_failures`` trials failed in succession.
            EgraphError: the evaluation cannot work at all.
        """
        check_budget(trials, seconds)
        emit = progress or _ignore
        limit = math.inf if trials is None else trials
        executor = open_evaluation(self._evaluator, self.workers)
        driver = Driver(
            self._journal,
            executor,
            limit=limit,
            deadline=math.inf if seconds is None else time.monotonic() + seconds,
            baseline=baseline,
            max_failures=self.max_failures,
            emit=emit,
        )
        loop = Loop(
            self.space,
            self.seed,
            journal=self._journal,
            proposer=self._proposer,
            driver=driver,
            limit=limit,
            baseline=baseline,
            emit=emit,
        )
        begun = (driver.finished, driver.baseline_finished, self._requeued)
        emit(RunStarted(*begun, trials=trials, seconds=seconds, baseline=baseline))
        self._requeued = 0
        try:
            self.stopped = loop.run()
        finally:
            # Whatever ended the run, no trial stays marked as running.
            executor.close()
            self._journal.requeue()
        emit(RunFinished(self.stopped))

    def retrain(
        self,
        trial: Trial | Architecture,
        repeats: int = 3,
        *,
        evaluate: Evaluator | Callable[..., Any] | None = None,
        progress: Progress | None = None,
    ) -> Retrained:
        """Evaluates an architecture again with fresh seeds, the same ones for each architecture.

        Args:
            trial: what to evaluate, such as `best`.
            repeats: how many times. Those that the journal holds already are not made again.
            evaluate: how, for example with a longer training; None is as in the study.
            progress: called with a `RetrainFinished` after each.

        Raises:
            UsageError: ``repeats`` is not positive.
        """
        return self.retrain_all([trial], repeats, evaluate=evaluate, progress=progress)[0]

    def retrain_all(
        self,
        trials: Iterable[Trial | Architecture],
        repeats: int = 3,
        *,
        evaluate: Evaluator | Callable[..., Any] | None = None,
        progress: Progress | None = None,
    ) -> list[Retrained]:
        """Does for several what `retrain` does for one, as many evaluations at a time as there are workers.

        Args:
            trials: what to evaluate. The same network twice is evaluated as one.
            repeats: how many times each. Those that the journal holds already are not made again.
            evaluate: how; None is as in the study.
            progress: called with a `RetrainFinished` after each evaluation.

        Returns:
            One for each of ``trials``, in their order.

        Raises:
            UsageError: ``repeats`` is not positive.
        """
        check_whole(1, repeats=repeats)
        architectures = [one.architecture if isinstance(one, Trial) else one for one in trials]
        keys = [self.space.key(architecture) for architecture in architectures]
        fresh = retrain(
            self._journal,
            self._evaluator if evaluate is None else as_evaluator(evaluate),
            dict(zip(keys, architectures, strict=True)),
            repeats=repeats,
            seed=self.seed,
            workers=self.workers,
            emit=progress or _ignore,
        )
        return [fresh[key] for key in keys]

    def confirm(
        self, most: int = FINALISTS, repeats: int = 3, *, progress: Progress | None = None
    ) -> Confirmed:
        """Evaluates the best few again with fresh seeds, and takes the one with the best mean score.

        The best of many noisy scores is partly luck; the mean of fresh ones is less so. Random search, where
        it ran beside the study, chooses its winner in the same way. Test scores decide nothing.

        Args:
            most: how many of the best trials of each are evaluated again.
            repeats: how many times. Those that the journal holds already are not made again.
            progress: called with a `RetrainFinished` after each.

        Raises:
            UsageError: an argument is not positive.
            FailedError: no trial has succeeded yet, or each of the fresh evaluations failed.
        """
        check_whole(1, most=most, repeats=repeats)
        finalists = [best_trials(self._journal, most)]
        if self._journal.read_trials(states=["complete"], origins=[BASELINE]):
            finalists.append(best_baseline_trials(self._journal, most))
        fresh = self.retrain_all(chain(*finalists), repeats, progress=progress)
        first = len(finalists[0])
        winners = [best_mean(side) for side in (fresh[:first], fresh[first:]) if side]
        return Confirmed(winners[0], winners[1] if len(winners) > 1 else None)

    def __repr__(self) -> str:
        return f"<study of {self.space.name} in {self._journal.path or 'memory'}>"


def _ignore(event: Event) -> None:
    pass

"""The loop: search with the ranker as fitness, evaluate the chosen, learn from them, again."""

from __future__ import annotations

import json
import math
import os
import platform
import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from itertools import chain
from typing import Any, Literal

import pandas as pd

from egraph import metrics, spaces
from egraph.architecture import Architecture
from egraph.checks import check_whole
from egraph.errors import FailedError, JournalError, UsageError
from egraph.evaluation.base import Evaluator, Fitness
from egraph.evaluation.wrapping import as_evaluator
from egraph.searchers import Searcher, describe
from egraph.spaces import SearchSpace
from egraph.study._arguments import read_ranker, read_screen, read_searcher
from egraph.study._driver import Driver
from egraph.study._evaluating import open_evaluation
from egraph.study._events import Event, RoundFinished, RoundStarted, RunFinished, RunStarted
from egraph.study._guide import Predictor
from egraph.study._journal import Journal
from egraph.study._retrain import FINALISTS, Confirmed, Retrained, retrain
from egraph.study._rounds import Proposer, Round
from egraph.study._seeds import derive
from egraph.study._trial import BASELINE, INITIAL, OWN, Trial

__all__ = ["Study"]

Progress = Callable[[Event], object]

_RANDOM_SEARCH = (INITIAL, BASELINE)


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
        self._proposer = Proposer(
            self.space,
            seed,
            guide=self._guide,
            make_searcher=make_searcher,
            initial=initial,
            screen=first_choice,
            batch=batch,
            far=far,
            candidates=candidates,
        )
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
            self._register(settings)
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
        return _best(self._journal.read_trials(states=["complete"], origins=OWN))

    @property
    def baseline_best(self) -> Trial:
        """What random search alone found: the best of random initial trials and the baseline's.

        Raises:
            FailedError: none of them has succeeded yet.
        """
        return _best(self._journal.read_trials(states=["complete"], origins=_RANDOM_SEARCH))

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
        if trials is None and seconds is None:
            raise UsageError("a run needs a budget: trials=60, or seconds=300, or both")
        if trials is not None:
            check_whole(1, trials=trials)
        if seconds is not None and not seconds > 0:
            raise UsageError(f"seconds must be positive, got {seconds!r}")
        tell = progress or _ignore
        executor = open_evaluation(self._evaluator, self.workers)
        driver = Driver(
            self._journal,
            executor,
            limit=math.inf if trials is None else trials,
            deadline=math.inf if seconds is None else time.monotonic() + seconds,
            baseline=baseline,
            max_failures=self.max_failures,
            tell=tell,
        )
        begun = (driver.finished, driver.baseline_finished, self._requeued)
        tell(RunStarted(*begun, trials=trials, seconds=seconds, baseline=baseline))
        self._requeued = 0
        try:
            self.stopped = self._loop(driver, math.inf if trials is None else trials, baseline, tell)
        finally:
            # Whatever broke it off, nothing is left that looks as if it still ran.
            executor.close()
            self._journal.requeue()
        tell(RunFinished(self.stopped))

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
            tell=progress or _ignore,
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
        sides = [self._journal.read_trials(states=["complete"], origins=OWN)]
        if self._journal.read_trials(states=["complete"], origins=[BASELINE]):
            sides.append(self._journal.read_trials(states=["complete"], origins=_RANDOM_SEARCH))
        finalists = [_best_first(trials, most) for trials in sides]
        fresh = self.retrain_all(chain(*finalists), repeats, progress=progress)
        first = len(finalists[0])
        winners = [_best_mean(side) for side in (fresh[:first], fresh[first:]) if side]
        return Confirmed(winners[0], winners[1] if len(winners) > 1 else None)

    def __repr__(self) -> str:
        return f"<study of {self.space.name} in {self._journal.path or 'memory'}>"

    def _loop(self, driver: Driver, limit: float, baseline: bool, tell: Progress) -> str:
        """Evaluates what is queued and proposes more, until there is a reason to stop."""
        while True:
            driver.work_off()
            self._finish_rounds(tell)
            if driver.out_of_time:
                return "the time is over"
            trials = self._journal.read_trials()
            if any(trial.state == "queued" and trial.origin != BASELINE for trial in trials):
                return f"{driver.finished} trials are done"  # left over from a run with a larger budget
            state = self._journal.settings.get("searcher state")
            proposed = self._proposer.propose(trials, limit, baseline, state, tell)
            if not proposed.proposals:
                if driver.finished < limit:
                    return f"the space {self.space.name!r} is exhausted after {driver.finished} trials"
                return f"{driver.finished} trials are done"
            self._queue(proposed, trials, tell)

    def _queue(self, proposed: Round, before: list[Trial], tell: Progress) -> None:
        # Search and baseline count for themselves, so that a search is the same with a baseline beside it.
        counts = Counter(trial.origin == BASELINE for trial in before)
        seeds = []
        for proposal in proposed.proposals:
            random = proposal.origin == BASELINE
            seeds.append(derive(self.seed, "baseline trial" if random else "trial", counts[random]))
            counts[random] += 1
        trials = [
            Trial(
                number=number,
                round=proposed.number,
                origin=proposal.origin,
                state="queued",
                key=self.space.key(proposal.architecture),
                architecture=proposal.architecture,
                seed=seed,
                predicted=proposal.predicted,
            )
            for number, (proposal, seed) in enumerate(
                zip(proposed.proposals, seeds, strict=True), len(before)
            )
        ]
        beside = sum(trial.origin == BASELINE for trial in trials)
        row = {
            "round": proposed.number,
            "trials": len(trials) - beside,
            "baseline_trials": beside,
            "learned_from": proposed.learned_from,
            "fit_seconds": proposed.fit_seconds,
            "candidates": proposed.candidates,
            "search_seconds": proposed.search_seconds,
        }
        self._journal.propose(trials, row, proposed.searcher_state)
        tell(
            RoundStarted(
                proposed.number, len(trials) - beside, beside, proposed.candidates, proposed.search_seconds
            )
        )

    def _finish_rounds(self, tell: Progress) -> None:
        """Writes the ranker's tau on each round of which no trial is outstanding."""
        rounds = self._journal.rounds
        for number in rounds.loc[rounds["finished"].isna(), "round"].astype(int):
            trials = self._journal.read_trials(round=int(number))
            if any(trial.state in ("queued", "running") for trial in trials):
                continue
            own = _tau(trial for trial in trials if trial.origin != BASELINE)
            random = _tau(trial for trial in trials if trial.origin == BASELINE)
            self._journal.finish_round(int(number), tau=own, tau_baseline=random)
            tell(RoundFinished(int(number), own, random))

    def _register(self, settings: Mapping[str, object]) -> None:
        """Claims a new journal, or makes sure that an old one is of this study."""
        evaluator = json.loads(_to_json(self._evaluator.describe()))
        identity = {"space": self.space.name, "seed": self.seed, "evaluator": evaluator}
        known = self._journal.settings
        for name, value in identity.items():
            if known.get(name, value) != value:
                raise JournalError(
                    f"{self._journal.path} is of a study with {name} {known[name]}, not {value}; "
                    "use the same arguments to go on with it, or another storage"
                )
        command, versions = shlex.join(sys.orig_argv), _versions()
        if not known:
            once = {"settings": settings, "versions": versions, "command": command, "created": time.time()}
            self._journal.describe({**identity, **once})
        self._journal.add_session(command, settings, versions)


def _tau(trials: Iterable[Trial]) -> float:
    """Kendall's tau-b between prediction and score; NaN where it is not defined."""
    pairs = [(t.score, t.predicted) for t in trials if t.state == "complete" and t.predicted == t.predicted]
    return metrics.kendall_tau(*zip(*pairs, strict=True)) if len(pairs) > 1 else math.nan


def _best(trials: list[Trial]) -> Trial:
    return _best_first(trials, 1)[0]


def _best_first(trials: list[Trial], most: int) -> list[Trial]:
    """The best trials, each network once, the first of equals first.

    Raises:
        FailedError: there is none.
    """
    if not trials:
        raise FailedError("no trial has succeeded yet")
    networks: dict[str, Trial] = {}
    for trial in sorted(trials, key=lambda trial: -trial.score):  # stable: the first of equals stays first
        networks.setdefault(trial.key, trial)
    return list(networks.values())[:most]


def _best_mean(finalists: list[Retrained]) -> Retrained:
    scored = [one for one in finalists if one.scores]
    if not scored:
        raise FailedError(
            "each fresh evaluation of the best networks failed; `retrains` of the journal say why"
        )
    return max(scored, key=lambda one: one.score)


def _to_json(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _versions() -> dict[str, str]:
    """Of what decides the results."""
    versions = {"python": platform.python_version()}
    for package in ("egraph", "torch", "numpy", "scikit-learn"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _ignore(event: Event) -> None:
    pass

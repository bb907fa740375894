"""`Study`: the arguments, results and runs of a search."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import pandas as pd
from numpy.typing import ArrayLike

from egraph.architecture import Architecture
from egraph.checks import check_whole
from egraph.evaluation.base import Evaluation, Evaluator, Fitness
from egraph.evaluation.wrapping import as_evaluator
from egraph.executors import Engine
from egraph.spaces import SearchSpace
from egraph.spaces.limited import Cost
from egraph.study._arguments import Searchers, check_budget
from egraph.study._assembly import Arguments, assemble
from egraph.study._events import Event, ignore
from egraph.study._finalists import best_baseline_trials, best_trials, confirm
from egraph.study._given import add_known, enqueue, tell
from egraph.study._guide import Predictor
from egraph.study._journal import Journal
from egraph.study._retrain import FINALISTS, Confirmed, Retrained, retrain
from egraph.study._trial import OWN, Trial, known_first

__all__ = ["Study"]

Progress = Callable[[Event], object]


class Study:
    """Finds a good architecture with few real evaluations.

    The first trials are random architectures, or the best of many by a score that needs no training. Rounds
    follow. In each, the ranker learns from all trials so far, and the searcher runs with the ranker as
    fitness. Of thousands of candidates, those with the best predictions are evaluated, and a few that are
    promising and different. Each round records how well the ranker had ordered its trials in advance.

    A round depends only on the seed and on the results that were known when it was proposed. With
    ``storage``, every step is written to the journal at once. An interrupted study resumes when it is created
    and run again with the same arguments. With one worker, or ``synchronous``, it ends with the same history
    as an uninterrupted one. Data count as the same by their
    content, functions by their name or their code, whatever file or module they are in now.

    Args:
        space: Search space, or the name of one.
        evaluate: An `Evaluator`, or a fitness: a callable from architectures to scores, higher is better.
            Its parameter ``seed``, if any, gets the seed of each evaluation. None for `ask` and `tell`.
        storage: File of the journal, created if it does not exist; None keeps the journal in memory.
        seed: Seed of all random choices. Each evaluation gets a seed derived from it.
        ranker: Model with ``fit`` and ``predict`` as in scikit-learn; None is the default `egraph.Ranker`. A
            fitted model, or one with ``predict`` alone, such as `egraph.fitness` gives, guides from the first
            round on. It is then the prior of an `egraph.Ranker`, with its own settings if it is one, that
            learns from the trials. With False there is none, and the searcher sees the real scores.
        searcher: Name of the searcher or of a differentiable method, with options if wanted, as
            `find_searcher` reads it; its class; a callable that takes ``space, seed=``; or a sequence of
            these, which share the work. None is regularized evolution, or NSGA-II with ``costs``.
        shares: Percentages of the candidates, and of the trials that the ranker chooses among them: from the
            searchers, from mutants of the best trials, and from random samples. None is (60, 30, 10).
        workers: Number of evaluations at a time; more than one run in processes of their own. A free worker
            gets the next trial at once: a round is proposed as soon as no trial waits. The history then
            depends on the order of the results, which the journal keeps (`Trial.known_in`).
        initial: Number of trials before the first fit.
        screen: Fitness without training that chooses them among more random architectures; or the name of a
            zero-cost proxy, or several joined by ``+``. None is the evaluator's own `Evaluator.screen`, if it
            has one and no fitted ranker is given; False or ``"none"`` takes random ones. With a fitted
            ranker, its predictions are fused with the score (`egraph.evaluation.fuse`).
        screen_count: Number of architectures that it chooses from; None is 16 times ``initial``.
        screen_seconds: Time after which it scores no further one, at most a quarter of the ``seconds`` of a
            run. Architectures without a score come last.
        costs: Functions from an architecture to a cost, by name; lower is better. The study then searches for
            the best trade-offs of score and costs: `MultiObjective` searchers get the costs, a ranker's
            candidates are chosen by predicted score and costs, and the journal keeps the costs of each trial.
        batch: Number of trials a round; None is 8 with a ranker, and 1 without one, or with ``synchronous``
            the number of workers. With a ranker and several workers that do not wait, None is one for each
            free worker, or as many as keep the time of proposing at a twentieth, up to a quarter of the
            workers or 8.
        far: Number of trials of a round that are chosen for their difference; of a smaller or larger round in
            proportion, two of eight, if ``batch`` is None.
        candidates: Number of architectures that the ranker scores in a round; None is 2000, or 300 where each
            is read from a network that is built (`SearchSpace.traced`). Of a space that has no more,
            all are scored, without a searcher, if neither ``searcher`` nor ``shares`` is given.
        recalibrate: When the ranker is fitted again: ``"every=N"``, after N new trials; ``"seconds=S"``,
            after new trials that cost S seconds together; ``"drift"``, after an alarm of drift, which always
            causes a fit. With the last two also before each round until it has learned from ``initial`` ones.
        max_failures: Number of trials in succession that may fail before the run stops with an error.
        fidelities: Cheaper evaluations, by names that the evaluator reads (`Evaluator.at`), each more
            expensive than the one before it; the last is the whole one. Of a training they are shares of the
            epochs, such as ``[0.1, 0.3, 1]``. New networks enter at the first, and the best of each are
            promoted; the ranker learns from all. Whole scores alone decide which network is best.
        brackets: Number of the lowest fidelities at which new networks enter, which share the cost equally;
            1 is asynchronous successive halving, the number of ``fidelities`` is Hyperband.
        trial_seconds: Time after which an evaluation has failed; None is no limit. With several workers its
            process is ended. With one, a `egraph.evaluation.Training` is ended between two steps, an
            `OwnTraining` at a report. Evaluations by another evaluator (`retrain`) have no limit.
        timeout: The same as ``trial_seconds`` where it is a number. A multiple such as ``"5x"``: a trial that
            takes so many times the usual duration of its fidelity has failed, and its process is ended.
        backup: A multiple such as ``"2x"``: a worker for which there is no new trial repeats, with the same
            seed, the trial that is furthest past this multiple of the usual duration. The first result
            counts, and the other process is ended. The usual duration is the median, once five trials of the
            fidelity are known; a trial is not late in its first second.
        synchronous: Whether a round begins when the last one is done, whatever the number of workers.
        executor: What runs the evaluations: ``inline``, ``processes``, ``ray`` with options if wanted, or
            ``package.module:make`` or a function that makes a `egraph.executors.Executor`; see
            `egraph.executors.find_engine`. None is ``inline`` with one worker, else ``processes``.
        force_resume: Whether to resume a journal of another space, seed, evaluator or number of brackets; it
            keeps what differed.

    Raises:
        UsageError: An argument is of the wrong type or out of range.
        JournalError: The journal is damaged, of another study, or held by another process.

    Attributes:
        stopped: Reason why the last run ended; empty before the first one.
    """

    def __init__(
        self,
        space: SearchSpace | str,
        evaluate: Evaluator | Callable[..., Any] | None,
        *,
        storage: str | os.PathLike[str] | None = None,
        seed: int = 0,
        ranker: Predictor | Literal[False] | None = None,
        searcher: Searchers | None = None,
        shares: Sequence[float] | None = None,
        workers: int = 1,
        initial: int = 16,
        screen: Fitness | str | Literal[False] | None = None,
        screen_count: int | None = None,
        screen_seconds: float = 20,
        costs: Mapping[str, Cost] | None = None,
        batch: int | None = None,
        far: int = 2,
        candidates: int | None = None,
        recalibrate: str = "every=1",
        max_failures: int = 30,
        fidelities: Sequence[float | str] | None = None,
        brackets: int = 1,
        trial_seconds: float | None = None,
        timeout: float | str | None = None,
        backup: str | None = None,
        synchronous: bool = False,
        executor: Engine | None = None,
        force_resume: bool = False,
    ) -> None:
        self._parts = parts = assemble(Arguments(
            space, evaluate, storage=storage, seed=seed, ranker=ranker, searcher=searcher, shares=shares,
            workers=workers, initial=initial, screen=screen, screen_count=screen_count,
            screen_seconds=screen_seconds, costs=costs, batch=batch, far=far, candidates=candidates,
            recalibrate=recalibrate, max_failures=max_failures, fidelities=fidelities,
            brackets=brackets, trial_seconds=trial_seconds, synchronous=synchronous, executor=executor,
            force_resume=force_resume, timeout=timeout, backup=backup,
        ))  # fmt: skip
        self.space, self.seed, self.workers, self.stopped = parts.space, parts.seed, parts.workers, ""
        self._journal, self._runner = parts.journal, parts.runner

    def __enter__(self) -> Study:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the journal, so that other processes can write it."""
        self._journal.close()

    @property
    def journal(self) -> Journal:
        """The journal, with everything that is on disk."""
        return self._journal

    @property
    def trials(self) -> pd.DataFrame:
        """One row a trial, in the order of proposing; the columns are the fields of `Trial`."""
        return self._journal.trials

    @property
    def rounds(self) -> pd.DataFrame:
        """One row a round: sizes, times, and what the ranker promised and delivered for its trials."""
        return self._journal.rounds

    @property
    def best(self) -> Trial:
        """The whole trial with the best score, the first of equals; not those of the random baseline.

        Raises:
            FailedError: No whole trial has succeeded yet.
        """
        return best_trials(self._journal, 1)[0]

    @property
    def baseline_best(self) -> Trial:
        """The best trial of random search: of random initial trials and the baseline's.

        Raises:
            FailedError: None has succeeded yet.
        """
        return best_baseline_trials(self._journal, 1)[0]

    @property
    def ranker(self) -> Predictor | None:
        """The ranker, fitted to all trials so far; None without one or with too few successful trials."""
        if self._parts.guide is None:
            return None
        return self._parts.guide.fit(known_first(self._journal.read_trials(origins=OWN)))[0]

    @property
    def survivors(self) -> list[Architecture]:
        """Populations of the searchers that have ``members`` (``pareto-evolution``), after all trials."""
        return self._parts.team.find_survivors(self._journal)

    def add(self, architectures: Iterable[Architecture], scores: ArrayLike) -> int:
        """Takes results that the same evaluation gave before; ranker and searcher learn from them.

        They cost nothing of a run's budget, and stand for as many first trials.

        Args:
            architectures: Architectures of the space.
            scores: Their scores, ``(architectures,)``, finite, higher is better.

        Returns:
            The number of results that are new.

        Raises:
            ArchitectureError: An architecture is not of the space; the text has its position.
            UsageError: Scores are not finite, or not one for each architecture.
        """
        return add_known(self._journal, self.space, self.seed, self._runner.meter, architectures, scores)

    def enqueue(self, architectures: Iterable[Architecture]) -> int:
        """Makes architectures the next trials, in their order; those that have a trial are left out.

        They count in the budget of the next run. Returns the number of new trials.

        Raises:
            ArchitectureError: An architecture is not of the space.
        """
        return enqueue(self._journal, self.space, self.seed, self._runner.meter, architectures)

    def run(
        self,
        trials: float | None = None,
        seconds: float | None = None,
        *,
        baseline: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Runs until the budget is spent or the space exhausted; `stopped` then gives the reason.

        Args:
            trials: Total number of trials of the study, earlier and failed ones included. With fidelities it
                is their total cost in whole trials: ten trials that cost a tenth count as one.
            seconds: Time of this run after which no trial begins; trials that run are finished.
            baseline: Whether to run a random search with the same number of whole trials beside it. Whole
                random initial trials count for both searches. The other random trials do not count in
                ``trials``, and neither ranker nor searcher learns from them.
            progress: Called with each `Event`.

        Raises:
            UsageError: No budget was given, or it is not positive.
            FailedError: More than ``max_failures`` trials failed in succession.
            EgraphError: The evaluation cannot work at all.
        """
        check_budget(trials, seconds, [one.cost for one in self._runner.fidelities])
        self.stopped = self._runner.run(trials, seconds, baseline, progress or ignore)

    def ask(
        self, most: int | None = None, *, trials: float | None = None, baseline: bool = False
    ) -> list[Trial]:
        """Hands out the next trials, to be evaluated anywhere; `tell` takes their scores.

        A round is proposed when all trials of the last one are told, as in a synchronous `run`. Trials that
        are handed out stay so until they are told, in later processes too.

        Args:
            most: Largest number of trials; None for the rest of the round.
            trials: Total number of trials of the study, as in `run`; None for no limit.
            baseline: Whether to hand out trials of a random search beside it, as in `run`.

        Returns:
            The trials; none while the round waits for scores, or where nothing is left, as `stopped` tells.

        Raises:
            UsageError: An argument is not positive.
        """
        if most is not None:
            check_whole(1, most=most)
        check_budget(trials, math.inf, [one.cost for one in self._runner.fidelities])
        self.stopped, asked = self._runner.ask(math.inf if most is None else most, trials, baseline)
        return asked

    def tell(self, trial: Trial | int, score: float | Evaluation | None, reason: str = "") -> Trial:
        """Takes the score of a trial that was evaluated outside.

        Args:
            trial: Trial that `ask` gave, or its number.
            score: Score, higher is better; an `Evaluation`; or None where the evaluation failed.
            reason: Reason of the failure.

        Returns:
            The trial with its result. To tell the same twice is one.

        Raises:
            UsageError: There is no such trial, it has another result already, or the score is not finite.
        """
        number = trial.number if isinstance(trial, Trial) else trial
        return tell(self._journal, number, score, reason)

    def retrain(self, trial: Trial | Architecture, repeats: int = 3, **options: Any) -> Retrained:
        """Evaluates one trial or architecture again, as `retrain_all` does several with the same options."""
        return self.retrain_all([trial], repeats, **options)[0]

    def retrain_all(
        self,
        trials: Iterable[Trial | Architecture],
        repeats: int = 3,
        *,
        evaluate: Evaluator | Callable[..., Any] | None = None,
        progress: Progress | None = None,
    ) -> list[Retrained]:
        """Evaluates architectures again with fresh seeds, the same ones for each, in all workers.

        Args:
            trials: Trials or architectures, each with a result. Two of one network are evaluated as one.
            repeats: Number of evaluations of each. Those that the journal already holds are not repeated.
            evaluate: Evaluator or fitness, such as a longer training; None is the study's own.
            progress: Called with a `RetrainStarted`, and with a `RetrainFinished` after each evaluation.

        Raises:
            UsageError: ``repeats`` is not positive, or above 1 without a seed; or scores come later.
        """
        check_whole(1, repeats=repeats)
        graphs = [one.architecture if isinstance(one, Trial) else one for one in trials]
        by_key = {self.space.key(graph): graph for graph in graphs}
        evaluator = self._runner.evaluator if evaluate is None else as_evaluator(evaluate)
        fresh = retrain(
            self._journal, evaluator, by_key, repeats=repeats,
            seed=self.seed, workers=self.workers, emit=progress or ignore,
            seconds=self._runner.trial_seconds if evaluate is None else None, engine=self._runner.engine,
        )  # fmt: skip
        return [fresh[self.space.key(graph)] for graph in graphs]

    def confirm(
        self, most: int = FINALISTS, repeats: int = 3, *, progress: Progress | None = None
    ) -> Confirmed:
        """Evaluates the best few networks again with fresh seeds; the best mean score wins.

        The best of many noisy scores is partly luck. If random search ran beside the study, its winner is
        chosen in the same way. Test scores decide nothing.

        Args:
            most: Number of the best networks of each search that are evaluated again.
            repeats: Number of evaluations of each. Those that the journal already holds are not repeated.
            progress: Called as by `retrain_all`.

        Raises:
            UsageError: An argument is not positive, or ``repeats`` is above 1 without a seed.
            FailedError: No trial has succeeded yet, or each of the fresh evaluations failed.
        """
        check_whole(1, most=most, repeats=repeats)
        return confirm(self._journal, most, partial(self.retrain_all, repeats=repeats, progress=progress))

    def __repr__(self) -> str:
        return f"<study of {self.space.name} in {self._journal.path or 'memory'}>"

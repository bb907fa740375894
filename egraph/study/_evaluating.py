"""Evaluations as jobs of an executor. What goes wrong becomes a failed outcome."""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from egraph.architecture import Architecture
from egraph.errors import (
    ArchitectureError,
    EgraphError,
    EvaluationError,
    FailedError,
    ScoreLaterError,
    UsageError,
)
from egraph.evaluation import ZeroCost
from egraph.evaluation.base import Evaluation, Evaluator
from egraph.executors import (
    Engine,
    Executor,
    UnsendableError,
    WorkerDiedError,
    WorkerLoadError,
    WorkerStartError,
    WorkerTimeoutError,
    describe_error,
    one_line,
    open_executor,
)
from egraph.study._trial import WHOLE_COST, State

__all__ = ["MOST_LOSSES", "Job", "Outcome", "Preview", "evaluate", "open_evaluation", "read_outcome"]

MOST_LOSSES = 3
"""Number of processes that may end without a word during an evaluation before it counts as failed.

From outside a process that a person kills looks like one that ran out of memory. So one or two do not count.
"""

_GRACE = 1.0
"""Seconds in which an evaluation can end itself after its time limit, before its process is ended."""

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Job:
    """One evaluation.

    Attributes:
        architecture: Architecture to evaluate.
        seed: Seed of the evaluation.
        fidelity: Cost relative to a whole evaluation, which names the evaluator.
        number: Number of the trial; None for an evaluation that is no trial.
    """

    architecture: Architecture
    seed: int
    fidelity: float = WHOLE_COST
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """The score of an architecture without training.

    Attributes:
        architecture: Architecture to score.
    """

    architecture: Architecture


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a job.

    Attributes:
        seconds: Duration of the job.
        evaluation: The measurement; None where the job failed or was a preview.
        values: The scores of a preview, one a proxy; empty where it failed.
        reason: Reason of the failure.
        later: Whether the measurement comes later, from outside.
        fatal: An error that every other job would raise too, so that the run must stop.
    """

    seconds: float
    evaluation: Evaluation | None = None
    values: tuple[float, ...] = ()
    reason: str = ""
    later: bool = False
    fatal: EgraphError | None = None

    @property
    def state(self) -> State:
        """State of a trial with this outcome."""
        if self.later:
            return "asked"
        return "failed" if self.evaluation is None else "complete"

    @property
    def measured(self) -> Evaluation:
        """The measurement; where the job failed, one without a score."""
        return self.evaluation or Evaluation(math.nan, seconds=self.seconds)


def open_evaluation(
    evaluator: Evaluator,
    workers: int,
    preview: Evaluator | None = None,
    cheaper: Mapping[float, Evaluator] | None = None,
    seconds: float | None = None,
    engine: Engine | None = None,
) -> Executor[Job | Preview, Outcome]:
    """An executor that evaluates; with one worker, in this process.

    Args:
        evaluator: Does the jobs.
        workers: Number of jobs at a time.
        preview: Does the previews.
        cheaper: Evaluators of all fidelities by their cost, in place of the first argument.
        seconds: Time limit of a job; None is none.
        engine: Engine of the executor; see `egraph.executors.open_executor`.

    Raises:
        UsageError: The evaluator cannot be sent to other processes.
    """
    try:
        evaluators = cheaper or {WHOLE_COST: evaluator}
        if seconds is None:
            return open_executor(_Evaluate(evaluators, preview), workers, engine=engine)
        limited = _Evaluate({cost: one.within(seconds) for cost, one in evaluators.items()}, preview)
        return open_executor(
            limited, workers, initializer=limited.prepare, seconds=seconds + _GRACE, engine=engine
        )
    except UnsendableError as error:
        raise UsageError(
            f"the evaluation cannot be sent to worker processes ({error}); "
            "define it at the top of a module, or use workers=1"
        ) from None


def evaluate(
    executor: Executor[Job, Outcome],
    jobs: Mapping[Name, Job],
    losses: Mapping[Name, int],
    *,
    begin: Callable[[Name], object],
    stop: Callable[[], bool] = lambda: False,
    more: Callable[[], Mapping[Name, Job]] = dict,
) -> Iterator[dict[Name, Outcome]]:
    """Does jobs in their order; yields the outcomes of those that are done as soon as there are any.

    A job that was lost with its process comes after the others and runs alone, so that it has nothing but
    itself to lose. If it was lost `MOST_LOSSES` times, it has failed.

    Args:
        executor: Executor of the jobs.
        jobs: Jobs by name.
        losses: Numbers of processes that ended during a job, by its name; none where it is absent.
        begin: Called with the name of each job before it begins.
        stop: Whether no further job may begin.
        more: Called when no job waits, also while others run; gives further jobs, or none.
    """
    jobs, waiting = dict(jobs), deque(sorted(jobs, key=lambda name: losses.get(name, 0)))
    running: dict[Future[Outcome], Name] = {}
    while True:
        if not (waiting or stop()):
            fresh = more()
            jobs.update(fresh)
            waiting.extend(fresh)
        lost = losses.get(waiting[0], 0) if waiting else 0
        room = len(running) < (1 if lost else executor.capacity)
        if waiting and room and not stop():
            name = waiting.popleft()
            begin(name)
            if lost >= MOST_LOSSES:
                yield {name: _give_up(lost)}
            else:
                running[executor.submit(jobs.pop(name))] = name
        elif running:
            yield {running.pop(future): read_outcome(future) for future in executor.wait()}
        else:
            return


def _give_up(losses: int) -> Outcome:
    return Outcome(
        math.nan,
        reason=f"the process ended {losses} times during this evaluation, perhaps out of memory; limit the "
        "size of networks (--max-params), or use worker processes (--workers 2), of which only one would end",
    )


def read_outcome(future: Future[Outcome]) -> Outcome:
    """The outcome of a job that is done. A process that died has failed its own job only.

    Raises:
        FailedError: No process can start, or none can load the evaluation.
    """
    try:
        return future.result()
    except WorkerDiedError as error:
        return Outcome(error.seconds, reason=str(error))
    except WorkerTimeoutError as error:
        limit = error.seconds - _GRACE
        return Outcome(
            error.seconds,
            reason=f"not finished after {limit:g} s, its process was ended; allow more time, or limit the "
            "size of networks",
        )
    except WorkerStartError as error:
        raise FailedError(
            f"a worker process could not start (exit code {error.code}); in a script, run the study under "
            "`if __name__ == '__main__':`, or use workers=1"
        ) from None
    except WorkerLoadError as error:
        raise FailedError(f"a worker process could not load the evaluation: {error.reason}") from None


@dataclass(frozen=True, slots=True)
class _Evaluate:
    """The function of the executor."""

    evaluators: Mapping[float, Evaluator]
    preview: Evaluator | None = None

    def __call__(self, job: Job | Preview) -> Outcome:
        begun = time.perf_counter()

        def outcome(**what: Any) -> Outcome:
            return Outcome(time.perf_counter() - begun, **what)

        try:
            if isinstance(job, Preview):
                return outcome(values=self._preview(job.architecture))
            evaluator = self.evaluators[job.fidelity]
            if job.number is not None:
                evaluator = evaluator.numbered(job.number)
            evaluation = evaluator.evaluate(job.architecture, seed=job.seed)
            usable = math.isfinite(evaluation.score)
        except ScoreLaterError as error:
            return outcome(later=True, reason=one_line(str(error)))
        except (EvaluationError, ArchitectureError) as error:
            return outcome(reason=one_line(str(error)))
        except EgraphError as error:
            return outcome(fatal=error)
        except Exception as error:  # noqa: BLE001, a training may fail in any way; it is one failed trial
            return outcome(reason=describe_error(error))
        if not usable:
            return outcome(reason=f"the score is {evaluation.score}")
        return outcome(evaluation=evaluation)

    def prepare(self) -> None:
        """Loads what the evaluations share. An error comes again in each of them, which tells it."""
        with contextlib.suppress(Exception):
            for evaluator in self.evaluators.values():
                evaluator.prepare()

    def _preview(self, architecture: Architecture) -> tuple[float, ...]:
        """The scores of an architecture; of several proxies each has its own, because ranks need all."""
        assert self.preview is not None
        if isinstance(self.preview, ZeroCost):
            return tuple(self.preview.columns([architecture])[0].tolist())
        return (float(self.preview([architecture])[0]),)

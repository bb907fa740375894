"""Evaluations as jobs of an executor. What goes wrong becomes a failed outcome."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import Future
from typing import TypeVar

from egraph.errors import FailedError, UsageError
from egraph.evaluation.base import Evaluator
from egraph.executors import (
    Engine,
    Executor,
    UnsendableError,
    WorkerDiedError,
    WorkerLoadError,
    WorkerLostError,
    WorkerRefusedError,
    WorkerStartError,
    WorkerTimeoutError,
    is_local,
    open_executor,
)
from egraph.study._copies import Copies
from egraph.study._jobs import Evaluate, Job, Outcome, Preview
from egraph.study._stragglers import Usual
from egraph.study._trial import WHOLE_COST
from egraph.study._working import Work, carry

__all__ = ["MOST_LOSSES", "evaluate", "open_evaluation", "read_outcome"]

MOST_LOSSES = 3
"""Number of processes that may end without a word during an evaluation before it counts as failed.

From outside a process that a person kills looks like one that ran out of memory. So one or two do not count.
"""

_GRACE = 1.0
"""Seconds in which an evaluation can end itself after its time limit, before its process is ended."""

Name = TypeVar("Name", bound=Hashable)


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
    evaluators: Mapping[float, Evaluator] = cheaper or {WHOLE_COST: evaluator}
    limit = None
    if seconds is not None:
        evaluators, limit = {cost: one.within(seconds) for cost, one in evaluators.items()}, seconds + _GRACE
    function = Evaluate(evaluators, preview)
    if not is_local(engine):
        return carry(open_executor(Work.of(function), workers, seconds=limit, engine=engine))
    try:
        prepare = None if seconds is None else function.prepare
        return open_executor(function, workers, initializer=prepare, seconds=limit, engine=engine)
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
    usual: Usual | None = None,
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
        usual: Limits of the durations as multiples of the usual one; None for none.

    Raises:
        UsageError: There are limits, and the executor cannot end a job.
    """
    jobs, waiting = dict(jobs), deque(sorted(jobs, key=lambda name: losses.get(name, 0)))
    running: Copies[Name] = Copies(executor, read_outcome, usual)
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
                running.submit(name, jobs.pop(name), single=bool(lost))
        elif running:
            if not (waiting or stop()) and len(running) < executor.capacity:
                running.back_up()
            yield running.wait()
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
    except (WorkerDiedError, WorkerLostError) as error:
        return Outcome(error.seconds, reason=str(error))
    except WorkerRefusedError as error:
        raise FailedError(f"a worker can do nothing for this study: {error}") from None
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

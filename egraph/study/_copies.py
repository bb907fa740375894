"""The jobs that run: each once, or twice where it is late."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar, cast

from egraph.errors import UsageError
from egraph.executors import Executor, Stoppable
from egraph.study._jobs import Job, Outcome
from egraph.study._stragglers import NO_LIMITS, Usual

__all__ = ["Copies"]

Name = TypeVar("Name", bound=Hashable)

_SOONEST = 0.05
"""Shortest time to wait for a limit, in seconds."""


class Copies(Generic[Name]):
    """Jobs that run, by name. Of two copies of a job the first result counts; the other is ended.

    Args:
        executor: Executor of the jobs.
        read: Function from a future that is done to its outcome.
        usual: Limits of the jobs; without any, a job runs until it ends by itself.

    Raises:
        UsageError: There are limits, and the executor cannot end a job.
    """

    def __init__(
        self,
        executor: Executor[Job, Outcome],
        read: Callable[[Future[Outcome]], Outcome],
        usual: Usual | None = None,
    ) -> None:
        self._executor, self._read = executor, read
        self._usual = usual or Usual(NO_LIMITS)
        self._stoppable = cast(Stoppable[Job, Outcome], executor) if self._usual.patience.is_set else None
        if self._stoppable is not None and not isinstance(executor, Stoppable):
            raise UsageError(
                "a multiple as timeout, and backup, end trainings, which these workers cannot: use worker "
                "processes (workers=2, or executor='processes')"
            )
        self._names: dict[Future[Outcome], Name] = {}
        self._jobs: dict[Name, Job] = {}
        self._copies: dict[Name, list[Future[Outcome]]] = {}
        self._single: set[Name] = set()

    def __len__(self) -> int:
        """Number of workers that are busy."""
        return len(self._names)

    def submit(self, name: Name, job: Job, *, single: bool = False) -> None:
        """Starts a job; with ``single``, it never gets a second copy."""
        self._jobs[name], self._copies[name] = job, []
        if single:
            self._single.add(name)
        self._start(name)

    def back_up(self) -> None:
        """Starts a second copy of the job that is furthest past its limit for that, if one is."""
        late = {name: self._seconds(name) / self._usual.lateness(job.fidelity) for name, job in self._open()}
        if late and max(late.values()) >= 1:
            self._start(max(late, key=lambda name: late[name]))

    def wait(self) -> dict[Name, Outcome]:
        """Waits until a job ends, is late or past its limit; the outcomes, which may be none."""
        done = self._executor.wait() if self._stoppable is None else self._stoppable.wait(self._next_limit())
        outcomes: dict[Name, Outcome] = {}
        for future in done:
            name = self._names.pop(future, None)
            if name is None:  # a copy whose job is done
                continue
            self._copies[name].remove(future)
            outcome = self._read(future)
            failed = outcome.evaluation is None and outcome.fatal is None and not outcome.later
            if failed and self._copies[name]:  # the other copy may succeed
                continue
            if outcome.evaluation is not None:
                self._usual.learn(self._jobs[name].fidelity, outcome.seconds)
            self._end(name)
            outcomes[name] = outcome
        return outcomes | self._give_up()

    def _start(self, name: Name) -> None:
        future = self._executor.submit(self._jobs[name])
        self._names[future] = name
        self._copies[name].append(future)

    def _end(self, name: Name) -> None:
        """Ends the copies of a job that still run."""
        for other in self._copies.pop(name):
            del self._names[other]
            if self._stoppable is not None:
                self._stoppable.drop(other)
        del self._jobs[name]
        self._single.discard(name)

    def _give_up(self) -> dict[Name, Outcome]:
        """Ends the jobs that are past their limit."""
        outcomes = {}
        for name, job in list(self._jobs.items()):
            limit = self._usual.limit(job.fidelity)
            if limit < math.inf and (seconds := self._seconds(name)) >= limit:
                usual = self._usual.duration(job.fidelity)
                outcomes[name] = Outcome(
                    seconds,
                    reason=f"not finished after {seconds:.3g} s, {self._usual.patience.timeout:g} times the "
                    f"usual {usual:.3g} s; given up (timeout)",
                )
                self._end(name)
        return outcomes

    def _open(self) -> list[tuple[Name, Job]]:
        """Jobs that may get a second copy."""
        return [
            (name, job)
            for name, job in self._jobs.items()
            if len(self._copies[name]) == 1 and name not in self._single
        ]

    def _seconds(self, name: Name) -> float:
        """Time that a job has run: its first copy that lives."""
        return 0.0 if self._stoppable is None else self._stoppable.elapsed(self._copies[name][0])

    def _next_limit(self) -> float | None:
        """Seconds until the next job is late or past its limit; None where no limit is known."""
        left = [self._usual.limit(job.fidelity) - self._seconds(name) for name, job in self._jobs.items()]
        if len(self) < self._executor.capacity:
            late = (self._usual.lateness(job.fidelity) - self._seconds(name) for name, job in self._open())
            left += [seconds for seconds in late if seconds > 0]
        soonest = min(left, default=math.inf)
        return None if soonest == math.inf else max(soonest, _SOONEST)

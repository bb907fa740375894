"""The interface of executors."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol, TypeVar, runtime_checkable

__all__ = ["Executor", "Job", "Result", "Stoppable"]

Job = TypeVar("Job")
Result = TypeVar("Result")
_Taken = TypeVar("_Taken", contravariant=True)


@runtime_checkable
class Executor(Protocol[_Taken, Result]):
    """Does jobs with one function."""

    @property
    def capacity(self) -> int:
        """Number of jobs that run at a time, at least 1; further ones wait."""

    def submit(self, job: _Taken) -> Future[Result]:
        """Queues a job."""

    def wait(self) -> list[Future[Result]]:
        """Waits until at least one job is done.

        Returns:
            The futures of the jobs that were done since the last call; none where no job is left, and
            where more can run than before.
        """

    def close(self) -> None:
        """Stops the jobs that still run and drops those that wait."""


@runtime_checkable
class Stoppable(Executor[_Taken, Result], Protocol[_Taken, Result]):
    """An executor that can end one job and leave the others; limits of durations need it."""

    def wait(self, seconds: float | None = None) -> list[Future[Result]]:
        """The same as of any executor.

        Args:
            seconds: Longest time to wait; None for no limit. After it the list is empty.
        """

    def elapsed(self, future: Future[Result]) -> float:
        """Seconds that a job has run; 0 while it waits, or its worker starts."""

    def drop(self, future: Future[Result]) -> None:
        """Ends a job that runs or waits; `wait` does not return its future. Any other future is ignored."""

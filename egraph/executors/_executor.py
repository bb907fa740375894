"""The interface of executors."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol, TypeVar

__all__ = ["Executor", "Job", "Result"]

Job = TypeVar("Job")
Result = TypeVar("Result")
_Taken = TypeVar("_Taken", contravariant=True)


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
            The futures of the jobs that were done since the last call; an empty list where no job is left.
        """

    def close(self) -> None:
        """Stops the jobs that still run and drops those that wait."""

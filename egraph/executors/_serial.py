"""Jobs in this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic

from egraph.executors._executor import Job, Result

__all__ = ["Serial"]


class Serial(Generic[Job, Result]):
    """Does one job at a time, in this process, when `wait` is called.

    Args:
        function: Does a job.
    """

    def __init__(self, function: Callable[[Job], Result]) -> None:
        self.capacity = 1
        self._function = function
        self._waiting: deque[tuple[Job, Future[Result]]] = deque()

    def submit(self, job: Job) -> Future[Result]:
        """Keeps the job until `wait`."""
        future: Future[Result] = Future()
        self._waiting.append((job, future))
        return future

    def wait(self) -> list[Future[Result]]:
        """Does the oldest job."""
        if not self._waiting:
            return []
        job, future = self._waiting.popleft()
        try:
            future.set_result(self._function(job))
        except Exception as error:  # noqa: BLE001, the caller finds it in the future
            future.set_exception(error)
        return [future]

    def close(self) -> None:
        """Drops the jobs that wait."""
        self._waiting.clear()

"""Jobs on any engine whose ``submit`` gives futures."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic

from egraph.errors import FailedError
from egraph.executors._errors import describe_error
from egraph.executors._executor import Job, Result

__all__ = ["Pool"]


class Pool(Generic[Job, Result]):
    """An executor over an engine with ``submit(function, job)``.

    The futures of the engine have ``done()`` and ``result()``, such as those of `concurrent.futures`, of
    Dask's ``Client`` and of ``submitit``. They are asked in turn, without callbacks and threads.

    Args:
        submit: Submits a job: called with the function and the job, it returns a future.
        function: Does a job.
        workers: Number of jobs at a time.
        close: Called at the end.
        seconds: Time between two looks at the futures.
    """

    def __init__(
        self,
        submit: Callable[[Callable[[Job], Result], Job], Any],
        function: Callable[[Job], Result],
        workers: int,
        *,
        close: Callable[[], object] = lambda: None,
        seconds: float = 0.1,
    ) -> None:
        self.capacity = workers
        self._submit, self._function, self._close, self._seconds = submit, function, close, seconds
        self._waiting: deque[tuple[Job, Future[Result]]] = deque()
        self._running: dict[Future[Result], Any] = {}

    def submit(self, job: Job) -> Future[Result]:
        """Gives a job to the engine; with as many as workers there, it waits."""
        future: Future[Result] = Future()
        self._waiting.append((job, future))
        self._start_waiting()
        return future

    def wait(self) -> list[Future[Result]]:
        """Looks at the futures until one is done."""
        while self._running:
            done = [future for future, theirs in self._running.items() if theirs.done()]
            if done:
                for future in done:
                    _take(future, self._running.pop(future))
                self._start_waiting()
                return done
            time.sleep(self._seconds)
        return []

    def close(self) -> None:
        """Cancels what runs, where the engine can, and ends the engine."""
        for theirs in self._running.values():
            if hasattr(theirs, "cancel"):
                theirs.cancel()
        self._running.clear()
        self._waiting.clear()
        self._close()

    def _start_waiting(self) -> None:
        while self._waiting and len(self._running) < self.capacity:
            job, future = self._waiting.popleft()
            self._running[future] = self._submit(self._function, job)


def _take(future: Future[Result], theirs: Any) -> None:
    """Takes the result of another engine's future; its errors as one line."""
    try:
        future.set_result(theirs.result())
    except Exception as error:  # noqa: BLE001, whatever the engine raises
        future.set_exception(FailedError(describe_error(error)))

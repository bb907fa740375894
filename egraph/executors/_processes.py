"""Jobs in worker processes. Every worker process is started here."""

from __future__ import annotations

import contextlib
import itertools
import math
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.connection import Connection
from typing import Any, Generic

from egraph.errors import FailedError
from egraph.executors._errors import (
    UnsendableError,
    WorkerDiedError,
    WorkerLoadError,
    WorkerStartError,
    WorkerTimeoutError,
    describe_error,
)
from egraph.executors._executor import Job, Result

__all__ = ["WORKER", "Processes", "end_unguarded"]

WORKER = "EGRAPH_WORKER"
"""Environment variable of a worker process: its number from 0 on, below the number of workers.

No two processes that live at a time have the same; one that replaces a dead one has its number.
"""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Processes(Generic[Job, Result]):
    """One job a process; a process that dies fails its own job and is replaced.

    The processes are spawned, not forked, so that they may use a GPU. They end with this process, however it
    ends. Where its process failed, the future of a job has a `WorkerDiedError`, `WorkerStartError`,
    `WorkerLoadError` or `WorkerTimeoutError`; where the function raised, a `FailedError` with one line of
    text.

    Args:
        function: Does a job.
        workers: Number of processes.
        threads: CPU threads of each process, where the environment does not say otherwise.
        initializer: Called once in each process, after the function was loaded.
        seconds: Time after which a process is ended that is not done with its job; None is no limit. The
            start of a process does not count.

    Raises:
        UnsendableError: The function or the initializer cannot be pickled.
    """

    def __init__(
        self,
        function: Callable[[Job], Result],
        workers: int,
        threads: int,
        initializer: Callable[[], object] | None,
        seconds: float | None = None,
    ) -> None:
        try:
            self._payload = pickle.dumps((function, initializer))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise UnsendableError(str(error)) from None
        self.capacity = workers
        self._threads = threads
        self._limit = math.inf if seconds is None else seconds
        self._waiting: deque[tuple[Job, Future[Result]]] = deque()
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []

    def submit(self, job: Job) -> Future[Result]:
        """Gives the job to an idle process or a new one; with all of them busy, it waits."""
        future: Future[Result] = Future()
        self._waiting.append((job, future))
        self._start_waiting()
        return future

    def wait(self, seconds: float | None = None) -> list[Future[Result]]:
        """Waits until a process answers, dies or takes too long, or so many seconds have passed."""
        done: list[Future[Result]] = []
        until = math.inf if seconds is None else time.perf_counter() + seconds
        while self._busy and not done and time.perf_counter() < until:
            watched = [end for worker in self._busy for end in (worker.pipe, worker.process.sentinel)]
            left = self._limit - max(worker.seconds for worker in self._busy)
            left = min(left, until - time.perf_counter())
            ready = set(connection.wait(watched, None if left == math.inf else min(max(left, 0.0), 3600.0)))
            for worker in list(self._busy):
                if worker.pipe in ready or worker.process.sentinel in ready:
                    future = worker.receive()
                elif worker.seconds >= self._limit:
                    future = worker.stop(self._limit)
                else:
                    continue
                if future is not None:
                    done.append(future)
                    self._busy.remove(worker)
                    if worker.alive:
                        self._idle.append(worker)
            self._start_waiting()
        return done

    def elapsed(self, future: Future[Result]) -> float:
        """Seconds that a job has run; 0 while it waits, or its process starts."""
        return max((0.0, *(worker.seconds for worker in self._busy if worker.future is future)))

    def drop(self, future: Future[Result]) -> None:
        """Ends the process of a job, or takes the job out of those that wait."""
        self._waiting = deque(pair for pair in self._waiting if pair[1] is not future)
        for worker in [one for one in self._busy if one.future is future]:
            self._busy.remove(worker)
            worker.end()
        self._start_waiting()

    def close(self) -> None:
        """Ends all processes."""
        for worker in self._idle + self._busy:
            worker.end()
        self._idle, self._busy = [], []
        self._waiting.clear()

    def _start_waiting(self) -> None:
        while self._waiting and len(self._busy) < self.capacity:
            worker = self._idle.pop() if self._idle else self._start()
            worker.begin(*self._waiting.popleft())
            self._busy.append(worker)

    def _start(self) -> _Worker:
        taken = {worker.number for worker in self._busy}
        number = next(number for number in itertools.count() if number not in taken)
        return _Worker(self._payload, self._threads, number)


@dataclass(frozen=True, slots=True)
class _Answer:
    """The result of a job, or the error that its function raised."""

    result: Any = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class _NotLoaded:
    """The function could not be unpickled; the process ends."""

    reason: str


class _Worker:
    """One process and the pipe to it, as seen by the parent."""

    def __init__(self, payload: bytes, threads: int, number: int) -> None:
        end_unguarded()
        context = multiprocessing.get_context("spawn")
        self.number = number
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, payload, threads, number), daemon=False)
        self.process.start()
        theirs.close()  # so that the death of the process closes the pipe
        self.alive = True
        self._ready = False
        self.future: Future[Any] = Future()
        self._begun = 0.0

    @property
    def seconds(self) -> float:
        """Time that its job has run; minus infinity while the process starts."""
        return time.perf_counter() - self._begun if self._ready else -math.inf

    def begin(self, job: object, future: Future[Any]) -> None:
        self.future, self._begun = future, time.perf_counter()
        with contextlib.suppress(BrokenPipeError):  # it has died; `receive` finds out
            self.pipe.send(job)

    def receive(self) -> Future[Any] | None:
        """The finished future of its job; None where the process only reports that it has started."""
        try:
            message = self.pipe.recv() if self.pipe.poll() else None
        except (EOFError, OSError):
            message = None
        match message:
            case _Answer(result=result, error=None):
                self.future.set_result(result)
            case _Answer(error=error):
                self.future.set_exception(error)
            case _NotLoaded(reason):
                self._bury()
                self.future.set_exception(WorkerLoadError(reason))
            case None:
                self.future.set_exception(self._bury())
            case _:
                self._ready, self._begun = True, time.perf_counter()
                return None
        return self.future

    def stop(self, limit: float) -> Future[Any]:
        """Ends the process in the middle of its job; returns the job's future."""
        self.end()
        self.alive = False
        self.future.set_exception(WorkerTimeoutError(limit))
        return self.future

    def end(self) -> None:
        self.process.terminate()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.pipe.close()

    def _bury(self) -> FailedError:
        """Closes what is left of a dead process; returns the error that its death means."""
        self.process.join()
        code = self.process.exitcode or 0
        self.pipe.close()
        self.alive = False
        if not self._ready:
            return WorkerStartError(code)
        return WorkerDiedError(code, time.perf_counter() - self._begun)


def end_unguarded() -> None:
    """Ends a process that is a worker of the script that it runs, without a traceback.

    A worker process imports the main script first. One without ``if __name__ == "__main__":`` would start
    over there, which Python refuses in fifty lines; the `WorkerStartError` of the parent says it in one.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):  # as Python itself asks
        sys.exit(1)


def _serve(pipe: Connection, payload: bytes, threads: int, number: int) -> None:
    """The main function of a worker process: does the jobs that come through the pipe."""
    os.environ[WORKER] = str(number)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent decides
    threading.Thread(target=_die_with_parent, daemon=True).start()
    for variable in THREAD_VARIABLES:  # before NumPy and PyTorch are loaded, which read them once
        os.environ.setdefault(variable, str(threads))
    try:
        function, initializer = pickle.loads(payload)
    except Exception as error:  # noqa: BLE001, whatever a user's module raises on import
        pipe.send(_NotLoaded(describe_error(error)))
        return
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    if initializer is not None:
        initializer()
    pipe.send("ready")
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            pipe.send_bytes(_answer(function, pipe.recv()))


def _answer(function: Callable[[Any], Any], job: object) -> bytes:
    """The pickled answer to a job. An error crosses as text: not every exception can be unpickled."""
    try:
        return pickle.dumps(_Answer(function(job)))
    except Exception as error:  # noqa: BLE001, the caller finds it in the future
        return pickle.dumps(_Answer(error=FailedError(describe_error(error))))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)

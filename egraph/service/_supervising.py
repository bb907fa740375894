"""Keeps worker processes running.

The supervisor of uvicorn restarts its workers on SIGHUP and waits without limit for one that does not end.
This one reloads the ranker on SIGHUP, ends workers within a time limit, and fails if the first workers die.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import allow_connection_pickling, get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from egraph.errors import EgraphError, FailedError
from egraph.service._journal import log

__all__ = ["Supervisor"]

_TICK_SECONDS = 0.2
_PAUSE_SECONDS = 1.0


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    ready: Connection
    is_ready: bool = False


class Supervisor:
    """Starts workers, restarts those that die, and ends all of them.

    Args:
        count: Number of workers.
        work: Function that runs in a worker; its arguments are a connection, on which it signals that it is
            ready, and ``arguments``.
        arguments: Further arguments of ``work``; they must be picklable.
        load: Function that runs before the first worker starts, and again in a thread after SIGHUP.
        on_death: Callback of the process number of a worker that died.
        on_end: Callback before workers are ended; it closes what the workers share with the parent.
        drain_seconds: Time limit for workers to end after SIGTERM, in seconds.
    """

    def __init__(
        self,
        count: int,
        work: Callable[..., None],
        arguments: tuple[Any, ...],
        load: Callable[[], object],
        on_death: Callable[[int], object],
        on_end: Callable[[], object],
        drain_seconds: float,
    ) -> None:
        self.count, self.work, self.arguments = count, work, arguments
        self.load, self.on_death, self.on_end, self.drain_seconds = load, on_death, on_end, drain_seconds
        self._context = get_context("spawn")
        self._workers: list[_Worker] = []
        self._ending = False
        self._reloads = 0
        self._reloading: threading.Thread | None = None
        allow_connection_pickling()

    def run(self, on_ready: Callable[[], None]) -> None:
        """Loads, starts the workers, and returns after SIGTERM or SIGINT, when all workers have ended.

        Args:
            on_ready: Callback once all workers are ready.

        Raises:
            FailedError: A worker died before all were ready. Errors of ``load`` pass unchanged.
        """
        began = False
        with self._signals():
            self.load()
            try:
                self._workers = [self._start() for _ in range(self.count) if not self._ending]
                while not self._ending:
                    self._wait()
                    if not began and all(worker.is_ready for worker in self._workers):
                        began = True
                        on_ready()
                    self._replace_dead(began)
                    self._reload_if_asked()
            finally:
                self._end()

    def _start(self) -> _Worker:
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=self.work, args=(sender, *self.arguments))
        process.start()
        sender.close()
        return _Worker(process, receiver)

    def _wait(self) -> None:
        """Waits until a worker dies or signals that it is ready, but for a short time only."""
        ends = [worker.process.sentinel for worker in self._workers]
        wait([*ends, *(worker.ready for worker in self._workers if not worker.is_ready)], _TICK_SECONDS)
        for worker in self._workers:
            if not worker.is_ready and worker.ready.poll():
                try:
                    worker.is_ready = worker.ready.recv()
                except EOFError:
                    continue  # it died; `_replace_dead` handles this

    def _replace_dead(self, began: bool) -> None:
        for index, worker in enumerate(self._workers):
            if worker.process.is_alive() or self._ending:
                continue
            worker.process.join()
            if not began:
                raise FailedError(
                    f"a worker exited at start-up with code {worker.process.exitcode}; see its log"
                )
            fields = {"worker": worker.process.pid, "code": worker.process.exitcode}
            log("a worker died", fields, logging.ERROR)
            self.on_death(worker.process.pid or 0)
            if not worker.is_ready:
                time.sleep(_PAUSE_SECONDS)  # it died at start-up, and the next may do the same
            worker.ready.close()
            self._workers[index] = self._start()

    def _reload_if_asked(self) -> None:
        if self._reloads and (self._reloading is None or not self._reloading.is_alive()):
            self._reloads = 0
            self._reloading = threading.Thread(target=self._reload, daemon=True)
            self._reloading.start()

    def _reload(self) -> None:
        try:
            self.load()
        except EgraphError as error:
            log("kept the old ranker", {"reason": str(error)}, logging.ERROR)
        except Exception as error:  # noqa: BLE001 - the old ranker stays in use
            log("kept the old ranker", None, logging.ERROR, error)

    def _end(self) -> None:
        """Ends all workers with SIGTERM, and kills those that exceed the time limit."""
        self._ending = True
        self.on_end()
        for worker in self._workers:
            worker.process.terminate()
        until = time.monotonic() + self.drain_seconds
        for worker in self._workers:
            worker.process.join(max(until - time.monotonic(), 0))
            if worker.process.is_alive():
                log("a worker did not end in time", {"worker": worker.process.pid}, logging.ERROR)
                worker.process.kill()
                worker.process.join()
            worker.ready.close()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def end(number: int, frame: object) -> None:
            self._ending = True

        def reload(number: int, frame: object) -> None:
            self._reloads += 1

        handlers = {signal.SIGTERM: end, signal.SIGINT: end, signal.SIGHUP: reload}
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

"""Keeps worker processes running.

uvicorn has a supervisor of its own, which restarts its workers on SIGHUP and waits for ever for one that does
not end. Here SIGHUP changes the ranker in place, an end has a time limit, and a service whose first workers
die does not begin.
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
    """Starts workers, starts again those that die, and ends all of them.

    Args:
        count: of workers.
        work: what one does, called with a connection to say that it is ready, and the arguments.
        arguments: can be pickled.
        load: called before the first worker starts, and again in a thread after SIGHUP.
        forget: called with the process number of a worker that died.
        leave: called before the end, so that the parent keeps nothing open that its workers close.
        drain_seconds: how long workers may take to end after SIGTERM.
    """

    def __init__(
        self,
        count: int,
        work: Callable[..., None],
        arguments: tuple[Any, ...],
        load: Callable[[], object],
        forget: Callable[[int], object],
        leave: Callable[[], object],
        drain_seconds: float,
    ) -> None:
        self.count, self.work, self.arguments = count, work, arguments
        self.load, self.forget, self.leave, self.drain_seconds = load, forget, leave, drain_seconds
        self._context = get_context("spawn")
        self._workers: list[_Worker] = []
        self._ending = False
        self._reloads = 0
        self._reloading: threading.Thread | None = None
        allow_connection_pickling()

    def run(self, on_ready: Callable[[], None]) -> None:
        """Loads, starts, and returns after SIGTERM or SIGINT, when all workers have ended.

        Args:
            on_ready: called once all workers are.

        Raises:
            FailedError: a worker died before all were ready for the first time; or whatever `load` raises.
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
        """Until a worker dies or says that it is ready, or for a moment."""
        ends = [worker.process.sentinel for worker in self._workers]
        wait([*ends, *(worker.ready for worker in self._workers if not worker.is_ready)], _TICK_SECONDS)
        for worker in self._workers:
            if not worker.is_ready and worker.ready.poll():
                try:
                    worker.is_ready = worker.ready.recv()
                except EOFError:
                    continue  # it has died, which is seen elsewhere

    def _replace_dead(self, began: bool) -> None:
        for place, worker in enumerate(self._workers):
            if worker.process.is_alive() or self._ending:
                continue
            worker.process.join()
            if not began:
                raise FailedError(
                    f"a worker ended at its start with code {worker.process.exitcode}; see its log"
                )
            fields = {"worker": worker.process.pid, "code": worker.process.exitcode}
            log("a worker died", fields, logging.ERROR)
            self.forget(worker.process.pid or 0)
            if not worker.is_ready:
                time.sleep(_PAUSE_SECONDS)  # it did not even start; the next may not either
            worker.ready.close()
            self._workers[place] = self._start()

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
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the new one, the old one serves
            log("kept the old ranker", None, logging.ERROR, error)

    def _end(self) -> None:
        """Ends all workers in good order, and after the time limit in any."""
        self._ending = True
        self.leave()
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

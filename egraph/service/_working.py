"""One worker process."""

from __future__ import annotations

import gc
import os
import resource
import signal
import socket
from multiprocessing.connection import Connection
from pathlib import Path

import uvicorn

from egraph.service._journal import set_up_logging
from egraph.service._models import Published
from egraph.service._protocol import protocol_within
from egraph.service._settings import Settings
from egraph.service.app import create_app

__all__ = ["DRAIN_SECONDS", "work"]

DRAIN_SECONDS = 10
"""Time that a worker has after SIGTERM to finish its requests."""

_BACKLOG = 2048
_FILES = 65_536


def work(ready: Connection, folder: Path, settings: Settings, listener: socket.socket) -> None:
    """Answers requests until SIGTERM, or until the parent process ends.

    Args:
        ready: Connection to signal that the worker accepts requests.
        folder: Folder in which the parent publishes rankers.
        settings: Settings of the service.
        listener: Bound socket, shared with other workers.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the parent reloads for all
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the parent ends workers
    set_up_logging()
    _allow_files()
    config = uvicorn.Config(
        create_app(Published(folder, settings.threads), settings),
        http=protocol_within(settings.limits),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=int(settings.limits.idle_seconds),
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    _Server(config, ready).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Signals when it has started, and ends when its parent has ended."""

    def __init__(self, config: uvicorn.Config, ready: Connection) -> None:
        super().__init__(config)
        self._ready, self._parent = ready, os.getppid()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # objects that exist now stay; the garbage collector need not scan them
        self._ready.send(True)

    async def on_tick(self, counter: int) -> bool:
        if os.getppid() != self._parent:
            self.should_exit = True
        return await super().on_tick(counter)


def _allow_files() -> None:
    """Raises the limit of open files, and so of connections, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

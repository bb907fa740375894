"""Starts a service: the socket, the model, the workers; and a worker."""

from __future__ import annotations

import importlib.util
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from prometheus_client.multiprocess import mark_process_dead

from egraph.errors import FailedError, MissingExtraError, UsageError
from egraph.service._journal import set_up_logging
from egraph.service._metrics import FOLDER
from egraph.service._models import publish
from egraph.service._security import is_loopback
from egraph.service._settings import Settings
from egraph.service._supervising import Supervisor

__all__ = ["serve"]

_PACKAGES = ("fastapi", "httptools", "onnxruntime", "uvicorn")  # what workers need
_DRAIN_SECONDS = 15  # a little longer than a worker gives its clients


def serve(
    path: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    settings: Settings | None = None,
    insecure: bool = False,
    on_ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Serves a ranker until SIGTERM or SIGINT; SIGHUP reads its file again.

    Args:
        path: an ONNX file, or a ranker of PyTorch, which is converted first.
        host: address to listen at.
        port: 0 for any that is free.
        workers: processes.
        settings: token, limits, batches.
        insecure: whether others than this machine may ask without a token.
        on_ready: told the address once all workers answer.

    Raises:
        UsageError: there is no token, and other machines could reach the service.
        MissingExtraError: a package of the extra ``serve`` is not installed.
        ModelError: the file is no ranker.
        FailedError: the address is taken, or workers do not start.
    """
    for package in _PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package, "serve")
    settings = settings or Settings()
    if settings.threads is None:
        settings = replace(settings, threads=max(1, len(os.sched_getaffinity(0)) // workers))
    if settings.token is None and not insecure and not is_loopback(host):
        raise UsageError(
            f"whoever reaches {host} could use the service; give a token (--token-file FILE), listen at "
            "127.0.0.1, or say --insecure"
        )
    if settings.token is None and not insecure:
        settings = replace(settings, local=True)
    set_up_logging()
    with _bind(host, port) as listener, _folder() as folder:
        supervisor = Supervisor(
            count=workers,
            work=run_worker,
            arguments=(folder, settings, listener),
            load=lambda: run_apart(publish, Path(path), folder),
            forget=mark_process_dead,
            leave=listener.close,  # else new connections would wait for nobody while the workers drain
            drain_seconds=_DRAIN_SECONDS,
        )
        supervisor.run(lambda: on_ready(_address(listener)))


def run_worker(ready: Connection, folder: Path, settings: Settings, listener: socket.socket) -> None:
    """What a worker process does until SIGTERM; sends a word when it answers."""
    from egraph.service._working import work

    work(ready, folder, settings, listener)


def run_apart(work: Callable[..., object], *arguments: object) -> object:
    """Calls a function in a process of its own, which takes PyTorch and its memory away with it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder for what the parent publishes and what the workers count."""
    with tempfile.TemporaryDirectory(prefix="egraph-serve-") as name:
        os.environ[FOLDER] = name
        try:
            yield Path(name)
        finally:
            del os.environ[FOLDER]


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FailedError(
            f"cannot listen at {host} port {port}: {reason}; choose another --host or --port"
        ) from None


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

"""Starts a service: socket, ranker and workers."""

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

_PACKAGES = ("fastapi", "httptools", "onnxruntime", "uvicorn")  # packages that workers need
_DRAIN_SECONDS = 15  # longer than `_working.DRAIN_SECONDS`


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
    """Serves a ranker until SIGTERM or SIGINT; SIGHUP reloads its file.

    Args:
        path: ONNX file, or a saved `egraph.Ranker`, which is converted first.
        host: Address to listen at.
        port: Port to listen at; 0 selects a free one.
        workers: Number of worker processes.
        settings: Token, limits and batch sizes.
        insecure: Whether other machines may use the service without a token.
        on_ready: Callback of the address, once all workers accept requests.

    Raises:
        UsageError: There is no token, and other machines could reach the service.
        MissingExtraError: A package of the extra ``serve`` is not installed.
        ModelError: The file is not a ranker.
        FailedError: The address is in use, or workers do not start.
    """
    for package in _PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package, "serve")
    settings = settings or Settings()
    if settings.threads is None:
        settings = replace(settings, threads=max(1, len(os.sched_getaffinity(0)) // workers))
    if settings.token is None and not insecure and not is_loopback(host):
        raise UsageError(
            f"anyone who can reach {host} could use the service; set a token (--token-file FILE), listen at "
            "127.0.0.1, or pass --insecure"
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
            on_death=mark_process_dead,
            on_end=listener.close,  # else new connections would queue while the workers drain
            drain_seconds=_DRAIN_SECONDS,
        )
        supervisor.run(lambda: on_ready(_address(listener)))


def run_worker(ready: Connection, folder: Path, settings: Settings, listener: socket.socket) -> None:
    """Runs a worker process until SIGTERM; signals through ``ready`` when it accepts requests."""
    from egraph.service._working import work

    work(ready, folder, settings, listener)


def run_apart(work: Callable[..., object], *arguments: object) -> object:
    """Calls a function in a separate process, whose end frees the memory of PyTorch."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder for published rankers and for the counters of the workers."""
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

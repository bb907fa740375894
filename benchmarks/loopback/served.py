"""A service on this machine, for tests and measurements."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

HOST = "127.0.0.1"
PATIENCE = 60.0  # seconds for a start, and for an end
SCRIPT = """
import json, sys
from egraph.service import Limits, Settings, serve
order = json.loads(sys.argv[1])
settings = Settings(limits=Limits(**order.pop("limits")), **order.pop("settings"))
serve(order.pop("path"), port=0, settings=settings, on_ready=lambda url: print(url, flush=True), **order)
"""


class Served:
    """Runs a service on a free port of the loopback device until the block ends.

    Args:
        ranker: File to serve.
        log: File for its standard error.
        workers: Number of worker processes.
        limits: Fields of `egraph.service.Limits`.
        settings: Further fields of `egraph.service.Settings`.

    Attributes:
        url: Address of the service.
        port: Port of the service.
        process: Process of the supervisor.
    """

    def __init__(
        self, ranker: Path, log: Path, workers: int = 1, limits: dict[str, Any] | None = None, **settings: Any
    ) -> None:
        self.log = log
        order = {"path": str(ranker), "workers": workers, "limits": limits or {}, "settings": settings}
        self._command = [sys.executable, "-c", SCRIPT, json.dumps(order)]

    def __enter__(self) -> Served:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stderr=log, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        is_there, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        self.url = self.process.stdout.readline().strip() if is_there else ""
        if not self.url:
            self.stop()
            raise RuntimeError(f"the service did not get ready: {self.log.read_text()[-2000:]}")
        self.port = int(self.url.rpartition(":")[2])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> int:
        """Ends the service, by force if necessary, and returns its exit status."""
        processes = self.tree()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            for process in processes:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            return self.process.wait()
        finally:
            if self.process.stdout is not None:
                self.process.stdout.close()

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and content of one response, over a new connection; JSON is parsed."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        fields = {"Content-Type": "application/json"} if body is not None else {}
        try:
            connection.request(method, path, body, fields | (headers or {}))
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(data) if "json" in (answer.headers["Content-Type"] or "") else data

    def status(self, method: str, path: str, body: bytes | None = None) -> int:
        """The status of one response; 0 if there is none."""
        try:
            return self.ask(method, path, body)[0]
        except (OSError, http.client.HTTPException):
            return 0

    def connect(self) -> socket.socket:
        """An open connection, still unused."""
        return socket.create_connection((HOST, self.port), timeout=30)

    def tree(self) -> list[int]:
        """The service's process and all below it."""
        found = new = [self.process.pid]
        while new:
            new = [child for parent in new for child in _children(parent)]
            found = found + new
        return found

    def workers(self) -> list[int]:
        """Its processes that answer."""
        return [process for process in self.tree()[1:] if b"spawn_main" in _read(process, "cmdline")]

    def memory(self) -> float:
        """What its processes hold now, in MiB; pages that several hold count once."""
        lines = [line for one in self.tree() for line in _read(one, "smaps_rollup").splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith(b"Pss:")) / 1024


def _children(parent: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{parent}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:  # it has just ended
        return []


def _read(process: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{process}/{name}").read_bytes()
    except OSError:
        return b""

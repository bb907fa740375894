"""A service of `egraph serve` on this machine, started, looked at and ended."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

HOST = "127.0.0.1"


class Served:
    """Runs ``egraph serve`` on a free port of the loopback device until the block ends.

    Args:
        ranker: the file to serve.
        options: of the command.
        log: where its standard error goes.
        patience: seconds until it is ready.
    """

    def __init__(self, ranker: Path, *options: str, log: Path | None = None, patience: float = 60.0) -> None:
        self.port = _free_port()
        self.log = log
        self._patience = patience
        self._command = [
            *(sys.executable, "-m", "egraph", "serve", str(ranker)),
            *("--host", HOST, "--port", str(self.port), *options),
        ]

    def __enter__(self) -> Served:
        with open(self.log or os.devnull, "ab") as log:
            self.process = subprocess.Popen(self._command, stderr=log, stdout=log, env={**os.environ})
        deadline = time.monotonic() + self._patience
        while self.status("GET", "/readyz") != 200:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                told = self.log.read_text(errors="replace")[-2000:] if self.log else "it kept no log"
                raise RuntimeError(f"the service did not get ready: {told}")
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self.port}"

    def stop(self, patience: float = 20.0) -> int:
        """Asks it to end and waits; gives its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            for process in self.tree():
                os.kill(process, signal.SIGKILL)
            return self.process.wait()

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        """Status and content of one answer, over a connection of its own; the content read where it is JSON."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        try:
            fields = {"Content-Type": "application/json"} if body is not None else {}
            fields |= {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, fields)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(data) if "json" in (answer.headers["Content-Type"] or "") else data

    def status(self, method: str, path: str, body: bytes | None = None, **headers: str) -> int:
        """The status of one answer; 0 where there is none."""
        try:
            return self.ask(method, path, body, **headers)[0]
        except (OSError, http.client.HTTPException):
            return 0

    def tree(self) -> list[int]:
        """The service's process and all below it."""
        found, new = [self.process.pid], [self.process.pid]
        while new:
            new = [child for parent in new for child in _children(parent)]
            found += new
        return found

    def workers(self) -> list[int]:
        """Its processes that answer requests: those with an open port that are not the first."""
        return [process for process in self.tree()[1:] if _listens(process, self.port)]

    def memory(self) -> float:
        """What its processes hold of memory now, in MiB, shared pages divided by those who share them."""
        return sum(_memory(process) for process in self.tree()) / 1024


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        port: int = one.getsockname()[1]
        return port


def _children(parent: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{parent}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


def _memory(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)

"""A load generator: many connections to a service, in a separate process.

Each connection sends a request, waits for the whole response, and sends the next. So the measured rate is the
highest that the service sustains, and latencies are those at this rate. The process ends after a given time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

HOST = "127.0.0.1"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSE = re.compile(rb"\r\nconnection: *close\r", re.IGNORECASE)
GRACE = 10.0  # seconds for the last responses


def start(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> subprocess.Popen[str]:
    """Starts the load; `finish` waits for its end and returns the results."""
    order = {
        "port": port,
        "requests": [request.decode("latin-1") for request in requests],
        "connections": connections,
        "seconds": seconds,
    }
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    assert process.stdout is not None
    process.stdout.readline()  # wait for the first response or failure
    return process


def finish(process: subprocess.Popen[str], seconds: float) -> dict[str, Any]:
    """The results of a load: rate of requests, bytes received, latencies in ms, statuses, errors.

    Errors are connections that were refused, or closed before the first response (not accepted), and requests
    without a response on connections that had worked before (lost).

    Args:
        process: Process from `start`.
        seconds: Duration of the load.
    """
    try:
        told, _ = process.communicate(timeout=seconds + 3 * GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    found: dict[str, Any] = json.loads(told)
    return found


def request(path: str, content: object = None, token: str | None = None) -> bytes:
    """The bytes of a request: POST if there is content, else GET."""
    body = b"" if content is None else json.dumps(content, separators=(",", ":")).encode()
    lines = [f"{'GET' if content is None else 'POST'} {path} HTTP/1.1", f"Host: {HOST}"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "", ""]).encode() + body


class _Load:
    """The state that all connections share."""

    def __init__(self, port: int, requests: Sequence[bytes], connections: int, seconds: float) -> None:
        self.port, self.connections, self.seconds = port, connections, seconds
        self.requests = cycle(requests)
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.errors: Counter[str] = Counter()
        self.received = 0
        self.open = 0
        self.until = 0.0
        self.first: asyncio.Event = asyncio.Event()

    async def run(self) -> dict[str, Any]:
        began = time.perf_counter()
        self.until = began + self.seconds
        tasks = [asyncio.create_task(self.keep_open()) for _ in range(self.connections)]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.first.wait(), self.seconds)
        print("hammering", flush=True)
        await asyncio.sleep(max(0.0, self.until - time.perf_counter()))
        seconds, count = time.perf_counter() - began, len(self.latencies)
        _, late = await asyncio.wait(tasks, timeout=GRACE)
        for task in late:
            self.fail("no answer")
            task.cancel()
        latencies = np.array(self.latencies or [np.nan]) * 1e3
        return {
            "requests": sum(self.statuses.values()),
            "requests/s": count / seconds,
            "p50 ms": float(np.median(latencies)),
            "p99 ms": float(np.quantile(latencies, 0.99)),
            "longest ms": float(latencies.max()),
            "received bytes": self.received,
            "statuses": {str(status): number for status, number in sorted(self.statuses.items())},
            "errors": dict(self.errors),
        }

    async def keep_open(self) -> None:
        """Keeps one connection open; opens it again after a close."""
        loop = asyncio.get_running_loop()
        while time.perf_counter() < self.until:
            closed = loop.create_future()
            try:
                await loop.create_connection(lambda closed=closed: _Connection(self, closed), HOST, self.port)
            except OSError as error:
                self.fail("refused" if isinstance(error, ConnectionRefusedError) else type(error).__name__)
                await asyncio.sleep(0.05)
            else:
                await closed

    def fail(self, what: str) -> None:
        self.errors[what] += 1
        self.first.set()


class _Connection(asyncio.Protocol):
    def __init__(self, load: _Load, closed: asyncio.Future[None]) -> None:
        self.load, self.closed = load, closed
        self.buffer = bytearray()
        self.answers = 0
        self.size = 0  # of the whole response, once its headers have arrived
        self.last = False  # the service closes the connection after this response
        self.started = 0.0

    def connection_made(self, transport: Any) -> None:  # uvloop has other transports than asyncio
        self.transport = transport
        self.send()

    def send(self) -> None:
        self.started = time.perf_counter()
        self.transport.write(next(self.load.requests))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.size:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            length = LENGTH.search(self.buffer, 0, end)
            self.size = end + 4 + (int(length[1]) if length else 0)
            self.last = CLOSE.search(self.buffer, 0, end + 2) is not None
        if len(self.buffer) < self.size:
            return
        now = time.perf_counter()
        self.load.latencies.append(now - self.started)
        self.load.statuses[int(self.buffer[9:12])] += 1
        self.answers += 1
        self.load.received += self.size
        self.load.first.set()
        self.buffer.clear()
        self.size, self.started = 0, 0.0
        if now < self.load.until and not self.last:
            self.send()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self.started:
            self.load.fail("lost" if self.answers or self.buffer else "not accepted")
        if not self.closed.done():
            self.closed.set_result(None)


async def _main() -> None:
    order = json.loads(sys.stdin.readline())
    requests = [text.encode("latin-1") for text in order.pop("requests")]
    found = await _Load(requests=requests, **order).run()
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    try:
        import uvloop
    except ImportError:
        asyncio.run(_main())
    else:
        uvloop.run(_main())

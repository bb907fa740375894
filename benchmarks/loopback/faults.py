"""Faults of clients and of the service; each function causes one and returns the observation."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from loopback import hammer
from loopback.bad_requests import SCORE, Bad
from loopback.served import Served


def send_bad(served: Served, bad: Bad) -> tuple[int, Any]:
    """Status and content of the response to an invalid request."""
    return served.ask(bad.method, bad.path, bad.body if bad.method == "POST" else None, bad.headers)


@dataclass
class Crowd:
    """The result of many connections.

    Attributes:
        opened: Number of connections.
        statuses: Statuses of their responses.
        closed: Number of connections that the service closed.
        seconds: Time until it had closed them, or until the time limit.
        others: Statuses of ordinary requests in the meantime.
        slowest: Longest time of those requests, in seconds.
    """

    opened: int
    statuses: Counter[int] = field(default_factory=Counter)
    closed: int = 0
    seconds: float = 0.0
    others: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0

    def ask_beside(self, served: Served, body: bytes) -> None:
        """Sends an ordinary request on another connection."""
        began = time.monotonic()
        self.others[served.status("POST", SCORE, body)] += 1
        self.slowest = max(self.slowest, time.monotonic() - began)


def drip(served: Served, connections: int, start: bytes, body: bytes, patience: float) -> Crowd:
    """Opens connections that send ``start`` and then one byte per second, until they are closed.

    With an empty start they send nothing.

    Args:
        served: Service.
        connections: Number of connections.
        start: Beginning of a request.
        body: Body of an ordinary request that is sent once a second in the meantime.
        patience: Time limit in seconds.
    """
    crowd = Crowd(connections)
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        left = [stack.enter_context(served.connect()) for _ in range(connections)]
        for one in left:
            one.setblocking(False)
            one.send(start)
        while left and time.monotonic() - began < patience:
            crowd.ask_beside(served, body)
            time.sleep(1)
            left = [one for one in left if _still_open(one, crowd, b"a" if start else b"")]
        crowd.closed = connections - len(left)
    crowd.seconds = time.monotonic() - began
    return crowd


def _still_open(one: socket.socket, crowd: Crowd, more: bytes) -> bool:
    with contextlib.suppress(BlockingIOError):
        try:
            answer = one.recv(65536)
        except ConnectionError:
            return False
        if answer:
            crowd.statuses[int(answer[9:12])] += 1
        return False
    with contextlib.suppress(OSError):
        one.send(more)
    return True


def gather(served: Served, connections: int, request: bytes, body: bytes) -> Crowd:
    """Opens many connections at once; then each sends one request."""
    crowd = Crowd(connections)
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        allow_files(connections + 200)
        everybody = [stack.enter_context(served.connect()) for _ in range(connections)]
        crowd.ask_beside(served, body)
        for one in everybody:
            one.sendall(request)
        for one in everybody:
            try:
                answer = one.recv(65536)
            except OSError:
                answer = b""
            crowd.statuses[int(answer[9:12]) if answer else 0] += 1
        crowd.seconds = time.monotonic() - began
    return crowd


def leave(served: Served, times: int, request: bytes, body: bytes) -> Crowd:
    """Clients that disconnect in the middle of a request, and before the response."""
    crowd = Crowd(2 * times)
    for _ in range(times):
        for part in (request[: len(request) // 2], request):
            with served.connect() as one:
                one.sendall(part)
                # A reset instead of an orderly close.
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    crowd.ask_beside(served, body)
    return crowd


def say(served: Served, words: bytes) -> bytes:
    """The response to raw bytes, until the service closes the connection or is silent for a second."""
    with served.connect() as one:
        one.sendall(words)
        one.settimeout(1)
        answer = b""
        with contextlib.suppress(OSError):
            while part := one.recv(65536):
                answer += part
        return answer


@contextlib.contextmanager
def hammering(served: Served, request: bytes, connections: int, seconds: float) -> Iterator[dict[str, Any]]:
    """Load while the block runs; afterwards the mapping has the results of the clients."""
    found: dict[str, Any] = {}
    process = hammer.start(served.port, [request], connections, seconds)
    try:
        yield found
        found |= hammer.finish(process, seconds)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def kill_worker(served: Served, patience: float = 30.0) -> float:
    """Kills one worker; returns the seconds until it is replaced and the service is ready."""
    before = served.workers()
    os.kill(before[0], signal.SIGKILL)
    began = time.monotonic()
    while time.monotonic() - began < patience:
        now = set(served.workers()) - {before[0]}
        if len(now) == len(before) and served.status("GET", "/readyz") == 200:
            return time.monotonic() - began
        time.sleep(0.05)
    return float("inf")


def reload(served: Served, version: str, patience: float = 30.0) -> float:
    """Sends SIGHUP; returns the seconds until the version of the model changes."""
    served.process.send_signal(signal.SIGHUP)
    began = time.monotonic()
    while time.monotonic() - began < patience:
        if served.ask("GET", "/v1/model")[1]["version"] != version:
            return time.monotonic() - began
        time.sleep(0.05)
    return float("inf")


def end(served: Served) -> tuple[int, float]:
    """Sends SIGTERM; returns the exit status and the seconds until the end."""
    began = time.monotonic()
    return served.stop(), time.monotonic() - began


def allow_files(count: int) -> None:
    """Raises the limit of open files, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count if hard == -1 else min(count, hard), hard))


def score_body(count: int) -> bytes:
    """The body of a valid request with that many different small architectures."""
    ops = ["nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3", "skip_connect", "none"]
    graphs = []
    for number in range(count):
        cell = [ops[number // 5**digit % 5] for digit in range(6)]
        graphs.append("|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|".format(*cell))
    return json.dumps({"architectures": graphs, "space": "nasbench201"}).encode()

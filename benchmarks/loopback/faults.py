"""What may happen to a service, made to happen: each function does one thing and tells what was seen."""

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
    """Status and content of the answer to a bad request."""
    return served.ask(bad.method, bad.path, bad.body if bad.method == "POST" else None, bad.headers)


@dataclass
class Crowd:
    """What became of many connections.

    Attributes:
        opened: connections.
        statuses: of the answers that they got.
        closed: connections that the service closed.
        seconds: until it had closed them, or until the patience was at its end.
        others: statuses of ordinary requests meanwhile.
        slowest: of those, in seconds.
    """

    opened: int
    statuses: Counter[int] = field(default_factory=Counter)
    closed: int = 0
    seconds: float = 0.0
    others: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0

    def ask_beside(self, served: Served, body: bytes) -> None:
        """An ordinary request by somebody else."""
        began = time.monotonic()
        self.others[served.status("POST", SCORE, body)] += 1
        self.slowest = max(self.slowest, time.monotonic() - began)


def drip(served: Served, connections: int, start: bytes, body: bytes, patience: float) -> Crowd:
    """Connections that begin with ``start`` and then send a byte a second each, until they are closed.

    With no start they send nothing at all.

    Args:
        served: the service.
        connections: how many.
        start: of a request.
        body: of an ordinary request that is sent once a second meanwhile.
        patience: seconds until this gives up.
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
    """Many connections that are open at once, each of which then asks once."""
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
    """Clients that go away: in the middle of a request, and before its answer."""
    crowd = Crowd(2 * times)
    for _ in range(times):
        for part in (request[: len(request) // 2], request):
            with served.connect() as one:
                one.sendall(part)
                # A reset rather than a close in good order.
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    crowd.ask_beside(served, body)
    return crowd


def say(served: Served, words: bytes) -> bytes:
    """What the service answers to raw bytes before it closes the connection or says no more for a second."""
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
    """Load while the block runs; what the clients saw is in the mapping after it."""
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
    """Kills one worker; the seconds until there are as many again, and all answer."""
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
    """Sends SIGHUP; the seconds until the model is of another version than before."""
    served.process.send_signal(signal.SIGHUP)
    began = time.monotonic()
    while time.monotonic() - began < patience:
        if served.ask("GET", "/v1/model")[1]["version"] != version:
            return time.monotonic() - began
        time.sleep(0.05)
    return float("inf")


def end(served: Served) -> tuple[int, float]:
    """Sends SIGTERM; the exit status, and the seconds that it took."""
    began = time.monotonic()
    return served.stop(), time.monotonic() - began


def allow_files(count: int) -> None:
    """Makes room for so many open files, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count if hard == -1 else min(count, hard), hard))


def score_body(count: int) -> bytes:
    """A good request for as many small architectures, any two of which differ."""
    ops = ["nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3", "skip_connect", "none"]
    graphs = []
    for number in range(count):
        cell = [ops[number // 5**place % 5] for place in range(6)]
        graphs.append("|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|".format(*cell))
    return json.dumps({"architectures": graphs, "space": "nasbench201"}).encode()

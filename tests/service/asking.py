"""Asks a service that lives in this process, or in one of its own."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import httpx

from egraph.service import Settings, create_app

CELL = "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|avg_pool_3x3~1|nor_conv_1x1~2|"
GRAPH = {"ops": ["input", "nor_conv_3x3", "output"], "edges": [[0, 1], [1, 2]]}


class Fixed:
    """A model that does not change."""

    def __init__(self, model):
        self.model = model


class Client:
    """Sends requests to the application itself, without a socket."""

    def __init__(self, model, **settings):
        self.app = create_app(Fixed(model), Settings(**settings))
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://service")

    def get(self, path, **extra):
        return self.request("GET", path, **extra)

    def post(self, path, content=None, **extra):
        """Posts JSON values, or bytes as they are."""
        if isinstance(content, bytes):
            extra.setdefault("headers", {"Content-Type": "application/json"})
            return self.request("POST", path, content=content, **extra)
        return self.request("POST", path, json=content, **extra)

    def request(self, method, path, **extra):
        return self.run(self._client.request(method, path, **extra))

    def run(self, awaitable):
        return self._runner.run(_awaited(awaitable))

    def close(self):
        self.run(self._client.aclose())
        self._runner.close()


async def _awaited(awaitable):
    return await awaitable


class Process:
    """``egraph serve`` in a process of its own."""

    def __init__(self, *arguments, cwd):
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path), PYTHONUNBUFFERED="1")
        command = [sys.executable, "-m", "egraph", "serve", *map(str, arguments)]
        self.errors = Path(cwd) / "errors.txt"
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        self.line = self.process.stdout.readline()
        match = re.search(r"http://\S+", self.line)
        self.address = match[0] if match else None

    def ask(self, path, content=None, token=None):
        """Status and body of an answer, over a connection of its own."""
        request = urllib.request.Request(self.address + path)
        if content is not None:
            request.data = json.dumps(content).encode()
            request.add_header("Content-Type", "application/json")
        if token is not None:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def workers(self):
        """The numbers of the processes that answer."""
        folder = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        children = [int(number) for number in folder.read_text().split()]
        return [n for n in children if b"spawn_main" in Path(f"/proc/{n}/cmdline").read_bytes()]

    def log(self):
        return [json.loads(line) for line in self.errors.read_text().splitlines()]

    def send(self, number):
        self.process.send_signal(number)

    def end(self):
        """Ends it in good order; its exit code and how long that took."""
        began = time.monotonic()
        self.send(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        return code, time.monotonic() - began

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def until(condition, seconds=20.0):
    """Waits for a condition, and fails where it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


@contextlib.contextmanager
def closing(client):
    try:
        yield client
    finally:
        client.close()

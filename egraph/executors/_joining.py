"""This machine as a worker of a Ray cluster."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import IO

from egraph.errors import FailedError, MissingExtraError
from egraph.executors._address import answers, check_address
from egraph.executors._errors import one_line
from egraph.executors._ray_client import GIGABYTE, STORE

__all__ = ["join"]

_JOINED = "Ray runtime started"
_BETWEEN_LOOKS = 2.0


def join(
    address: str,
    *,
    cores: int | None = None,
    gpus: int | None = None,
    memory: float | None = None,
    tell: Callable[[str], object],
) -> None:
    """Lends this machine to a cluster until this process ends; joins again where the head was lost.

    Args:
        address: Address of the head, ``HOST:PORT``.
        cores: CPU cores to lend; None for all.
        gpus: GPUs to lend; None for all.
        memory: Gigabytes of memory to lend; None for most of it.
        tell: Called with a line when this machine has joined, or lost the head.

    Raises:
        UsageError: The address has another form.
        MissingExtraError: Ray is not installed.
        FailedError: Nothing answers at the address, or the cluster refuses this machine.
    """
    check_address(address)
    if importlib.util.find_spec("ray") is None:
        raise MissingExtraError("ray", "ray")
    if not answers(address, 5):
        raise FailedError(f"nothing answers at {address}; start a head there: ray start --head")
    lent = {"num-cpus": cores, "num-gpus": gpus, "memory": None if memory is None else int(memory * GIGABYTE)}
    options = [f"--{name}={value}" for name, value in lent.items() if value is not None]
    while True:
        with _start(address, options) as (process, output):
            _wait_until_joined(process, output, address)
            tell(f"this machine works for the cluster of {address}; Ctrl-C ends it")
            process.wait()
        tell(f"lost the head at {address}; waiting for it")
        while not answers(address, 5):
            time.sleep(_BETWEEN_LOOKS)


@contextlib.contextmanager
def _start(address: str, options: list[str]) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """``ray start`` in a session of its own, which is ended at the end of the block."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", f"--address={address}", "--block"]
    command += ["--disable-usage-stats", f"--object-store-memory={STORE}", *options]
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
        before = signal.signal(signal.SIGTERM, _end)  # as Ctrl-C, which raises KeyboardInterrupt
        try:
            yield process, output
        finally:
            signal.signal(signal.SIGTERM, before)
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()  # Ray's reaper ends what it had started
                    process.wait()


def _end(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def _wait_until_joined(process: subprocess.Popen[bytes], output: IO[bytes], address: str) -> None:
    """Waits for the line of Ray that says so.

    Raises:
        FailedError: It has ended instead.
    """
    while True:
        ended = process.poll() is not None
        output.seek(0)
        text = output.read().decode(errors="replace")
        if _JOINED in text:
            return
        if ended:
            lines = [line for line in text.splitlines() if line.strip()]
            raise FailedError(f"cannot join the cluster of {address}: {one_line(lines[-1] if lines else '')}")
        time.sleep(0.2)

"""Jobs on the machines of a Ray cluster.

Ray runs in a process of its own, the client (``_ray_client.py``): it prints, handles signals and ends its
process when the head is lost. This process only exchanges lines of JSON with it, and starts another client
when it has ended.
"""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import json
import math
import os
import queue
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import asdict, dataclass, fields
from typing import Any, TypedDict

from egraph._version import __version__
from egraph.checks import check_not_negative, check_positive
from egraph.errors import FailedError, MissingExtraError, UsageError, WorkerWarning
from egraph.executors._address import check_address
from egraph.executors._errors import UnsendableError, WorkerLostError, WorkerTimeoutError

__all__ = ["Ray"]

PATIENCE = 120.0
"""Seconds in which a lost head may come back before a run ends."""

SILENCE = 10.0
"""Seconds without an answer after which the head counts as lost."""

_BETWEEN_TRIES = 2.0
_MOST_CRASHES = 5
_CLIENT = "from egraph.executors._ray_client import main; main()"


@dataclass(frozen=True)
class Ray:
    """An engine: jobs are done on the machines of a Ray cluster, with these resources each.

    Jobs and results are texts. A job that is lost with its worker or machine is done again on another one, a
    few times. Workers may come and go: as many jobs run as the machines have room for, up to the number of
    workers that was asked for. If the head is lost, a run waits two minutes for it.

    Args:
        address: Address of the head, ``HOST:PORT``, of which this machine is part, or that of ``RAY_ADDRESS``
            in the environment. Without one, Ray is started on this machine alone.
        cores: CPU cores of a job.
        gpus: GPUs of a job, or a fraction of one.
        memory: Gigabytes of memory of a job, by which Ray places it; 0 leaves it out.

    Raises:
        MissingExtraError: Ray is not installed.
        UsageError: A number is out of range, or the address has another form.
    """

    address: str | None = None
    cores: float = 1
    gpus: float = 0
    memory: float = 0

    def __post_init__(self) -> None:
        if self.address is not None:
            check_address(self.address)
        check_positive(cores=self.cores)
        check_not_negative(gpus=self.gpus, memory=self.memory)
        if self.gpus > 1 and self.gpus != int(self.gpus):
            raise UsageError(f"gpus must be a whole number, or a fraction below 1, got {self.gpus:g}")
        if importlib.util.find_spec("ray") is None:
            raise MissingExtraError("ray", "ray")

    @classmethod
    def with_options(cls, options: Mapping[str, Any]) -> Ray:
        """An engine with these arguments.

        Raises:
            UsageError: There is no such argument.
        """
        known = [field.name for field in fields(cls)]
        for name in options:
            if name not in known:
                raise UsageError(f"'ray' has no option {name!r}; known: {', '.join(known)}")
        return cls(**options)

    def open(self, function: Callable[[str], str], workers: int, seconds: float | None = None) -> _Jobs:
        """An executor of these jobs.

        Args:
            function: Function at the top of a module, or an object of a class there that is made of its
                attribute ``parcel``, bytes. If it has a method ``prepare``, each worker calls that first.
            workers: Largest number of jobs at a time.
            seconds: Time after which a job is ended; the start of a worker does not count.

        Raises:
            UnsendableError: The function has no name.
            FailedError: Nothing answers at the address, or this machine is not part of that cluster.
        """
        parcel: bytes | None = getattr(function, "parcel", None)
        named: Any = function if parcel is None else type(function)
        if "<" in getattr(named, "__qualname__", "<") or named.__module__ == "__main__":
            raise UnsendableError(f"{function!r} is not at the top of a module that workers can import")
        settings = {
            **asdict(self), "workers": workers, "seconds": seconds, "egraph": __version__,
            "silence": SILENCE,
            "function": f"{named.__module__}:{named.__qualname__}",
            "parcel": None if parcel is None else base64.b64encode(parcel).decode(),
            "folders": [one for one in sys.path if one],
        }  # fmt: skip
        return _Jobs(settings, self.address or "on this machine")

    def __call__(self, function: Callable[[str], str], workers: int) -> _Jobs:
        """The same without a time limit."""
        return self.open(function, workers)


class _Message(TypedDict, total=False):
    """A line of the client; each has some of these."""

    job: int
    begun: bool
    answer: str
    error: str
    lost: tuple[int, float, str]
    late: float
    capacity: int
    note: str


class _Jobs:
    """The executor, as seen by a study."""

    def __init__(self, settings: dict[str, Any], place: str) -> None:
        self.capacity = 1
        self._settings, self._place = settings, place
        self._jobs: dict[int, tuple[Future[str], str]] = {}
        self._begun: dict[Future[str], float] = {}
        self._next = 0
        self._crashes = 0
        self._client = _Client(settings)
        self.capacity = self._client.connect()

    def submit(self, job: str) -> Future[str]:
        """Gives a job to the client."""
        future: Future[str] = Future()
        self._jobs[self._next] = future, job
        self._client.send(self._next, job)
        self._next += 1
        return future

    def wait(self, seconds: float | None = None) -> list[Future[str]]:
        """Waits until jobs are done, machines have come, or so many seconds have passed."""
        done: list[Future[str]] = []
        until = math.inf if seconds is None else time.monotonic() + seconds
        while self._jobs and not done and time.monotonic() < until:
            messages = self._client.receive(until - time.monotonic())
            if messages is None:
                self._connect_again()
                return []
            before = self.capacity
            done = [future for one in messages if (future := self._take(one)) is not None]
            if self.capacity > before:
                break
        return done

    def elapsed(self, future: Future[str]) -> float:
        """Seconds that a job has run; 0 while it waits, or its worker starts."""
        begun = self._begun.get(future)
        return 0.0 if begun is None else time.monotonic() - begun

    def drop(self, future: Future[str]) -> None:
        """Ends the worker of a job, or takes the job out of those that wait."""
        for number in [number for number, (one, _) in self._jobs.items() if one is future]:
            del self._jobs[number]
            self._begun.pop(future, None)
            self._client.send(number)

    def close(self) -> None:
        """Ends the client, and with it all that it started."""
        self._client.close()
        self._jobs.clear()

    def _take(self, message: _Message) -> Future[str] | None:
        """Acts on a line; returns the future that is done by it."""
        if "capacity" in message:
            self.capacity = message["capacity"]
        if "note" in message:
            warnings.warn(message["note"], WorkerWarning, stacklevel=2)
        if "job" not in message:
            if "error" in message:
                raise FailedError(message["error"])
            return None
        if message["job"] not in self._jobs:  # dropped
            return None
        future, _ = self._jobs[message["job"]]
        if "begun" in message:
            self._begun[future] = time.monotonic()
            return None
        del self._jobs[message["job"]]
        self._begun.pop(future, None)
        self._crashes = 0
        if "answer" in message:
            future.set_result(message["answer"])
        elif "lost" in message:
            future.set_exception(WorkerLostError(*message["lost"]))
        elif "late" in message:
            future.set_exception(WorkerTimeoutError(message["late"]))
        else:
            future.set_exception(FailedError(message["error"]))
        return future

    def _connect_again(self) -> None:
        """Starts another client, which gets all jobs that are not done.

        Raises:
            FailedError: The head does not come back.
        """
        self._client.close()
        self._crashes += 1
        until = time.monotonic() + PATIENCE
        warnings.warn(
            f"lost the connection to Ray {self._place}; waiting {PATIENCE:g} s for it",
            WorkerWarning,
            stacklevel=2,
        )
        while True:
            self._client = _Client(self._settings)
            try:
                self.capacity = self._client.connect()
                break
            except FailedError as error:
                self._client.close()
                if time.monotonic() > until or self._crashes > _MOST_CRASHES:
                    raise FailedError(
                        f"lost the connection to Ray, and it did not come back ({error}); run the same "
                        "command again to resume"
                    ) from None
                time.sleep(_BETWEEN_TRIES)
        self._begun.clear()
        for number, (_, job) in self._jobs.items():
            self._client.send(number, job)


class _Client:
    """The process that Ray runs in, and the pipes to it."""

    def __init__(self, settings: dict[str, Any]) -> None:
        environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": _python_path()}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CLIENT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the study, which ends it
            text=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._write(settings)

    def connect(self) -> int:
        """Waits until it is connected; returns the number of jobs that there is room for.

        Raises:
            FailedError: It cannot be.
        """
        line = self._lines.get()
        message: _Message = {"error": "the process of Ray ended at its start"}
        if line is not None:
            message = json.loads(line)
        if "error" in message:
            self.close()
            raise FailedError(message["error"])
        return message["capacity"]

    def send(self, number: int, job: str | None = None) -> None:
        """Gives it a job; or without one, has it drop the job of this number."""
        self._write({"job": number, "text": job})

    def receive(self, seconds: float) -> list[_Message] | None:
        """Waits for lines, at most so long; None where it has ended."""
        messages: list[_Message] = []
        while not (self._ended or (messages and self._lines.empty())):
            try:
                line = self._lines.get(timeout=None if seconds == math.inf else max(0.0, seconds))
            except queue.Empty:
                return messages
            if line is None:
                self._ended = True
            else:
                messages.append(json.loads(line))
        return messages or None

    def close(self) -> None:
        """Ends it."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _write(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended, as `receive` finds out
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)


def _python_path() -> str:
    """Where the client finds egraph, also where it is not installed."""
    folder = os.path.abspath(__file__)
    for _ in range(3):
        folder = os.path.dirname(folder)
    return os.pathsep.join([folder, *filter(None, [os.environ.get("PYTHONPATH")])])

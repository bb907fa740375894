"""The process that talks to Ray: takes jobs by lines of JSON, and answers by lines of JSON.

Each worker is an actor, that is a process with resources of its own, which does one job at a time. The class
of the actors lives in ``_ray_worker.py``, and Ray sends no more than its name.
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import os
import queue
import signal
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from egraph.executors._address import answers
from egraph.executors._errors import one_line
from egraph.executors._ray_worker import RayWorker

__all__ = ["GIGABYTE", "STORE", "main"]

MOST_LOSSES = 3
"""Number of workers that may be lost during one job before it has failed.

From outside, a worker that somebody kills looks like one that ran out of memory.
"""

MOST_FAILED_STARTS = 5
"""Number of workers in succession that may end at their start."""

STORE = 100_000_000
"""Bytes of Ray's object store where Ray is started here: jobs and answers are short texts."""

GIGABYTE = 10**9

_TICK, _LOOK = 0.05, 1.0


def main() -> None:
    """Connects to Ray and works until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # Ray prints
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settings = json.loads(sys.stdin.readline())
    client = _Client(settings, answers)
    try:
        client.connect()
        client.run()
    except _Ended as error:
        with contextlib.suppress(OSError):
            client.tell(error=str(error))
    finally:
        with contextlib.suppress(OSError):
            answers.close()
    os._exit(0)  # Ray may wait for a lost head at exit


class _Ended(Exception):  # noqa: N818 - not always an error
    """Nothing more can be done; the text tells why."""


@dataclass(eq=False)
class _Worker:
    """An actor."""

    actor: Any
    ready: Any
    job: int | None = None
    result: Any = None
    begun: float = 0.0
    host: str = ""
    node: str = ""


@dataclass(eq=False)
class _Client:
    """Jobs, workers and what is known of the machines."""

    settings: dict[str, Any]
    answers: Any
    texts: dict[int, str] = field(default_factory=dict)
    waiting: deque[int] = field(default_factory=deque)
    losses: dict[int, int] = field(default_factory=dict)
    starting: list[_Worker] = field(default_factory=list)
    workers: list[_Worker] = field(default_factory=list)
    refusing: dict[str, str] = field(default_factory=dict)
    jobs: queue.Queue[dict[str, Any] | None] = field(default_factory=queue.Queue)
    capacity: int = 0
    failed_starts: int = 0
    has_room: bool = True
    informed: bool = False

    def tell(self, **message: Any) -> None:
        """Writes a line."""
        self.answers.write(json.dumps(message) + "\n")
        self.answers.flush()

    def connect(self) -> None:
        """Connects, and tells the capacity.

        Raises:
            _Ended: There is no such cluster.
        """
        import ray

        address = self.settings["address"] or os.environ.get("RAY_ADDRESS")
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if address is not None and not answers(address, 5):
            raise _Ended(f"nothing answers at {address}; start a head there: ray start --head")
        try:
            if address is None:
                ray.init(address="local", object_store_memory=STORE, include_dashboard=False, **quiet)
            else:
                ray.init(address=address, **quiet)
        except Exception as error:  # noqa: BLE001, Ray has many
            raise _Ended(_explain(address, error)) from None
        self.head = ray.get_runtime_context().gcs_address
        self.looked = time.monotonic()
        threading.Thread(target=self.watch, daemon=True).start()
        parcel = self.settings["parcel"]
        self.parcel = None if parcel is None else ray.put(base64.b64decode(parcel))
        self.capacity = self.count_room()
        self.tell(capacity=self.capacity)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self) -> None:
        """Reads jobs until the study ends."""
        for line in sys.stdin:
            self.jobs.put(json.loads(line))
        self.jobs.put(None)

    def watch(self) -> None:
        """Ends this process when the head is lost. Calls of Ray, such as a start, wait a minute for it."""
        seen = time.monotonic()
        while True:
            if answers(self.head, 1):
                seen = time.monotonic()
            elif time.monotonic() - seen > self.settings["silence"]:
                os._exit(3)
            time.sleep(_LOOK)

    def run(self) -> None:
        """Works until the study ends."""
        import ray

        while True:
            idle = not self.waiting and all(worker.job is None for worker in self.workers)
            try:
                while True:
                    job = self.jobs.get(timeout=_LOOK) if idle else self.jobs.get_nowait()
                    if job is None:
                        ray.shutdown()
                        return
                    idle = False
                    self.receive(**job)
            except queue.Empty:
                pass
            self.look()
            self.assign()
            references = [one.ready for one in self.starting]
            references += [one.result for one in self.workers if one.job is not None]
            if references:
                done, _ = ray.wait(references, timeout=_TICK)
                self.take(set(done))
            elif self.waiting:
                time.sleep(_TICK)
            self.end_late()

    def receive(self, job: int, text: str | None = None) -> None:
        """Takes a job; or without a text, drops one, and ends the worker that does it."""
        if text is not None:
            self.texts[job] = text
            self.waiting.append(job)
        elif self.texts.pop(job, None) is not None:
            with contextlib.suppress(ValueError):
                self.waiting.remove(job)
            for worker in [one for one in self.workers if one.job == job]:
                self.remove(worker)

    def look(self) -> None:
        """Looks from time to time how many machines there are."""
        now = time.monotonic()
        if now - self.looked < _LOOK:
            return
        self.looked = now
        room = self.count_room()
        if room != self.capacity:
            self.capacity = room
            self.tell(capacity=room)

    def count_room(self) -> int:
        """Number of workers that the machines have room for, at least 1, at most as many as wanted."""
        import ray

        needs = {"CPU": self.settings["cores"], "GPU": self.settings["gpus"], "memory": self.memory}
        needs = {name: need for name, need in needs.items() if need}
        room = 0
        for node in ray.nodes():
            if node["Alive"] and node["NodeID"] not in self.refusing:
                room += int(min(node["Resources"].get(name, 0) / need + 1e-9 for name, need in needs.items()))
        self.has_room = room > 0
        self.informed = self.informed and not self.has_room
        return int(max(1, min(room, self.settings["workers"])))

    @property
    def memory(self) -> int:
        """Bytes of a job."""
        return int(self.settings["memory"] * GIGABYTE)

    def assign(self) -> None:
        """Gives jobs to idle workers, and starts workers for the others."""
        for worker in self.workers:
            if worker.job is None and self.waiting:
                worker.job, worker.begun = self.waiting.popleft(), time.monotonic()
                worker.result = worker.actor.work.remote(self.texts[worker.job])
                self.tell(job=worker.job, begun=True)
        count = len(self.workers) + len(self.starting)
        for _ in range(min(len(self.waiting) - len(self.starting), self.capacity - count)):
            self.start()
        if self.waiting and not self.has_room and not self.informed:
            self.informed = True
            need = ",".join(f"{name}={self.settings[name]:g}" for name in ("cores", "gpus", "memory"))
            if self.refusing:
                raise _Ended(f"no machine can work for this study: {next(iter(self.refusing.values()))}")
            self.tell(note=f"no machine of the cluster has {need} for a trial; waiting for one")

    def start(self) -> None:
        """Starts a worker, wherever there is room."""
        import ray
        from ray.util.scheduling_strategies import NodeLabelSchedulingStrategy, NotIn

        options: dict[str, Any] = {"num_cpus": self.settings["cores"], "num_gpus": self.settings["gpus"]}
        if self.memory:
            options["memory"] = self.memory
        if self.refusing:
            hard: Any = {"ray.io/node-id": NotIn(*self.refusing)}
            options["scheduling_strategy"] = NodeLabelSchedulingStrategy(hard=hard)
        actor = ray.remote(RayWorker).options(**options).remote(
            *(self.settings[name] for name in ("egraph", "folders", "function")), self.parcel
        )  # fmt: skip
        self.starting.append(_Worker(actor, actor.start.remote()))

    def take(self, done: set[Any]) -> None:
        """Acts on what is done."""
        for worker in [one for one in self.starting if one.ready in done]:
            self.starting.remove(worker)
            self.take_started(worker)
        for worker in [one for one in self.workers if one.job is not None and one.result in done]:
            self.take_result(worker)

    def take_started(self, worker: _Worker) -> None:
        """Keeps a worker that has started, unless it refuses to work for this study."""
        import ray

        try:
            started = ray.get(worker.ready)
        except Exception as error:  # noqa: BLE001, Ray has many
            if getattr(error, "actor_init_failed", False) and (found := _find_node(worker.actor)):
                reason = one_line(str(error).splitlines()[-1])
                self.leave_out(*found, f"egraph cannot be imported there ({reason}); install it")
                return
            self.failed_starts += 1
            if self.failed_starts >= MOST_FAILED_STARTS:
                raise _Ended(f"no worker of the cluster can start: {one_line(str(error))}") from None
            return
        self.failed_starts = 0
        worker.host, worker.node = started["host"], started["node"]
        if not started["refused"]:
            self.workers.append(worker)
            return
        ray.kill(worker.actor)
        self.leave_out(worker.node, worker.host, started["refused"])

    def leave_out(self, node: str, host: str, reason: str) -> None:
        """Starts no more workers on a machine."""
        if node not in self.refusing:
            self.refusing[node] = f"{host}: {reason}"
            self.informed = False
            self.capacity = self.count_room()
            self.tell(note=f"{host} is left out: {reason}", capacity=self.capacity)

    def take_result(self, worker: _Worker) -> None:
        """Tells the answer of a job; puts one whose worker was lost back."""
        import ray
        from ray.exceptions import RayTaskError

        job, worker.job = worker.job, None
        assert job is not None
        try:
            self.finish(job, answer=ray.get(worker.result))
        except RayTaskError as error:
            self.finish(job, error=one_line(str(error.cause)))
        except Exception as error:  # noqa: BLE001, of a worker that is dead or cannot be reached
            self.remove(worker)
            for other in [one for one in self.workers if one.job is None and one.node == worker.node]:
                self.remove(other)  # perhaps the machine was lost
            self.losses[job] = self.losses.get(job, 0) + 1
            if self.losses[job] < MOST_LOSSES:
                self.waiting.appendleft(job)
                return
            seconds = time.monotonic() - worker.begun
            reason = f"the last on {worker.host}: {type(error).__name__}"
            self.finish(job, lost=(self.losses[job], seconds, reason))

    def end_late(self) -> None:
        """Ends the workers whose jobs take too long."""
        limit = self.settings["seconds"] or math.inf
        for worker in list(self.workers):
            if worker.job is not None and time.monotonic() - worker.begun > limit:
                self.remove(worker)
                self.finish(worker.job, late=limit)

    def finish(self, job: int, **result: Any) -> None:
        """Tells the end of a job."""
        self.texts.pop(job)
        self.losses.pop(job, None)
        self.tell(job=job, **result)

    def remove(self, worker: _Worker) -> None:
        """Ends a worker, so that its job cannot go on."""
        import ray

        self.workers.remove(worker)
        with contextlib.suppress(Exception):
            ray.kill(worker.actor)


def _find_node(actor: Any) -> tuple[str, str] | None:
    """The machine on which an actor was to start, and its host name; None where Ray does not tell."""
    import ray
    from ray._private import state  # the public way needs Ray's dashboard

    try:
        node = state.actors(actor._actor_id.hex())["Address"]["NodeID"]
    except Exception:  # noqa: BLE001, another version of Ray
        return None
    hosts = {one["NodeID"]: one["NodeManagerHostname"] for one in ray.nodes()}
    return (node, hosts[node]) if node in hosts else None


def _explain(address: str | None, error: Exception) -> str:
    """Why there is no connection, in one line."""
    text = one_line(str(error))
    if address is None:
        return f"Ray cannot start on this machine: {text}"
    if "find" in text and "node" in text:
        return f"this machine is not in the cluster of {address}; join it: egraph work --address {address}"
    return (
        f"cannot connect to Ray at {address}: {text}; if the head asks for a token, set RAY_AUTH_MODE=token "
        "and have its ~/.ray/auth_token here"
    )

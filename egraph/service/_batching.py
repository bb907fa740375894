"""Scores architectures of many requests together.

While the thread runs one batch, requests queue for the next, so batches grow with the load. If the thread is
idle, the first request waits briefly for others to join. Requests larger than a batch are split into parts.
Requests of disconnected clients are skipped. If the queue is full, requests are rejected.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.service._metrics import Metrics
from egraph.service._problems import Problem
from egraph.service._settings import Settings

__all__ = ["Batcher", "Work"]

Floats = NDArray[np.float64]
Work = Callable[[list[Any]], Floats]
"""A function of n items that returns ``(n, columns)``; items of equal functions share a batch."""


@dataclass(slots=True, eq=False)
class _Part:
    work: Work
    items: list[Any]
    answer: asyncio.Future[Floats] = field(repr=False)


class Batcher:
    """Runs work in one thread, with the items of several callers at a time.

    Args:
        settings: Size of a batch, waiting time and length of the queue.
        metrics: Counters.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.settings, self.metrics = settings, metrics
        self._queued = 0
        self._parts: deque[_Part] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "egraph-batch")
        self._task: asyncio.Task[None] | None = None

    async def run(self, work: Work, items: Sequence[Any]) -> Floats:
        """The result of the work for the items, ``(items, columns)``.

        Raises:
            Problem: The queue is full.
        """
        if self._queued and self._queued + len(items) > self.settings.waiting:
            raise Problem(
                503,
                "too many architectures are waiting to be scored; try again later",
                headers={"Retry-After": "1"},
            )
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._serve(), name="egraph-batcher")
        loop = asyncio.get_running_loop()
        parts = [
            _Part(work, list(items[start : start + self.settings.largest_batch]), loop.create_future())
            for start in range(0, max(len(items), 1), self.settings.largest_batch)
        ]
        self._parts.extend(parts)
        self._count(len(items))
        self._arrived.set()
        try:
            return np.concatenate(await asyncio.gather(*(part.answer for part in parts)))
        finally:
            self._count(-len(items))

    async def close(self) -> None:
        """Ends the thread and cancels all work in the queue."""
        if self._task is not None:
            self._task.cancel()
        for part in self._parts:
            part.answer.cancel()
        self._thread.shutdown(wait=False)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        idle = True
        while True:
            if not self._parts:
                idle = True
                self._arrived.clear()
                await self._arrived.wait()
            if idle:
                idle = False
                await self._wait_for_others()
            batch = self._take()
            if not batch:
                continue
            began = time.perf_counter()
            items = [item for part in batch for item in part.items]
            outcome = await loop.run_in_executor(self._thread, _attempt, batch[0].work, items)
            self.metrics.saw_batch(len(items), time.perf_counter() - began)
            if isinstance(outcome, Exception) and len(batch) > 1:
                # Runs the parts one by one, so that only the faulty one fails.
                for part in batch:
                    _answer([part], await loop.run_in_executor(self._thread, _attempt, part.work, part.items))
            else:
                _answer(batch, outcome)

    def _count(self, items: int) -> None:
        self._queued += items
        self.metrics.waiting.set(self._queued)

    async def _wait_for_others(self) -> None:
        """Waits until a batch is full or the waiting time is over."""
        until = time.monotonic() + self.settings.longest_wait
        while self._queued < self.settings.largest_batch and (left := until - time.monotonic()) > 0:
            self._arrived.clear()
            try:
                async with asyncio.timeout(left):
                    await self._arrived.wait()
            except TimeoutError:
                return

    def _take(self) -> list[_Part]:
        """The first part whose caller still waits, and later parts that fit into the same batch."""
        batch: list[_Part] = []
        others: deque[_Part] = deque()
        items = 0
        while self._parts:
            part = self._parts.popleft()
            if part.answer.done():
                continue
            if batch and (
                part.work != batch[0].work or items + len(part.items) > self.settings.largest_batch
            ):
                others.append(part)
                continue
            batch.append(part)
            items += len(part.items)
        self._parts = others
        return batch


def _attempt(work: Work, items: list[Any]) -> Floats | Exception:
    try:
        return work(items)
    except Exception as error:  # noqa: BLE001 - raised again in the caller that waits for the answer
        return error


def _answer(batch: Sequence[_Part], outcome: Floats | Exception) -> None:
    start = 0
    for part in batch:
        if part.answer.done():
            pass
        elif isinstance(outcome, Exception):
            part.answer.set_exception(outcome)
        else:
            part.answer.set_result(outcome[start : start + len(part.items)])
        start += len(part.items)

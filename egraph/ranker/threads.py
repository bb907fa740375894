"""Runs items in threads, one item per thread, instead of all threads on each operation."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import Barrier
from typing import TypeVar

import torch

__all__ = ["in_threads"]

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST_WORKERS = 4
"""Most threads: only one of them runs Python at a time, so that more would mostly wait."""


def in_threads(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yields the result of `work` for each item, in order, with several items in progress.

    Each worker gets its share of the calling thread's PyTorch threads. Threads that share every operation
    wait for each other at its end, which costs a little on idle cores and a lot on busy ones. The calling
    thread itself works on a single item.

    Args:
        work: Thread-safe function.
        items: Items, which the calling thread reads a few ahead of the results that it yields.
    """
    threads = torch.get_num_threads()
    remaining = iter(items)
    first = list(islice(remaining, min(threads, _MOST_WORKERS)))
    if len(first) < 2:
        yield from map(work, first)
        yield from map(work, remaining)
        return
    ready = Barrier(len(first) + 1)

    def prepare() -> None:
        torch.get_num_threads()  # first use: PyTorch then sets the thread's number to the common one
        torch.set_num_threads(threads // len(first))
        ready.wait()

    pool = ThreadPoolExecutor(len(first), "ranker", prepare)
    try:
        results = deque(pool.submit(work, item) for item in first)
        # Each call above also set the number for threads that start later: restore it.
        ready.wait()
        torch.set_num_threads(threads)
        for item in remaining:
            results.append(pool.submit(work, item))
            yield results.popleft().result()
        while results:
            yield results.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)

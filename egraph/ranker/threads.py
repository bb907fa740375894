"""One thread for each piece of work, rather than all threads for each step of it."""

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
"""Only one of them runs Python at a time: more would mostly wait for each other."""


def in_threads(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """What `work` gives for each item, in their order, several items at a time.

    Each worker has its share of the threads that PyTorch has in the calling thread: threads that share every
    step wait for each other at its end, which costs a little on idle cores and a lot on busy ones. A single
    item is worked on by the calling thread.

    Args:
        work: safe to run in several threads at once.
        items: read by the calling thread, few ahead of the results that were taken.
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
        torch.get_num_threads()  # PyTorch gives a thread the common number when it is first needed
        torch.set_num_threads(threads // len(first))
        ready.wait()

    pool = ThreadPoolExecutor(len(first), "ranker", prepare)
    try:
        results = deque(pool.submit(work, item) for item in first)
        # The number is a thread's own, but also becomes that of threads which start later: set that back.
        ready.wait()
        torch.set_num_threads(threads)
        for item in remaining:
            results.append(pool.submit(work, item))
            yield results.popleft().result()
        while results:
            yield results.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)

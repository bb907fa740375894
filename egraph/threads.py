"""Threads of PyTorch and of the libraries beside it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["threads_limited", "use_one_thread"]

_most = sys.maxsize
"""Most threads of PyTorch in this process."""


@contextmanager
def threads_limited(count: int) -> Iterator[None]:
    """Sets the number of CPU threads of PyTorch within the block; in a forked process it is 1.

    Small batches do not gain from more threads: they wait for each other at the end of each operation,
    briefly on idle cores and most of the time on busy ones. Another number also changes the last digits.

    Args:
        count: Number of threads.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(min(count, _most))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def use_one_thread() -> None:
    """Makes a forked process compute in one thread, if PyTorch is loaded in it.

    OpenMP, which PyTorch and scikit-learn compute with, would wait forever for the threads of the parent,
    which a fork does not copy.
    """
    global _most
    if "torch" in sys.modules:
        from threadpoolctl import threadpool_limits

        _most = 1
        threadpool_limits(1)
        sys.modules["torch"].set_num_threads(1)

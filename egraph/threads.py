"""The number of threads of PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["threads_limited"]


@contextmanager
def threads_limited(count: int) -> Iterator[None]:
    """Sets the number of CPU threads of PyTorch within the block.

    Small batches do not gain from more threads: they wait for each other at the end of each operation,
    briefly on idle cores and most of the time on busy ones. Another number also changes the last digits.

    Args:
        count: Number of threads.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)

"""How many threads PyTorch works in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["threads_limited"]


@contextmanager
def threads_limited(count: int) -> Iterator[None]:
    """Within the block PyTorch works in so many threads.

    More do not pay for small batches: they wait for each other at the end of each step, a little on idle
    cores and for most of the time on busy ones. Another number also gives other last digits.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)

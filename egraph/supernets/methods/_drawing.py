"""Random numbers for the logits of all positions at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from egraph.supernets.supernet import Supernet

__all__ = ["draw_gumbel", "redrawn", "together"]


def together(supernet: Supernet, change: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    """A function of the logits of each position, computed on the CPU, as results on their device.

    The logits of all positions go to the CPU and come back together, since each transfer waits for the GPU.
    """
    sizes = [len(each) for each in supernet.logits.values()]
    flat = torch.cat(list(supernet.logits.values()))
    changed = torch.cat([change(each) for each in flat.cpu().split(sizes)]).to(flat)
    return dict(zip(supernet.logits, changed.split(sizes), strict=True))


def draw_gumbel(count: int, generator: torch.Generator) -> Tensor:
    """Random numbers of the standard Gumbel distribution, ``(count,)``."""
    return redrawn(lambda: -torch.empty(count).exponential_(generator=generator).log())


def redrawn(draw: Callable[[], Tensor]) -> Tensor:
    """The first result of a draw that has no NaN and is nowhere infinite."""
    while not (found := draw()).isfinite().all():
        pass
    return found

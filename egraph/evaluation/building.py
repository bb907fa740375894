"""What every evaluator does that builds networks and shows them images."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from egraph.datasets import images
from egraph.errors import UsageError
from egraph.spaces import SearchSpace

if TYPE_CHECKING:
    import torch

__all__ = [
    "check_builds",
    "flops_or_zero",
    "load",
]

load = functools.lru_cache(maxsize=2)(images)
"""Loads images; the two data sets used last are kept."""


def check_builds(space: SearchSpace) -> None:
    """Refuses a space that only describes its architectures.

    Raises:
        UsageError: the space builds no networks.
    """
    if not space.builds_networks:
        raise UsageError(f"the space {space.name!r} builds no networks; use one that does, such as 'convnet'")


def flops_or_zero(network: torch.nn.Module, input_shape: tuple[int, int, int]) -> int:
    """Multiply-adds of one image; 0 where they cannot be counted without computing them."""
    from egraph.networks import count_flops

    try:
        return count_flops(network, input_shape)
    except (RuntimeError, TypeError, ValueError):
        return 0

"""What every evaluator does that builds networks and shows them images."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from egraph.datasets import images
from egraph.errors import EgraphError, EvaluationError, UsageError
from egraph.spaces import SearchSpace

if TYPE_CHECKING:
    import torch

__all__ = [
    "check_builds",
    "choose_device",
    "failures_explained",
    "flops_or_zero",
    "load",
    "network_options",
]

load = functools.lru_cache(maxsize=2)(images)
"""Loads images; the two data sets used last are kept."""


def check_builds(space: SearchSpace) -> None:
    """Refuses a space that only describes its architectures.

    Raises:
        UsageError: the space builds no networks.
    """
    if getattr(space.network, "__func__", None) is SearchSpace.network:
        raise UsageError(f"the space {space.name!r} builds no networks; use one that does, such as 'convnet'")


def flops_or_zero(network: torch.nn.Module, input_shape: tuple[int, int, int]) -> int:
    """Multiply-adds of one image; 0 where they cannot be counted without computing them."""
    from egraph.networks import count_flops

    try:
        return count_flops(network, input_shape)
    except (RuntimeError, TypeError, ValueError):
        return 0


def network_options(space: SearchSpace) -> set[str]:
    """Which arguments the space's networks take beyond those of every space."""
    return {"channels", "seed"} & set(inspect.signature(space.network).parameters)


def choose_device(device: str) -> str:
    """The device that ``"auto"`` stands for, or the one that was asked for.

    Raises:
        UsageError: there is no such device.
    """
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdigit()) or (kind == "cpu" and number):
        raise UsageError(f"device must be auto, cpu, cuda or cuda:NUMBER; got {device!r}")
    if kind == "cuda" and (count := torch.cuda.device_count()) <= int(number or 0):
        raise UsageError(
            f"device {device!r} was asked for, but PyTorch sees {count or 'no'} CUDA GPU; use auto or cpu"
        )
    return device


@contextmanager
def failures_explained(what: str, remedy: str) -> Iterator[None]:
    """What PyTorch raises becomes one line that says what happened.

    Args:
        what: what cannot be done then, such as ``"the network cannot be trained"``.
        remedy: what to do where memory runs out.
    """
    import torch

    try:
        yield
    except EgraphError:
        raise
    except (torch.OutOfMemoryError, MemoryError):
        raise EvaluationError(f"out of memory; {remedy}") from None
    except (RuntimeError, ValueError) as error:
        text = (str(error).splitlines() or [type(error).__name__])[0]
        if "allocate memory" in text or "out of memory" in text:
            raise EvaluationError(f"out of memory; {remedy}") from None
        raise EvaluationError(f"{what}: {text}") from error

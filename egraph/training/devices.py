"""Choice of the device that trains."""

from __future__ import annotations

import os

from egraph.errors import UsageError
from egraph.executors import WORKER

__all__ = ["choose_device", "place"]


def choose_device(device: str) -> str:
    """Resolves ``"auto"`` and checks any other device.

    Args:
        device: ``"auto"`` (a CUDA GPU where there is one, else the CPU), ``"cpu"``, ``"cuda"`` or
            ``"cuda:1"``.

    Raises:
        UsageError: The device does not exist.
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


def place(device: str) -> str:
    """The device of this process: of several GPUs, ``"cuda"`` means another one in each worker process.

    Worker processes find their number in the environment, see `egraph.executors`. More workers than GPUs
    share them evenly.

    Args:
        device: A device as `choose_device` returns it.
    """
    import torch

    if device != "cuda" or (count := torch.cuda.device_count()) < 2:
        return device
    return f"cuda:{int(os.environ.get(WORKER, '0')) % count}"

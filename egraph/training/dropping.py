"""Dropout with few random numbers."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

__all__ = ["quick_dropout"]


@contextmanager
def quick_dropout(module: nn.Module, device: torch.device) -> Iterator[None]:
    """Lets the dropout layers of a module on a CPU take four decisions from each random number.

    On a CPU, PyTorch draws a number for each value, which can take a third of the training of a small
    network. Here each value costs 16 bits, so that the probability is exact to 1 / 131,072. The numbers come
    from PyTorch's generator.

    Args:
        module: Module in training; its layers are as before when the context ends.
        device: Device of the module.
    """
    layers = [
        layer
        for layer in module.modules()
        if type(layer) is nn.Dropout and 0 < layer.p < 1 and not layer.inplace and device.type == "cpu"
    ]
    for layer in layers:
        layer.forward = functools.partial(_drop, layer)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _drop(layer: nn.Dropout, x: Tensor) -> Tensor:
    """What the layer does to a tensor."""
    if not layer.training:
        return x
    bits = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
    kept = bits[: x.numel()] >= round(layer.p * 2**16) - 2**15
    mask = kept.to(x.dtype).mul_(1 / (1 - layer.p))
    # In the order of the memory of x: other strides would make the product slow.
    if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
        return x * mask.as_strided(x.size(), x.stride())
    return x * mask.view(x.size())

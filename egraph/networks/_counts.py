"""Numbers of parameters and multiply-adds of a module."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

__all__ = ["Size", "count_flops", "count_params"]


class Size(NamedTuple):
    """The size of a network.

    Attributes:
        params: Number of trainable parameters, as `count_params` counts them.
        flops: Multiply-adds of one forward pass on one input, as `count_flops` counts them.
    """

    params: int
    flops: int


def count_params(module: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def count_flops(module: nn.Module, input_shape: tuple[int, ...]) -> int:
    """Multiply-adds of one forward pass on one input, without computing it.

    Convolutions and matrix products count; normalisation, activations, pooling, resizing and biases do not.

    Args:
        module: Module to measure; it is not changed, nor is its training mode.
        input_shape: Shape of one input, without the batch.
    """
    state = {
        name: tensor.to("meta") for name, tensor in (*module.named_parameters(), *module.named_buffers())
    }
    modes = {part: part.training for part in module.modules()}
    module.eval()  # batch normalisation refuses a batch of one in training mode
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            functional_call(module, state, (torch.empty(1, *input_shape, device="meta"),))
    finally:
        for part, training in modes.items():
            part.training = training
    return counter.get_total_flops() // 2

"""Steps that all skeletons share: checks of arguments, a limit of size, initial weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import nn

from egraph.errors import EvaluationError, UsageError
from egraph.networks._counts import count_params
from egraph.shapes import AXES, describe_axes

__all__ = ["allocate", "check_arguments", "check_size"]

Network = TypeVar("Network", bound=nn.Module)


def check_arguments(
    input_shape: tuple[int, ...], *, kinds: Sequence[str] = ("images",), **numbers: int
) -> None:
    """Checks the shape of an input, and counts such as that of classes.

    Args:
        input_shape: Shape of one input, without the batch.
        kinds: Kinds of inputs that the network reads, of `egraph.shapes.AXES`.
        numbers: Counts by the names of their arguments.

    Raises:
        UsageError: ``input_shape`` is of no such kind, or a number is below 1.
    """
    if len(input_shape) not in [len(AXES[kind]) for kind in kinds] or min(input_shape) < 1:
        wanted = " or ".join(map(describe_axes, kinds))
        raise UsageError(f"input_shape must be {wanted}, each at least 1, got {tuple(input_shape)}")
    for name, number in numbers.items():
        if number < 1:
            raise UsageError(f"{name} must be at least 1, got {number}")


def allocate(make: Callable[[], Network], seed: int, max_params: int, advice: str) -> Network:
    """Makes a network in memory and draws its initial weights, unless it is too large.

    Weights and biases are uniform within one over the root of the fan-in, as PyTorch draws them; batch
    normalisation begins as the identity. The global generator is neither used nor changed.

    Args:
        make: Builds the modules; called on the meta device, where they take no memory.
        seed: Seed of the initial weights.
        max_params: Largest number of trainable parameters that is built.
        advice: Way out, at the end of the error text.

    Raises:
        EvaluationError: The network has more than ``max_params`` parameters; no memory was allocated.
    """
    with torch.device("meta"):
        network = make()
    check_size(count_params(network), max_params, advice)
    network.to_empty(device="cpu")
    _draw_weights(network, torch.Generator().manual_seed(seed))
    return network


def check_size(params: int, max_params: int, advice: str) -> None:
    """Refuses a network of more than so many parameters.

    Raises:
        EvaluationError: It has more; the error text ends with the advice.
    """
    if params > max_params:
        raise EvaluationError(
            f"the network would have {params:,} parameters, at most {max_params:,} are built; {advice}"
        )


def _draw_weights(network: nn.Module, generator: torch.Generator) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
            bound = 1 / math.sqrt(module.weight[0].numel())
            nn.init.uniform_(module.weight, -bound, bound, generator=generator)
            if module.bias is not None:
                nn.init.uniform_(module.bias, -bound, bound, generator=generator)
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_parameters()

"""Paths that are dropped in training, and heads that only training has."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from egraph.errors import UsageError
from egraph.training.stepping import Loss

__all__ = ["DropPath", "set_drop_path", "with_auxiliary"]


class DropPath(nn.Module):
    """Zeroes whole examples of the result of a path in training, and scales the others up.

    Attributes:
        probability: Probability that an example is zeroed; `set_drop_path` sets it.

    Shapes:
        - input and output: ``(batch, ...)``

    References:
        Larsson et al., "FractalNet", https://arxiv.org/abs/1605.07648
    """

    def __init__(self) -> None:
        super().__init__()
        self.probability = 0.0

    def forward(self, x: Tensor) -> Tensor:
        """The result with dropped examples; the numbers come from PyTorch's generator."""
        if not (self.training and self.probability):
            return x
        kept = 1 - self.probability
        return x * (x.new_empty((len(x),) + (1,) * (x.ndim - 1)).bernoulli_(kept) / kept)


def set_drop_path(module: nn.Module, largest: float, progress: float) -> None:
    """Sets the probability of all dropped paths of a module; it rises linearly.

    Args:
        module: Module in training.
        largest: Probability at the end of the training; 0 drops nothing.
        progress: Share of the training that is done.

    Raises:
        UsageError: The module has no such paths, and ``largest`` is not 0.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, DropPath)]
    if largest and not layers:
        raise UsageError(
            "drop_path of the recipe needs a network with paths to drop, such as those of the space 'darts'; "
            "leave it out"
        )
    for layer in layers:
        layer.probability = largest * progress


def with_auxiliary(loss: Loss, weight: float) -> Loss:
    """The loss of a network with an auxiliary head, whose loss is added with a weight.

    Args:
        loss: Loss of the outputs of one head.
        weight: Weight of the auxiliary loss; with 0 the loss is the same.

    Raises:
        UsageError: When called: the network gives no second outputs.
    """
    if not weight:
        return loss

    def both(outputs: Any, targets: Tensor) -> Tensor:
        if not isinstance(outputs, tuple):
            raise UsageError(
                "auxiliary of the recipe needs a network with an auxiliary head, such as those of the space "
                "'darts'; leave it out"
            )
        return loss(outputs[0], targets) + weight * loss(outputs[1], targets)

    return both

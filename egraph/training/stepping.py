"""One step of training."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from egraph.training.optimizers import make_optimizer
from egraph.training.precision import mixed_precision
from egraph.training.recipe import Recipe

__all__ = ["Loss", "TrainingStep"]

Loss = Callable[[Tensor, Tensor], Tensor]
"""A function of outputs and targets, ``(batch, ...)`` each, that gives a scalar."""


class TrainingStep:
    """Updates the weights of a module by one batch each time it is called.

    It holds what steps share: the optimizer, the position in the schedule of the learning rate, and the
    scale of the loss.

    Args:
        module: Module to train, in training mode, on ``device``.
        recipe: Optimizer, learning rate and schedule.
        steps: Number of steps in the whole training, which the schedule spans.
        device: Device of module and batches.
        loss: Function to minimise.
    """

    def __init__(
        self, module: nn.Module, recipe: Recipe, steps: int, device: torch.device, loss: Loss
    ) -> None:
        self.module = module
        self.recipe = recipe
        self.steps = steps
        self.done = 0
        self._loss = loss
        self._optimizer = make_optimizer(module.parameters(), recipe)
        self._half, self._scaler = mixed_precision(device)

    def __call__(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Does one step.

        Returns:
            The loss before the update, a detached scalar on the device.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = self.recipe.rate_at(self.done, self.steps)
        with self._half:
            loss = self._loss(self.module(inputs), targets)
        self._optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self.done += 1
        return loss.detach()

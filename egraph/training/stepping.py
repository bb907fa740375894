"""One step of training."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from egraph.training.averaging import WeightAverage
from egraph.training.optimizers import make_optimizer
from egraph.training.precision import mixed_precision
from egraph.training.recipe import Recipe

__all__ = ["Loss", "TrainingStep"]

Loss = Callable[[Tensor, Tensor], Tensor]
"""A function of outputs and targets, ``(batch, ...)`` each, that gives a scalar."""


class TrainingStep:
    """Updates the weights of a module by one batch each time it is called.

    It holds what steps share: the optimizer, the position in the schedule of the learning rate, the scale of
    the loss and, where the recipe has one, the average of the weights, which `finish` gives to the module.

    Args:
        module: Module to train, in training mode, on ``device``.
        recipe: Optimizer, learning rate and schedule.
        steps: Number of steps in the whole training, which the schedule spans.
        device: Device of module and batches.
        loss: Function to minimise.
        share: Called with the weights after each backward pass, to replace their gradients by those of all
            workers; None where there is one worker.
    """

    def __init__(
        self,
        module: nn.Module,
        recipe: Recipe,
        steps: int,
        device: torch.device,
        loss: Loss,
        share: Callable[[Iterable[nn.Parameter]], object] | None = None,
    ) -> None:
        self.module = module
        self.recipe = recipe
        self.steps = steps
        self.done = 0
        self._loss, self._share = loss, share
        self._optimizer = make_optimizer(module.parameters(), recipe)
        self._half, self._scaler = mixed_precision(device)
        self._average = WeightAverage(module, recipe.ema) if recipe.ema else None

    def __call__(self, inputs: Tensor, targets: Tensor, loss: Loss | None = None) -> Tensor:
        """Does one step.

        Args:
            inputs: Batch of inputs.
            targets: Batch of targets.
            loss: Function to minimise in this step alone; None is that of the training.

        Returns:
            The loss before the update, a detached scalar on the device.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = self.rate
        with self._half:
            value = (loss or self._loss)(self.module(inputs), targets)
        self._optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(value).backward()
        if self._share is not None:
            self._share(self.module.parameters())
        if self.recipe.clip_norm is not None:
            self._scaler.unscale_(self._optimizer)
            nn.utils.clip_grad_norm_(self.module.parameters(), self.recipe.clip_norm)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self.done += 1
        if self._average is not None:
            self._average.update()
        return value.detach()

    @property
    def rate(self) -> float:
        """Learning rate of the next step."""
        return self.recipe.rate_at(self.done, self.steps)

    def momentum(self, weight: Tensor) -> Tensor | None:
        """The momentum of a weight, which ``sgd`` keeps; None if there is none."""
        found: Tensor | None = self._optimizer.state.get(weight, {}).get("momentum_buffer")
        return found

    @property
    def scale(self) -> float:
        """Factor of the loss in the backward pass; 1 but in float16."""
        return self._scaler.get_scale()

    def state_dict(self) -> dict[str, Any]:
        """What steps change beside the module."""
        average = None if self._average is None else self._average.state_dict()
        return {
            "done": self.done,
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "average": average,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from what `state_dict` gave, for the same recipe."""
        self.done = state["done"]
        self._optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        if self._average is not None:
            self._average.load_state_dict(state["average"])

    def finish(self) -> None:
        """Ends the training: averaged weights replace those of the last step."""
        if self._average is not None:
            self._average.apply()

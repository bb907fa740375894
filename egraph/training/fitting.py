"""The training loop."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from egraph.errors import EvaluationError
from egraph.training.augmenting import augment
from egraph.training.recipe import Recipe
from egraph.training.stepping import Loss, TrainingStep

__all__ = ["fit"]


def fit(
    module: nn.Module,
    data: tuple[Tensor, Tensor],
    recipe: Recipe,
    *,
    loss: Loss = nn.functional.cross_entropy,
    seed: int = 0,
    progress: Callable[[int, int], object] | None = None,
) -> None:
    """Trains a module in place; it and the data lie on one device.

    The order of the examples and their augmentation come from a generator of their own. What the module
    itself draws, as dropout does, comes from PyTorch's generators: see `seeded`.

    Args:
        module: Module that maps a batch of inputs to outputs.
        data: Inputs and targets, ``(examples, ...)`` each. A recipe with augmentation needs images or
            signals, ``(examples, channels, ...)``, as inputs.
        recipe: Recipe to train by.
        loss: Function of outputs and targets to minimise. Cross-entropy reads targets as classes.
        seed: Seed of order and augmentation.
        progress: Callback of the epochs done and the epochs in all.

    Raises:
        EvaluationError: The loss became NaN or infinite.
    """
    inputs, targets = data
    device = inputs.device
    generator = torch.Generator().manual_seed(seed)
    batch_size = min(recipe.batch_size, len(inputs))
    steps_per_epoch = len(inputs) // batch_size
    step = TrainingStep(module, recipe, recipe.epochs * steps_per_epoch, device, loss)
    module.train()
    for epoch in range(recipe.epochs):
        order = torch.randperm(len(inputs), generator=generator).to(device)
        total = torch.zeros((), device=device)
        for rows in order[: steps_per_epoch * batch_size].split(batch_size):
            batch = augment(inputs[rows], recipe.augmentation, generator)
            total += step(batch, targets[rows])
        # Once an epoch: reading the loss at each step would make a GPU wait for the CPU.
        if not math.isfinite(mean := total.item() / steps_per_epoch):
            raise EvaluationError(f"the loss became {mean} in epoch {epoch + 1} of {recipe.epochs}")
        if progress is not None:
            progress(epoch + 1, recipe.epochs)

"""The training loop."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from egraph.errors import EvaluationError, UsageError
from egraph.training.augmenting import augment
from egraph.training.continuing import Checkpoint, Moving
from egraph.training.dropping import quick_dropout
from egraph.training.paths import set_drop_path, with_auxiliary
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
    checkpoint: Checkpoint | None = None,
    seconds: float | None = None,
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
        checkpoint: File of a shorter training of the same module, on the same data and with the same seed,
            from which this one goes on where `is_continuable`; it is written at the end.
        seconds: Time after which no further step is done, and the training has failed; None is no limit.

    Raises:
        EvaluationError: The loss became NaN or infinite, or exceeded the recipe's ``stop_loss``; or the time
            was over.
        UsageError: The recipe smooths labels, drops paths or has an auxiliary loss, and that does not fit.
    """
    inputs, loss = data[0], with_auxiliary(_smooth(loss, recipe.label_smoothing), recipe.auxiliary)
    device = inputs.device
    generator = torch.Generator().manual_seed(seed)
    batch_size = min(recipe.batch_size, len(inputs))
    steps_per_epoch = len(inputs) // batch_size
    step = TrainingStep(module, recipe, recipe.epochs * steps_per_epoch, device, loss)
    begun, first = 0, None
    if inputs.ndim == 4:
        module.to(memory_format=IMAGE_LAYOUT)  # type: ignore[call-overload]
    module.train()
    moving = Moving(module, step, generator, np.random.default_rng([seed, _MIXING]))
    clock, about = _Clock(seconds), f"{seed} {len(inputs)}"
    with quick_dropout(module, device):
        if checkpoint is not None:
            begun, first = checkpoint.restore(moving, recipe, about)
        for epoch in range(begun, recipe.epochs):
            losses = _run_epoch(moving, data, recipe, loss, batch_size, clock)
            first = losses[0] if first is None else first
            # Once an epoch: reading the loss at each step would make a GPU wait for the CPU.
            _check(torch.stack(losses).sum().item() / len(losses), first, epoch + 1, recipe)
            if progress is not None:
                progress(epoch + 1, recipe.epochs)
        if checkpoint is not None:
            checkpoint.save(moving, recipe, about, first)
    step.finish()
    if inputs.ndim == 4:
        module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]


IMAGE_LAYOUT = torch.channels_last
"""Order of images in memory: a tenth to a third faster than channels first (benchmarks/training_speed.py)."""


def _run_epoch(
    moving: Moving, data: tuple[Tensor, Tensor], recipe: Recipe, loss: Loss, batch_size: int, clock: _Clock
) -> list[Tensor]:
    """Does the steps of one epoch; returns the loss of each batch, on the device."""
    inputs, targets = data
    set_drop_path(moving.module, recipe.drop_path, moving.step.done / moving.step.steps)
    order = torch.randperm(len(inputs), generator=moving.order).to(inputs.device)
    losses = []
    for rows in order[: len(inputs) // batch_size * batch_size].split(batch_size):
        batch = augment(inputs[rows], recipe.augmentation, moving.order)
        mixed = loss
        if recipe.mixup:
            batch, mixed = _mix(batch, targets[rows], loss, recipe.mixup, moving.mixing)
        losses.append(moving.step(batch, targets[rows], mixed))
        clock.check(moving.step.done, moving.step.steps)
    return losses


class _Clock:
    """The time limit of a training, from now on."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = math.inf if seconds is None else seconds
        self._begun = time.monotonic()

    def check(self, done: int, steps: int) -> None:
        """Refuses to go on after the limit.

        Raises:
            EvaluationError: It has passed, and not all steps are done.
        """
        if done < steps and time.monotonic() - self._begun > self._seconds:
            raise EvaluationError(
                f"not finished after {self._seconds:g} s, {done} of {steps} steps are done; allow more time, "
                "or train smaller networks or fewer epochs"
            )


_GUESS = 1.0
"""Loss of a guess: squared error of standardised targets, about the cross-entropy of two or three classes."""

_MIXING = 1
"""Second part of the seed of mixup, whose numbers are apart from those of order and augmentation."""


def _smooth(loss: Loss, share: float) -> Loss:
    """The loss with a share of each target spread over all classes."""
    if not share:
        return loss
    if loss is not nn.functional.cross_entropy:
        raise UsageError("label_smoothing goes with cross-entropy; leave it or the other loss out")
    return functools.partial(nn.functional.cross_entropy, label_smoothing=share)


def _check(mean: float, first: Tensor | None, epoch: int, recipe: Recipe) -> None:
    """Refuses to go on after an epoch whose mean loss shows that the training diverges."""
    if not math.isfinite(mean):
        raise EvaluationError(f"the loss became {mean} in epoch {epoch} of {recipe.epochs}")
    if recipe.stop_loss is None or first is None:
        return
    # A first batch without outliers, or inherited weights, can begin far below the loss of a guess.
    if mean > recipe.stop_loss * max(first.item(), _GUESS):
        raise EvaluationError(
            f"diverged: the mean loss of epoch {epoch} of {recipe.epochs} is {mean:.3g}, more than "
            f"{recipe.stop_loss:g} times the {first.item():.3g} of the first batch; lower the learning rate"
        )


def _mix(
    batch: Tensor, targets: Tensor, loss: Loss, alpha: float, rng: np.random.Generator
) -> tuple[Tensor, Loss]:
    """Mixes each example with another one of the batch, and the loss in the same way.

    References:
        Zhang et al., mixup: Beyond empirical risk minimization, https://arxiv.org/abs/1710.09412
    """
    share = float(rng.beta(alpha, alpha))
    others = torch.from_numpy(rng.permutation(len(batch))).to(batch.device)

    def mixed(outputs: Tensor, own: Tensor) -> Tensor:
        return share * loss(outputs, own) + (1 - share) * loss(outputs, targets[others])

    return share * batch + (1 - share) * batch[others], mixed

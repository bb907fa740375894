"""One network, one recipe, one seed: the training loop and the accuracy of its result."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from egraph.errors import EvaluationError
from egraph.evaluation.augmenting import augment
from egraph.evaluation.recipe import Recipe

__all__ = ["accuracy", "fit", "seeded"]


@contextlib.contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Within the block, initial weights and dropout follow ``seed``; afterwards nobody notices."""
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(seed)
        for one in cuda:
            with torch.cuda.device(one):
                torch.cuda.manual_seed(seed)
        yield


def fit(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    recipe: Recipe,
    *,
    seed: int = 0,
    progress: Callable[[int, int], object] | None = None,
) -> None:
    """Trains a network in place; it, ``x`` and ``y`` lie on one device.

    The order of the images and their augmentation come from a generator of their own. What the network itself
    draws (dropout) comes from torch's: see `seeded`.

    Args:
        network: maps ``(batch, channels, height, width)`` to ``(batch, classes)``.
        x: images, ``(images, channels, height, width)``.
        y: classes, ``(images,)``.
        recipe: how.
        seed: of order and augmentation.
        progress: called with epochs done and epochs in all.

    Raises:
        EvaluationError: the loss became NaN or infinite.
    """
    device = x.device
    generator = torch.Generator().manual_seed(seed)
    batch = min(recipe.batch_size, len(x))
    steps_per_epoch = len(x) // batch
    steps = recipe.epochs * steps_per_epoch
    optimizer = _make_optimizer(network, recipe)
    half, scaler = _mixed_precision(device)
    network.train()
    step = 0
    for epoch in range(recipe.epochs):
        order = torch.randperm(len(x), generator=generator).to(device)
        total = torch.zeros((), device=device)
        for rows in order[: steps_per_epoch * batch].split(batch):
            for group in optimizer.param_groups:
                group["lr"] = recipe.rate_at(step, steps)
            images = augment(x[rows], recipe.augmentation, generator)
            with half:
                loss = nn.functional.cross_entropy(network(images), y[rows])
            optimizer.zero_grad(set_to_none=True)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            total += loss.detach()
            step += 1
        # once an epoch: asking at each step would make a GPU wait for the CPU
        if not math.isfinite(mean := total.item() / steps_per_epoch):
            raise EvaluationError(f"the loss became {mean} in epoch {epoch + 1} of {recipe.epochs}")
        if progress is not None:
            progress(epoch + 1, recipe.epochs)


@torch.no_grad()
def accuracy(network: nn.Module, x: Tensor, y: Tensor, *, batch_size: int = 1024) -> float:
    """The share of images whose class the network, in evaluation mode, gives the highest output.

    Raises:
        EvaluationError: an output is NaN or infinite.
    """
    network.eval()
    right = torch.zeros((), dtype=torch.long, device=x.device)
    finite = torch.ones((), dtype=torch.bool, device=x.device)
    for images, classes in zip(x.split(batch_size), y.split(batch_size), strict=True):
        with _mixed_precision(x.device)[0]:
            outputs = network(images)
        right += (outputs.argmax(dim=1) == classes).sum()
        finite &= outputs.isfinite().all()
    if not finite.item():
        raise EvaluationError("the trained network gives NaN or infinite outputs")
    return right.item() / len(x)


def _make_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    rate, decay, parameters = recipe.learning_rate, recipe.weight_decay, network.parameters()
    # fused: one kernel for all parameters
    match recipe.optimizer:
        case "adam":
            return torch.optim.Adam(parameters, lr=rate, weight_decay=decay, fused=True)
        case "adamw":
            return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=True)
        case _:
            return torch.optim.SGD(
                parameters,
                lr=rate,
                weight_decay=decay,
                momentum=recipe.momentum,
                nesterov=recipe.nesterov and recipe.momentum > 0,
                fused=True,
            )


def _mixed_precision(device: torch.device) -> tuple[torch.autocast, torch.amp.GradScaler]:
    """On CUDA bfloat16, or float16 with scaled gradients where that is lacking; full precision on a CPU."""
    cuda = device.type == "cuda"
    brain = not cuda or torch.cuda.is_bf16_supported(including_emulation=False)
    half = torch.autocast(device.type, dtype=torch.bfloat16 if brain else torch.float16, enabled=cuda)
    return half, torch.amp.GradScaler(device.type, enabled=not brain)

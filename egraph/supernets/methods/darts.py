"""DARTS: softmax weights of all operations; first order, second order, and on one level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from egraph.checks import check_positive, check_whole
from egraph.supernets.methods.base import Batch, Gradient, Method

if TYPE_CHECKING:
    from egraph.supernets.run import Run

__all__ = ["Darts", "OneLevelDarts", "mixed_product"]


class OneLevelDarts(Method):
    """DARTS that trains weights and logits on the same examples, all of them, by one backward pass.

    References:
        Liu, Simonyan and Yang, section 3.3 of the paper of `Darts`.
    """

    name = "darts-one-level"
    one_level = True


class Darts(Method):
    """Mixes all operations by the softmax of their logits; logits follow the gradient of the validation loss.

    First order takes the gradient at the present weights. Second order takes it through the next step of the
    weights: by the validation loss at the weights after a step of SGD, with the momentum and weight decay of
    the recipe, and the product of its gradient with the second derivative of the training loss in weights and
    logits, by a central difference. That takes about 2.75 times as long.

    Args:
        order: 1 or 2.
        step: Length of the step of the central difference, in the space of all weights.

    References:
        Liu, Simonyan and Yang, "DARTS: Differentiable Architecture Search", ICLR 2019,
        https://arxiv.org/abs/1806.09055
    """

    name = "darts"

    def __init__(self, *, order: int = 1, step: float = 0.01) -> None:
        check_whole(1, 2, order=order)
        check_positive(step=step)
        self.order, self.step = order, step

    def gradient(self, run: Run, training: Batch, validation: Batch) -> Gradient:
        """The gradient of the validation loss in the logits, through a step of the weights if of order 2."""
        if self.order == 1:
            return super().gradient(run, training, validation)
        return _unrolled_gradient(run, training, validation, self.step)


def _unrolled_gradient(run: Run, training: Batch, validation: Batch, length: float) -> Gradient:
    """The gradient of the validation loss after a step of the weights, which the logits change."""
    weights = [each for each in run.supernet.parameters() if each.requires_grad]
    before = [each.detach().clone() for each in weights]
    with torch.no_grad():
        run.supernet.use(run.draw())
    step, factor = _next_step(run, weights, run.differentiate(run.loss(training)[0], weights))
    _move(weights, step, -run.step.rate)
    loss, correct = run.validate(validation)
    found = run.differentiate(loss + run.penalty(), [*weights, *run.trained])
    _restore(weights, before)
    products = mixed_product(run, training, weights, found[: len(weights)], length)
    gradient = [
        None if direct is None else direct - run.step.rate * factor * product
        for direct, product in zip(found[len(weights) :], products, strict=True)
    ]
    return Gradient(loss.detach(), correct, gradient)


def mixed_product(
    run: Run, batch: Batch, weights: Sequence[Tensor], vector: Sequence[Tensor | None], length: float
) -> list[Tensor]:
    """The product of the second derivative of a loss, by logits and weights, with a vector of the weights.

    It is a central difference of the gradient in the logits, with a step of this length, computed in full
    precision: in half of it such a step would change few of the weights.
    """
    before = [each.detach().clone() for each in weights]
    factor = length / torch.stack([each.norm() for each in vector if each is not None]).norm()
    found = []
    for sign in (1, -1):
        _move(weights, vector, sign * factor)
        loss, _ = run.validate(batch, exact=True)
        found.append(run.differentiate(loss, run.trained))
        _restore(weights, before)
    return [
        torch.zeros_like(logits) if up is None or down is None else (up - down) / (2 * factor)
        for up, down, logits in zip(*found, run.trained, strict=True)
    ]


def _next_step(
    run: Run, weights: Sequence[Tensor], gradient: Sequence[Tensor | None]
) -> tuple[list[Tensor], float]:
    """The direction of the next step of SGD, and the factor of the gradient in it."""
    recipe = run.step.recipe
    momentum = recipe.momentum if recipe.optimizer == "sgd" else 0.0
    nesterov = momentum if recipe.nesterov else 0.0
    steps = []
    for weight, each in zip(weights, gradient, strict=True):
        decayed = recipe.weight_decay * weight.detach() + (0 if each is None else each)
        kept = run.step.momentum(weight) if momentum else None
        moved = decayed if kept is None else momentum * kept + decayed
        steps.append(decayed + nesterov * moved if nesterov else moved)
    return steps, 1 + nesterov


@torch.no_grad()
def _move(weights: Sequence[Tensor], step: Sequence[Tensor | None], length: Tensor | float) -> None:
    for weight, each in zip(weights, step, strict=True):
        if each is not None:
            weight.add_(each * length)


@torch.no_grad()
def _restore(weights: Sequence[Tensor], before: Sequence[Tensor]) -> None:
    for weight, each in zip(weights, before, strict=True):
        weight.copy_(each)

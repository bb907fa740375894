"""iDARTS: the gradient through the optimum of the weights, by implicit differentiation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from egraph.checks import check_positive, check_whole
from egraph.supernets.methods.base import Batch, Gradient, Method

if TYPE_CHECKING:
    from egraph.supernets.run import Run

__all__ = ["ImplicitDarts"]


class ImplicitDarts(Method):
    """DARTS whose logits follow the gradient through the optimum of the weights.

    By the implicit function theorem it needs the inverse Hessian of the training loss in the weights, which a
    few terms of its Neumann series replace: ``factor * sum_k (I - factor * Hessian)^k``. Products with second
    derivatives are exact, by double backward, on the batch of the next step of the weights. The method with
    a softmax over all edges into a node, I-DARTS, is `IDarts`.

    Args:
        terms: Number of terms of the series after the first.
        factor: Factor of the Hessian in the series; small enough that the series converges.
        every: Number of steps of the weights for each step of the logits.

    References:
        Zhang, Su, Pan, Chang, Abbasnejad and Haffari, "iDARTS: Differentiable Architecture Search with
        Stochastic Implicit Gradients", ICML 2021, https://arxiv.org/abs/2106.10784
    """

    name = "idarts"

    def __init__(self, *, terms: int = 2, factor: float = 0.01, every: int = 4) -> None:
        check_whole(0, terms=terms)
        check_whole(1, every=every)
        check_positive(factor=factor)
        self.terms, self.factor, self.every = terms, factor, every

    def gradient(self, run: Run, training: Batch, validation: Batch) -> Gradient:
        """The gradient of the validation loss in the logits, which the weights follow."""
        weights = [each for each in run.supernet.parameters() if each.requires_grad]
        loss, correct = run.validate(validation)
        found = run.differentiate(loss + run.penalty(), [*weights, *run.trained])
        term = [
            torch.zeros_like(weight) if each is None else each
            for weight, each in zip(weights, found[: len(weights)], strict=True)
        ]
        slope = torch.autograd.grad(
            run.validate(training, exact=True)[0], weights, create_graph=True, materialize_grads=True
        )
        total = term
        decay = run.settings.weights.weight_decay
        for _ in range(self.terms):
            products = _product(slope, term, weights)
            term = [
                each - self.factor * (product + decay * each)
                for each, product in zip(term, products, strict=True)
            ]
            total = [a + b for a, b in zip(total, term, strict=True)]
        products = _product(slope, total, run.trained)
        gradient = [
            None if direct is None else direct - self.factor * product
            for direct, product in zip(found[len(weights) :], products, strict=True)
        ]
        return Gradient(loss.detach(), correct, gradient)


def _product(slope: Sequence[Tensor], vector: Sequence[Tensor], by: Sequence[Tensor]) -> list[Tensor]:
    """The product of a vector with the derivative of a gradient."""
    inner = torch.stack([(a * b).sum() for a, b in zip(slope, vector, strict=True)]).sum()
    return list(torch.autograd.grad(inner, by, retain_graph=True, materialize_grads=True))

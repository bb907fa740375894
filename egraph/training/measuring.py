"""The score of a trained network: accuracy of a classifier, R2 of a regression."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from egraph.errors import EvaluationError
from egraph.training.precision import mixed_precision

__all__ = ["accuracy", "r_squared"]


@torch.no_grad()
def accuracy(module: nn.Module, data: tuple[Tensor, Tensor], *, batch_size: int = 1024) -> float:
    """The share of examples whose class has the highest output; the module is left in evaluation mode.

    Args:
        module: Classifier that maps a batch of inputs to ``(batch, classes)``.
        data: Inputs, ``(examples, ...)``, and classes, ``(examples,)``, on the device of the module.
        batch_size: Number of examples in a forward pass.

    Returns:
        Accuracy in [0, 1].

    Raises:
        EvaluationError: An output is NaN or infinite.
    """
    module.eval()
    inputs, targets = data
    half, _ = mixed_precision(inputs.device)
    right = torch.zeros((), dtype=torch.long, device=inputs.device)
    finite = torch.ones((), dtype=torch.bool, device=inputs.device)
    for batch, classes in zip(inputs.split(batch_size), targets.split(batch_size), strict=True):
        with half:
            outputs = module(batch)
        right += (outputs.argmax(dim=1) == classes).sum()
        finite &= outputs.isfinite().all()
    if not finite.item():
        raise EvaluationError("the trained network gives NaN or infinite outputs")
    return right.item() / len(inputs)


@torch.no_grad()
def r_squared(module: nn.Module, data: tuple[Tensor, Tensor], *, batch_size: int = 1024) -> float:
    """The share of the variance of targets that predictions explain; leaves the module in evaluation mode.

    The coefficient of determination, one minus the ratio of the squared errors to the squared distances from
    the mean target. The mean of the targets as prediction has 0; worse predictions have negative values.

    Args:
        module: Network that maps a batch of inputs to ``(batch, 1)``.
        data: Inputs, ``(examples, ...)``, and targets, ``(examples, 1)``, on the device of the module.
        batch_size: Number of examples in a forward pass.

    Returns:
        R2, at most 1.

    Raises:
        EvaluationError: An output is NaN or infinite.
    """
    module.eval()
    inputs, targets = data
    half, _ = mixed_precision(inputs.device)
    outputs = []
    for batch in inputs.split(batch_size):
        with half:
            outputs.append(module(batch).double())
    predicted, measured = torch.cat(outputs), targets.double()
    if not predicted.isfinite().all().item():
        raise EvaluationError("the trained network gives NaN or infinite outputs")
    errors = ((predicted - measured) ** 2).sum()
    spread = ((measured - measured.mean()) ** 2).sum()
    return 1 - (errors / spread).item()

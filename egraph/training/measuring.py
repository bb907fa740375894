"""The accuracy of a trained classifier."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from egraph.errors import EvaluationError
from egraph.training.precision import mixed_precision

__all__ = ["accuracy"]


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

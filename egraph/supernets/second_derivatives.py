"""Products of vectors with second derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["hessian_product"]


def hessian_product(
    loss: Tensor, tensors: Sequence[Tensor]
) -> tuple[Callable[[NDArray[np.float64]], NDArray[np.float64]], int]:
    """The product of vectors with the Hessian of a loss, by double backward, and the size of the vectors.

    Args:
        loss: A scalar with its graph.
        tensors: What the loss is derived by; the vectors have all their elements in a row.
    """
    found = torch.autograd.grad(loss, tensors, create_graph=True, allow_unused=True, materialize_grads=True)
    gradient = torch.cat([each.flatten() for each in found])

    def product(vector: NDArray[np.float64]) -> NDArray[np.float64]:
        direction = torch.as_tensor(np.ravel(vector)).to(gradient)
        rows = torch.autograd.grad(
            gradient @ direction, tensors, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        return torch.cat([each.flatten() for each in rows]).double().cpu().numpy()

    return product, len(gradient)

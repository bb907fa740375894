"""The memory that a step keeps for its backward pass."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["count_saved_bytes"]


def count_saved_bytes(compute: Callable[[], Tensor]) -> int:
    """The bytes of the tensors that a forward pass keeps for the backward pass, each storage once."""
    seen: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = compute()
    del result
    return sum(seen.values())

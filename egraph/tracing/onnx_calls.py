"""Nodes of ONNX models with the values of their inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from egraph.errors import ArchitectureError

__all__ = ["Call", "Value"]

Value = Any
"""A tensor; or an array of NumPy, which is a constant; or None for an input that is left out."""


@dataclass(frozen=True)
class Call:
    """One node: its operator on its inputs.

    Attributes:
        operator: Type of operator, such as ``"Conv"``.
        inputs: Values of the inputs.
        attributes: Attributes by name.
        outputs: Number of outputs.
    """

    operator: str
    inputs: Sequence[Value]
    attributes: dict[str, Any]
    outputs: int

    def tensor(self, place: int) -> Any:
        """An input as a tensor, None if it is left out."""
        value = self.inputs[place] if place < len(self.inputs) else None
        return torch.tensor(value) if isinstance(value, np.ndarray) else value

    def operands(self) -> list[Any]:
        """All inputs as tensors; constants of one element as numbers."""
        tensors = [self.tensor(place) for place in range(len(self.inputs))]
        return [
            value.item() if isinstance(value, np.ndarray) and value.size == 1 and value.ndim < 2 else tensor
            for value, tensor in zip(self.inputs, tensors, strict=True)
        ]

    def numbers(self, name: str, place: int | None = None, default: Any = None) -> Any:
        """An attribute or, in later versions of an operator, a constant input, as a list or a number."""
        if name in self.attributes:
            return self.attributes[name]
        value = None if place is None or place >= len(self.inputs) else self.inputs[place]
        if isinstance(value, Tensor):
            raise ArchitectureError(
                f"the operator {self.operator} has {name} that depend on values; export a fixed size"
            )
        if value is not None and value.size > _MOST_NUMBERS:
            raise ArchitectureError(
                f"the operator {self.operator} has {name} of {value.size:,} numbers; the model is damaged"
            )
        return default if value is None else value.tolist()


_MOST_NUMBERS = 10_000

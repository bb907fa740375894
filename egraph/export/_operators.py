"""Dense layers of a ranker, and constants, as ONNX operators."""

from __future__ import annotations

import numpy as np
import spox.opset.ai.onnx.v20 as op
import torch
from numpy.typing import NDArray
from spox import Var

from egraph.ranker.sage import Linear

__all__ = ["dense", "integers", "linear", "weights_of"]


def linear(layer: Linear, x: Var) -> Var:
    """Applies `Linear` to all members at once, ``(members, rows, in_features)``."""
    y = op.matmul(x, op.const(layer.weight.detach().numpy()))
    return y if layer.bias is None else op.add(y, op.const(layer.bias.detach().numpy()))


def integers(*values: int) -> Var:
    """A constant of whole numbers, ``(values,)``."""
    return op.const(np.array(values, dtype=np.int64))


def dense(layer: torch.nn.Module, member: int, x: Var) -> Var:
    """Applies one member of a `Linear` with bias, ``(rows, in_features)`` to ``(rows, out_features)``."""
    weight, bias = (weights_of(layer, name, member) for name in ("weight", "bias"))
    return op.gemm(x, op.const(weight), op.const(bias[0]))


def weights_of(layer: torch.nn.Module, name: str, member: int) -> NDArray[np.float32]:
    """The named parameter of one member."""
    return layer.get_parameter(name)[member].detach().numpy()

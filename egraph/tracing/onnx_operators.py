"""Operators of ONNX as functions of PyTorch: what they compute up to the values, for drawings."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from egraph.tracing import onnx_layers, onnx_shapes
from egraph.tracing.onnx_calls import Call

__all__ = ["OPERATORS"]


def _divide(a: Any, b: Any) -> Any:
    is_real = any(
        isinstance(each, float) or (isinstance(each, Tensor) and each.is_floating_point()) for each in (a, b)
    )
    return a / b if is_real else torch.div(a, b, rounding_mode="trunc")


def _fold(function: Callable[..., Any]) -> Callable[[Call], Any]:
    """An operator of two or more operands."""

    def apply(call: Call) -> Any:
        result, *rest = call.operands()
        for each in rest:
            result = function(result, each)
        return result

    return apply


def _each(function: Callable[..., Any]) -> Callable[[Call], Any]:
    """An operator on the elements of its first input; its attributes have no effect on a drawing."""
    return lambda call: function(call.tensor(0))


def _extreme(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Any, Any], Tensor]:
    return lambda a, b: function(
        *(each if isinstance(each, Tensor) else torch.tensor(each) for each in (a, b))
    )


_OF_OPERANDS: dict[str, Callable[..., Any]] = {
    "Add": operator.add, "Sub": operator.sub, "Mul": operator.mul, "Div": _divide, "Pow": torch.pow,
    "Mod": operator.mod, "Sum": operator.add, "Equal": torch.eq, "Less": torch.lt,
    "Greater": torch.gt, "LessOrEqual": torch.le, "GreaterOrEqual": torch.ge,
    "And": torch.logical_and, "Or": torch.logical_or, "Xor": torch.logical_xor,
    "Max": _extreme(torch.maximum), "Min": _extreme(torch.minimum),
}  # fmt: skip
"""Operators of two or more operands."""

_OF_ELEMENTS: dict[str, Callable[..., Any]] = {
    "Identity": lambda x: x, "Dropout": lambda x: x, "Relu": torch.relu, "Sigmoid": torch.sigmoid,
    "Tanh": torch.tanh, "Erf": torch.erf, "Exp": torch.exp, "Log": torch.log, "Sqrt": torch.sqrt,
    "Neg": torch.neg, "Abs": torch.abs, "Floor": torch.floor, "Ceil": torch.ceil,
    "Round": torch.round, "Sin": torch.sin, "Cos": torch.cos, "Atan": torch.atan,
    "Sign": torch.sign, "Reciprocal": torch.reciprocal, "Not": torch.logical_not,
    "IsNaN": torch.isnan, "IsInf": torch.isinf, "Softplus": F.softplus, "Softsign": F.softsign,
    "Elu": F.elu, "Selu": F.selu, "Celu": F.celu, "Gelu": F.gelu, "Mish": F.mish,
    "LeakyRelu": F.leaky_relu, "HardSigmoid": F.hardsigmoid, "HardSwish": F.hardswish,
    "ThresholdedRelu": torch.relu, "Swish": F.silu, "LpNormalization": F.normalize,
}  # fmt: skip
"""Operators on the elements of their first input."""

OPERATORS: dict[str, Callable[[Call], Any]] = {
    "Conv": onnx_layers.convolve,
    "ConvTranspose": onnx_layers.convolve_transposed,
    **dict.fromkeys(("MaxPool", "AveragePool"), onnx_layers.pool),
    **dict.fromkeys(("GlobalMaxPool", "GlobalAveragePool"), onnx_layers.pool_all),
    "Gemm": onnx_layers.gemm,
    "MatMul": _fold(torch.matmul),
    "Einsum": lambda call: torch.einsum(call.attributes["equation"], *call.operands()),
    "Attention": onnx_layers.attend,
    **dict.fromkeys(("LSTM", "GRU", "RNN"), onnx_layers.recur),
    **dict.fromkeys(
        ("BatchNormalization", "InstanceNormalization", "GroupNormalization", "LayerNormalization", "LRN",
         "SimplifiedLayerNormalization", "RMSNormalization"), onnx_layers.normalize,
    ),
    **dict.fromkeys(
        ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceProd", "ReduceL1", "ReduceL2",
         "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"), onnx_shapes.reduce_axes,
    ),
    **dict.fromkeys(("ArgMax", "ArgMin"), onnx_shapes.find_extreme),
    "Reshape": onnx_shapes.reshape, "Flatten": onnx_shapes.flatten, "Squeeze": onnx_shapes.squeeze,
    "Unsqueeze": onnx_shapes.unsqueeze, "Transpose": onnx_shapes.transpose, "Expand": onnx_shapes.expand,
    "Concat": onnx_shapes.concat, "Split": onnx_shapes.split_axis, "Slice": onnx_shapes.cut,
    "Tile": lambda call: call.tensor(0).repeat(*call.numbers("repeats", 1)),
    "Gather": onnx_shapes.gather, "GatherND": onnx_shapes.gather_nd,
    "GatherElements": lambda call: call.tensor(0).gather(call.numbers("axis", default=0), call.tensor(1)),
    **dict.fromkeys(("ScatterElements", "ScatterND", "Scatter"), onnx_shapes.scatter),
    "Pad": onnx_shapes.pad_borders,
    **dict.fromkeys(("Resize", "Upsample"), onnx_shapes.resize),
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth"), onnx_shapes.rearrange),
    "GridSample": lambda call: F.grid_sample(call.tensor(0), call.tensor(1), align_corners=False),
    "TopK": onnx_shapes.take_top,
    "CumSum": lambda call: call.tensor(0).cumsum(int(call.numbers("axis", 1))),
    "Trilu": lambda call: torch.triu(call.tensor(0)),
    "Where": lambda call: torch.where(*(call.tensor(place) for place in range(3))),
    "NonZero": lambda call: torch.nonzero(call.tensor(0)).T,
    "ConstantOfShape": lambda call: torch.zeros(call.numbers("shape", 0)),
    **dict.fromkeys(("Cast", "CastLike"), onnx_shapes.cast),
    "Clip": onnx_shapes.clip,
    "Softmax": lambda call: call.tensor(0).softmax(call.numbers("axis", default=-1)),
    "LogSoftmax": lambda call: call.tensor(0).log_softmax(call.numbers("axis", default=-1)),
    "PRelu": lambda call: torch.where(call.tensor(0) > 0, call.tensor(0), call.tensor(0) * call.tensor(1)),
    **{name: _fold(function) for name, function in _OF_OPERANDS.items()},
    **{name: _each(function) for name, function in _OF_ELEMENTS.items()},
}  # fmt: skip
"""What each operator computes."""

"""Kind, kernel, stride and so on of the vertex of an ATen operation."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor, fx

from egraph.tracing.sketch import Vertex

__all__ = ["arguments", "leaves_of", "operation_name", "read_layer", "signature_of", "tensor_of"]

_CONVOLUTION = ("conv1d", "conv2d", "conv3d", "convolution")
_TRANSPOSED = ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
_RECURRENT = ("lstm", "gru", "rnn_tanh", "rnn_relu")
_MEANS = {"mean": "avg-pool", "amax": "max-pool", "max": "max-pool"}


def operation_name(node: fx.Node) -> str:
    """``"conv2d"`` for a node that calls ``aten.conv2d.default``."""
    schema = getattr(node.target, "_schema", None)
    return schema.name.split("::")[-1].rstrip("_") if schema is not None else str(node.target)


def arguments(node: fx.Node) -> dict[str, Any]:
    """The arguments of a node by name, defaults included."""
    defaults = _defaults(node.target)
    return defaults | dict(zip(defaults, node.args, strict=False)) | node.kwargs


@functools.cache
def _defaults(target: Any) -> dict[str, Any]:
    """The default values of all arguments of an operation, None where there is none."""
    return {argument.name: argument.default_value for argument in target._schema.arguments}


def leaves_of(value: Any) -> Iterator[Any]:
    """The values in nested lists, tuples and dictionaries."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from leaves_of(item)
    elif isinstance(value, dict):
        yield from leaves_of(list(value.values()))
    else:
        yield value


def tensor_of(node: Any) -> Tensor | None:
    """The result of a node as a tensor without values; the first if there are several."""
    value = node.meta.get("val") if isinstance(node, fx.Node) else None
    if isinstance(value, list | tuple) and value:
        value = value[0]
    return value if isinstance(value, Tensor) else None


def signature_of(argument: Any) -> Any:
    """What the result of an operation on tensors without values depends on: a hashable value."""
    if isinstance(argument, Tensor):
        return argument.shape, argument.stride(), argument.dtype
    if isinstance(argument, list | tuple):
        return tuple([signature_of(item) for item in argument])
    return type(argument), argument if isinstance(argument, int | float | str) else repr(argument)


def read_layer(
    node: fx.Node, source: Vertex, operands: int, flops: int, border: int, batch: int
) -> Vertex | None:
    """The vertex of a node, without inputs and parameters; None if the node is no operation of its own.

    Args:
        node: Call of an ATen operation on results that depend on the input.
        source: Vertex of the first of these results.
        operands: Number of arguments that depend on the input.
        flops: Multiply-adds of the node.
        border: Pixels padded before it, both sides together.
        batch: Number of examples.
    """
    name, given, result = operation_name(node), arguments(node), tensor_of(node)
    vertex: Vertex | None
    if result is None:
        return None
    if name in (*_CONVOLUTION, *_TRANSPOSED):
        vertex = _convolution(name, given, result, border)
    elif name == "scaled_dot_product_attention":
        heads = _heads(result, batch)
        vertex = Vertex("attention", "attention", channels=heads * result.shape[-1], groups=heads)
    elif "_pool" in name:
        vertex = _pool(name, given, result, border)
    elif name in _MEANS and (dims := given.get("dim")) not in (None, []):
        vertex = _mean(name, tensor_of(given["self"]), [dims] if isinstance(dims, int) else dims, source)
    elif name in _RECURRENT or name == "embedding":
        vertex = Vertex("other", name, channels=result.shape[-1])
    elif name in ("softmax", "_softmax", "_safe_softmax"):
        vertex = Vertex("softmax", "softmax", channels=source.channels)
    elif flops and operands > 1:
        heads = _heads(result, batch)
        vertex = Vertex("matmul", "matmul", channels=heads * result.shape[-1], groups=heads)
    elif flops:
        vertex = Vertex("linear", "linear", channels=result.shape[-1])
    else:
        return None
    if vertex is not None:
        vertex.pixels = max(result.numel() // (batch * max(vertex.channels, 1)), 1)
    return vertex


def _convolution(name: str, given: dict[str, Any], result: Tensor, border: int) -> Vertex:
    weight = tensor_of(given["weight"])
    assert weight is not None
    sides, groups = list(weight.shape[2:]), int(given["groups"])
    transposed = name in _TRANSPOSED or given.get("transposed") is True
    strides, dilations = _spread(given["stride"], sides), _spread(given["dilation"], sides)
    fan_in = weight.shape[0] if transposed else weight.shape[1] * groups
    stride = _mean_side(strides)
    vertex = Vertex(
        "conv",
        ("up-conv" if transposed else "conv")
        + _sides(sides)
        + (f"-d{max(dilations)}" if max(dilations) > 1 else ""),
        channels=result.shape[-1 - len(sides)],
        fan_in=fan_in,
        kernel=_mean_side(sides),
        stride=1 if transposed else stride,
        groups=0 if groups == fan_in > 1 else groups,
    )
    if not transposed and given["padding"] != "same":
        padding = [0] * len(sides) if given["padding"] == "valid" else _spread(given["padding"], sides)
        reach = [dilation * (side - 1) + 1 for side, dilation in zip(sides, dilations, strict=True)]
        vertex.padded = _is_padded(reach, strides, padding, border)
    return vertex


def _pool(name: str, given: dict[str, Any], result: Tensor, border: int) -> Vertex | None:
    before = tensor_of(given["self"])
    assert before is not None
    kind, dimensions = "max-pool" if "max" in name else "avg-pool", int(name.split("_pool")[1][0])
    channels = result.shape[-1 - dimensions]
    if "stride" not in given:  # adaptive ones, and the fractional one
        return _global_pool(kind, before.shape[-dimensions:], result.shape[-dimensions:], channels)
    sides = _spread(given["kernel_size"], result.shape[-dimensions:])
    strides = _spread(given["stride"] or given["kernel_size"], sides)
    padded = _is_padded(sides, strides, _spread(given["padding"], sides), border)
    label = kind.replace("-", "") + _sides(sides)
    return Vertex(
        kind, label, channels=channels, kernel=_mean_side(sides), stride=_mean_side(strides), padded=padded
    )


def _mean(name: str, before: Tensor | None, dims: Sequence[int], source: Vertex) -> Vertex | None:
    """A pool over all positions; None if channels are reduced, as in a norm written by hand."""
    assert before is not None
    shape, axes = before.shape, sorted(dim % before.ndim for dim in dims)
    if before.ndim == 3 and len(axes) == 1 and axes[0] > 0:
        other = 3 - axes[0]
        is_spatial = shape[other] == source.channels and (axes[0] == 1 or shape[1] != shape[2])
    else:
        is_spatial = before.ndim > 3 and axes in (
            list(range(2, before.ndim)),
            list(range(1, before.ndim - 1)),
        )
        other = 1 if axes[-1:] == [before.ndim - 1] else before.ndim - 1
    if not is_spatial:
        return None
    return _global_pool(_MEANS[name], [shape[axis] for axis in axes], [1] * len(axes), shape[other])


def _global_pool(kind: str, before: Sequence[int], after: Sequence[int], channels: int) -> Vertex | None:
    """A pool whose kernel maps the sides before to those after; None if they are equal."""
    if list(before) == list(after):
        return None
    if len(before) == 1:  # a series of tokens counts as a square
        before, after = [round(math.sqrt(before[0]))], [round(math.sqrt(after[0]))]
    side = max(_mean_side([max(round(b / a), 1) for b, a in zip(before, after, strict=True)]), 1)
    label = f"{kind.replace('-', '')}-to-{'x'.join(map(str, after))}" if max(after) > 1 else f"global-{kind}"
    return Vertex(kind, label, channels=channels, kernel=side, stride=side)


def _heads(result: Tensor, batch: int) -> int:
    """Heads of a product whose result is ``(..., heads, tokens, features)`` or ``(batch * heads, ...)``."""
    if result.ndim < 3:
        return 1
    return max(result.shape[-3] if result.ndim > 3 else result.shape[0] // batch, 1)


def _is_padded(sides: Sequence[int], strides: Sequence[int], padding: Sequence[int], border: int) -> bool:
    return all(
        2 * pad + border >= side - stride for side, stride, pad in zip(sides, strides, padding, strict=True)
    )


def _spread(value: int | Sequence[int], sides: Sequence[int]) -> list[int]:
    """One number for each side."""
    values = [value] if isinstance(value, int) else list(value)
    return values * len(sides) if len(values) == 1 else values


def _mean_side(sides: Sequence[int]) -> int:
    """The rounded side of a square, or cube, with the same number of pixels."""
    return round(math.prod(sides) ** (1 / len(sides)))


def _sides(sides: Sequence[int]) -> str:
    return "x".join(map(str, sides))

"""Operators of ONNX on shapes, places and axes as functions of PyTorch."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from egraph.tracing.onnx_calls import Call

__all__ = [
    "cast",
    "clip",
    "concat",
    "cut",
    "expand",
    "find_extreme",
    "flatten",
    "gather",
    "gather_nd",
    "pad_borders",
    "rearrange",
    "reduce_axes",
    "reshape",
    "resize",
    "scatter",
    "split_axis",
    "squeeze",
    "take_top",
    "transpose",
    "unsqueeze",
]


def reduce_axes(call: Call) -> Tensor:
    """Sums, means and extremes over axes."""
    x = call.tensor(0)
    axes = call.numbers("axes", 1) or list(range(x.ndim))
    kept = bool(call.numbers("keepdims", default=1))
    match call.operator:
        case "ReduceMean":
            return x.mean(axes, kept)
        case "ReduceMax":
            return x.amax(axes, kept)
        case "ReduceMin":
            return x.amin(axes, kept)
        case "ReduceL2":
            return x.square().sum(axes, kept).sqrt()
        case "ReduceSumSquare":
            return x.square().sum(axes, kept)
        case "ReduceL1":
            return x.abs().sum(axes, kept)
        case "ReduceLogSumExp":
            return x.logsumexp(axes, kept)
    return x.sum(axes, kept)


def find_extreme(call: Call) -> Tensor:
    """Places of extremes."""
    axis, kept = call.numbers("axis", default=0), bool(call.numbers("keepdims", default=1))
    x = call.tensor(0)
    return x.argmax(axis, kept) if call.operator == "ArgMax" else x.argmin(axis, kept)


def reshape(call: Call) -> Tensor:
    """Another shape; 0 keeps a side."""
    x, sides = call.tensor(0), list(call.numbers("shape", 1))
    if not call.numbers("allowzero", default=0):
        sides = [x.shape[place] if side == 0 else side for place, side in enumerate(sides)]
    return x.reshape(sides)


def flatten(call: Call) -> Tensor:
    """A matrix."""
    x, axis = call.tensor(0), call.numbers("axis", default=1)
    return x.reshape(math.prod(x.shape[:axis]), -1)


def squeeze(call: Call) -> Tensor:
    """Without sides of 1."""
    x, axes = call.tensor(0), call.numbers("axes", 1)
    if axes is None:
        return x.squeeze()
    return x.squeeze(axes if isinstance(axes, int) else tuple(axes))


def unsqueeze(call: Call) -> Tensor:
    """With further sides of 1."""
    x, axes = call.tensor(0), call.numbers("axes", 1)
    axes = [axes] if isinstance(axes, int) else axes
    for axis in sorted(axis % (x.ndim + len(axes)) for axis in axes):
        x = x.unsqueeze(axis)
    return x


def transpose(call: Call) -> Tensor:
    """Axes in another order."""
    x = call.tensor(0)
    return x.permute(call.numbers("perm", default=list(range(x.ndim))[::-1]))


def expand(call: Call) -> Tensor:
    """Repeats along sides of 1."""
    x, sides = call.tensor(0), call.numbers("shape", 1)
    return x.expand(torch.broadcast_shapes(x.shape, tuple(sides)))


def concat(call: Call) -> Tensor:
    """Concatenation."""
    tensors = [call.tensor(place) for place in range(len(call.inputs))]
    return torch.cat(tensors, call.attributes["axis"])


def split_axis(call: Call) -> tuple[Tensor, ...]:
    """Parts along an axis."""
    x, axis = call.tensor(0), call.numbers("axis", default=0)
    sizes = call.numbers("split", 1)
    return x.split(sizes or math.ceil(x.shape[axis] / call.outputs), axis)


def cut(call: Call) -> Tensor:
    """A range along each axis."""
    x = call.tensor(0)
    starts, ends = call.numbers("starts", 1), call.numbers("ends", 2)
    axes = call.numbers("axes", 3, list(range(len(starts))))
    steps = call.numbers("steps", 4, [1] * len(starts))
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        chosen = range(*slice(start, end, step).indices(x.shape[axis]))
        if step < 0:
            x = x.flip(axis)
            chosen = (
                range(x.shape[axis] - 1 - chosen[0], x.shape[axis] - chosen[-1], -step)
                if chosen
                else range(0)
            )
        x = x[(slice(None),) * (axis % x.ndim) + (slice(chosen.start, max(chosen.stop, 0), chosen.step),)]
    return x


def gather(call: Call) -> Tensor:
    """Entries along an axis, also of a table of embeddings."""
    x, axis = call.tensor(0), call.numbers("axis", default=0)
    index = call.inputs[1]
    if isinstance(index, np.ndarray) and index.ndim == 0:
        return x.select(axis, int(index))
    places = call.tensor(1)
    if axis % x.ndim == 0 and x.ndim == 2:
        return F.embedding(places, x) if places.ndim > 1 else x[places]
    found = x.index_select(axis, places.flatten().long())
    return found.unflatten(axis, places.shape) if places.ndim != 1 else found


def gather_nd(call: Call) -> Tensor:
    """Entries at places."""
    x, places = call.tensor(0), call.tensor(1)
    return x[tuple(places.movedim(-1, 0))]


def scatter(call: Call) -> Tensor:
    """Entries replaced at places."""
    x, places, updates = call.tensor(0), call.tensor(1), call.tensor(2)
    if call.operator == "ScatterND":
        return x.index_put(tuple(places.movedim(-1, 0)), updates.to(x.dtype))
    return x.scatter(call.numbers("axis", default=0), places, updates)


def pad_borders(call: Call) -> Tensor:
    """Wider borders."""
    x, pads = call.tensor(0), call.numbers("pads", 1)
    count = len(pads) // 2
    sides = [side for pair in zip(pads[:count][::-1], pads[count:][::-1], strict=True) for side in pair]
    while len(sides) > 2 and sides[-2:] == [0, 0]:
        sides = sides[:-2]
    mode = {"edge": "replicate", "reflect": "reflect", "wrap": "circular"}
    return F.pad(x, sides, mode.get(call.numbers("mode", default="constant"), "constant"))


def resize(call: Call) -> Tensor:
    """Another resolution."""
    x = call.tensor(0)
    sizes = call.numbers("sizes", 3) or None
    if sizes is None:
        scales = call.numbers("scales", 1 if call.operator == "Upsample" else 2)
        sizes = [math.floor(side * scale) for side, scale in zip(x.shape, scales, strict=True)]
    return F.interpolate(x, sizes[2:])


def rearrange(call: Call) -> Tensor:
    """Channels to pixels, or pixels to channels."""
    x, side = call.tensor(0), call.attributes["blocksize"]
    return F.pixel_shuffle(x, side) if call.operator == "DepthToSpace" else F.pixel_unshuffle(x, side)


def take_top(call: Call) -> tuple[Tensor, ...]:
    """The largest entries."""
    count = call.numbers("k", 1)
    return tuple(
        call.tensor(0).topk(count[0] if isinstance(count, list) else count, call.numbers("axis", default=-1))
    )


def cast(call: Call) -> Tensor:
    """Another type of numbers."""
    x = call.tensor(0)
    dtype = (
        call.tensor(1).dtype if call.operator == "CastLike" else _DTYPES.get(call.attributes["to"], x.dtype)
    )
    return x.to(dtype)


_DTYPES = {
    1: torch.float32, 2: torch.uint8, 3: torch.int8, 5: torch.int16, 6: torch.int32, 7: torch.int64,
    9: torch.bool, 10: torch.float16, 11: torch.float64, 16: torch.bfloat16,
}  # fmt: skip
"""Types of elements by their number in ONNX."""


def clip(call: Call) -> Tensor:
    """Values in a range."""
    return call.tensor(0).clamp(call.numbers("min", 1), call.numbers("max", 2))

"""Layers of ONNX as functions of PyTorch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from egraph.tracing.onnx_calls import Call

__all__ = ["attend", "convolve", "convolve_transposed", "gemm", "normalize", "pool", "pool_all", "recur"]


def _sides(call: Call, x: Tensor, kernel: Sequence[int]) -> tuple[Tensor, list[int], list[int], list[int]]:
    """The input, padded where its borders differ, and padding, strides and dilations on each side."""
    count = len(kernel)
    strides = call.numbers("strides", default=[1] * count)
    dilations = call.numbers("dilations", default=[1] * count)
    pads = call.numbers("pads", default=[0] * (2 * count))
    if call.numbers("auto_pad", default="NOTSET").startswith("SAME"):
        sizes = zip(x.shape[2:], strides, dilations, kernel, strict=True)
        needed = [max((math.ceil(n / s) - 1) * s + d * (k - 1) + 1 - n, 0) for n, s, d, k in sizes]
        pads = [*(n // 2 for n in needed), *(n - n // 2 for n in needed)]
    before, after = pads[:count], pads[count:]
    if before != after:
        x = F.pad(x, [side for pair in zip(before[::-1], after[::-1], strict=True) for side in pair])
        before = [0] * count
    return x, before, strides, dilations


def convolve(call: Call) -> Tensor:
    """Convolution."""
    x, weight = call.tensor(0), call.tensor(1)
    x, padding, strides, dilations = _sides(call, x, weight.shape[2:])
    function = getattr(F, f"conv{weight.ndim - 2}d")
    return function(x, weight, call.tensor(2), strides, padding, dilations, call.numbers("group", default=1))


def convolve_transposed(call: Call) -> Tensor:
    """Transposed convolution."""
    x, weight = call.tensor(0), call.tensor(1)
    count = weight.ndim - 2
    pads = call.numbers("pads", default=[0] * (2 * count))
    return getattr(F, f"conv_transpose{count}d")(
        x,
        weight,
        call.tensor(2),
        call.numbers("strides", default=[1] * count),
        pads[:count],
        call.numbers("output_padding", default=[0] * count),
        call.numbers("group", default=1),
        call.numbers("dilations", default=[1] * count),
    )


def pool(call: Call) -> Any:
    """Pool with a kernel."""
    x, kernel = call.tensor(0), call.attributes["kernel_shape"]
    x, padding, strides, dilations = _sides(call, x, kernel)
    is_round_up = bool(call.numbers("ceil_mode", default=0))
    if call.operator == "MaxPool":
        function = getattr(F, f"max_pool{len(kernel)}d")
        return function(x, kernel, strides, padding, dilations, is_round_up)
    return getattr(F, f"avg_pool{len(kernel)}d")(x, kernel, strides, padding, is_round_up)


def pool_all(call: Call) -> Tensor:
    """Pool over all positions."""
    x = call.tensor(0)
    kind = "max" if "Max" in call.operator else "avg"
    result: Tensor = getattr(F, f"adaptive_{kind}_pool{x.ndim - 2}d")(x, 1)
    return result


def gemm(call: Call) -> Tensor:
    """Dense layer."""
    a, b, c = call.tensor(0), call.tensor(1), call.tensor(2)
    a = a.T if call.numbers("transA", default=0) else a
    b = b if call.numbers("transB", default=0) else b.T
    return F.linear(a, b) if c is None else F.linear(a, b) + c


def normalize(call: Call) -> Tensor:
    """Norms of all kinds."""
    x, scale, bias = call.tensor(0), call.tensor(1), call.tensor(2)
    match call.operator:
        case "BatchNormalization":
            return F.batch_norm(x, call.tensor(3).detach(), call.tensor(4).detach(), scale, bias)
        case "InstanceNormalization":
            return F.instance_norm(x, weight=scale, bias=bias)
        case "GroupNormalization":
            normal = F.group_norm(x, call.attributes["num_groups"])
            repeats = x.shape[1] // scale.numel()
            shape = (1, -1, *[1] * (x.ndim - 2))
            return normal * scale.repeat_interleave(repeats).view(shape) + bias.repeat_interleave(
                repeats
            ).view(shape)
        case "LRN":
            return F.local_response_norm(x, call.attributes["size"])
    normal = F.layer_norm(x, x.shape[call.numbers("axis", default=-1) :])
    return normal * scale if bias is None else normal * scale + bias


def attend(call: Call) -> Tensor:
    """Attention."""
    query, key, value = (call.tensor(place) for place in range(3))
    if query.ndim == 3:
        heads, others = call.attributes["q_num_heads"], call.attributes["kv_num_heads"]
        query = query.unflatten(-1, (heads, -1)).transpose(1, 2)
        key, value = (each.unflatten(-1, (others, -1)).transpose(1, 2) for each in (key, value))
        found = F.scaled_dot_product_attention(query, key, value, enable_gqa=heads != others)
        return found.transpose(1, 2).flatten(2)
    return F.scaled_dot_product_attention(query, key, value, enable_gqa=query.shape[1] != key.shape[1])


def recur(call: Call) -> tuple[Tensor, ...]:
    """Recurrent layer, in one direction or both."""
    x, own, between, bias = (call.tensor(place) for place in range(4))
    size, ways = call.attributes["hidden_size"], own.shape[0]
    weights: list[Tensor] = []
    for way in range(ways):
        biases = [] if bias is None else list(bias[way].chunk(2))
        weights += [own[way], between[way], *biases]
    start = x.new_zeros(ways, x.shape[1], size)
    shared = (weights, bias is not None, 1, 0.0, False, ways == 2, False)
    results: tuple[Tensor, ...]
    if call.operator == "LSTM":
        results = torch.lstm(x, (start, start), *shared)
    else:
        results = (torch.gru if call.operator == "GRU" else torch.rnn_tanh)(x, start, *shared)
    steps = results[0].unflatten(-1, (ways, size)).transpose(1, 2)
    return (steps, *results[1:])

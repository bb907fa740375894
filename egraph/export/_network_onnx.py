"""A network as an ONNX file."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from egraph.shapes import kind_of

__all__ = ["nearest", "write_onnx"]

OPSET = 18
"""Version of the operators in the file, which onnxruntime supports since 1.14."""

MEAN = (functional.adaptive_avg_pool2d, torch._C._nn.adaptive_avg_pool2d)
MAX = (functional.adaptive_max_pool2d, torch._C._nn.adaptive_max_pool2d)


def write_onnx(network: nn.Module, input_shape: tuple[int, ...], path: str | os.PathLike[str]) -> None:
    """Writes a network in evaluation mode, with output ``logits`` for any batch size.

    The input is named after its kind: ``images``, ``signals`` or ``features``.

    Args:
        network: Network on the CPU; it is left in evaluation mode.
        input_shape: Shape of one input, such as ``(channels, height, width)``.
        path: File to write.
    """
    example = torch.zeros(2, *input_shape)
    kind = kind_of(input_shape)
    batch = {kind: {0: "batch"}, "logits": {0: "batch"}}
    content = io.BytesIO()  # PyTorch writes only to names in UTF-8
    with warnings.catch_warnings(), torch.no_grad(), _Exact():
        # The exporter that replaces this deprecated one needs another package, and has fewer sizes of pools.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (example,),
            content,  # type: ignore[arg-type]  # its own code takes files too
            dynamo=False,
            opset_version=OPSET,
            input_names=[kind],
            output_names=["logits"],
            dynamic_axes=batch,
        )
    Path(path).write_bytes(content.getvalue())


class _Exact(TorchFunctionMode):
    """Replaces functions that ONNX lacks or defines differently by others.

    ONNX has adaptive pools only for sides that are divided evenly, and rounds differently where it selects
    the nearest pixel.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        found = None
        if func in MEAN or func in MAX:
            found = _pool(args[0], args[1], torch.mean if func in MEAN else torch.amax)
        elif func is functional.interpolate and kwargs.get("mode") == "nearest" and kwargs.get("size"):
            found = _resize(args[0], kwargs["size"])
        return func(*args, **kwargs) if found is None else found


def _pool(maps: Tensor, size: Any, reduce: Callable[..., Tensor]) -> Tensor | None:
    """The reduction of each window; None if windows are equal and do not overlap, which ONNX supports."""
    sides = [int(side) for side in maps.shape[2:]]
    wanted = [size, size] if isinstance(size, int) else list(size)
    if all(side % want == 0 for side, want in zip(sides, wanted, strict=True)):
        return None
    for dim, side, want in zip((2, 3), sides, wanted, strict=True):
        # The window of output i spans side * i / want, rounded down, to side * (i + 1) / want, rounded up.
        ends = [(side * i // want, -(-side * (i + 1) // want)) for i in range(want)]
        maps = torch.cat([reduce(maps.narrow(dim, a, b - a), dim, keepdim=True) for a, b in ends], dim)
    return maps


def _resize(maps: Tensor, size: Any) -> Tensor:
    wanted = [size] * (maps.ndim - 2) if isinstance(size, int) else size
    for dim, want in enumerate(wanted, 2):
        maps = maps.index_select(dim, torch.tensor(nearest(int(maps.shape[dim]), want)))
    return maps


def nearest(side: int, want: int) -> list[int]:
    """The pixel of ``side`` that PyTorch takes for each of ``want``; it multiplies in single precision."""
    scale = np.float32(side) / np.float32(want)
    return np.floor(np.arange(want, dtype=np.float32) * scale).astype(int).clip(max=side - 1).tolist()

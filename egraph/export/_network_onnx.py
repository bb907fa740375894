"""A network as an ONNX file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

__all__ = ["nearest", "write_onnx"]

OPSET = 18
"""Of the operators in the file; onnxruntime 1.14 was the first to know them all."""

MEAN = (functional.adaptive_avg_pool2d, torch._C._nn.adaptive_avg_pool2d)
MAX = (functional.adaptive_max_pool2d, torch._C._nn.adaptive_max_pool2d)


def write_onnx(network: nn.Module, input_shape: tuple[int, int, int], path: str | os.PathLike[str]) -> None:
    """Writes a network in evaluation mode; its input is ``images``, its output ``logits``, both of any batch.

    Args:
        network: on the CPU; left in evaluation mode.
        input_shape: ``(channels, height, width)`` of one image.
        path: of the file.
    """
    example = torch.zeros(2, *input_shape)
    batch = {"images": {0: "batch"}, "logits": {0: "batch"}}
    with warnings.catch_warnings(), torch.no_grad(), _Exact():
        # The exporter that this one is deprecated for needs a package more, and pools fewer sizes.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (example,),
            os.fspath(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=["images"],
            output_names=["logits"],
            dynamic_axes=batch,
        )


class _Exact(TorchFunctionMode):
    """Computes what ONNX has otherwise, or not at all, from what it has.

    Adaptive pools are there for sides that are divided evenly only; the nearest pixel is another one where
    rounding decides.
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
    """The reduction of each window; None where they are equal and do not overlap."""
    sides = [int(side) for side in maps.shape[2:]]
    wanted = [size, size] if isinstance(size, int) else list(size)
    if all(side % want == 0 for side, want in zip(sides, wanted, strict=True)):
        return None
    for dim, side, want in zip((2, 3), sides, wanted, strict=True):
        # the window of a pixel begins at its share of the side, rounded down; it ends with it, rounded up
        ends = [(side * i // want, -(-side * (i + 1) // want)) for i in range(want)]
        maps = torch.cat([reduce(maps.narrow(dim, a, b - a), dim, keepdim=True) for a, b in ends], dim)
    return maps


def _resize(maps: Tensor, size: Any) -> Tensor:
    for dim, want in zip((2, 3), [size, size] if isinstance(size, int) else size, strict=True):
        maps = maps.index_select(dim, torch.tensor(nearest(int(maps.shape[dim]), want)))
    return maps


def nearest(side: int, want: int) -> list[int]:
    """Which of ``side`` pixels PyTorch takes for each of ``want``; it multiplies in single precision."""
    scale = np.float32(side) / np.float32(want)
    return np.floor(np.arange(want, dtype=np.float32) * scale).astype(int).clip(max=side - 1).tolist()

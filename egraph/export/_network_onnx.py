"""A network as an ONNX file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

__all__ = ["write_onnx"]

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
    with warnings.catch_warnings(), torch.no_grad(), _Windows():
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


class _Windows(TorchFunctionMode):
    """Adaptive pools, which ONNX has only for sides that are divided evenly, by the windows that they are."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        reduce = torch.mean if func in MEAN else torch.amax if func in MAX else None
        pooled = None if reduce is None else _pool(args[0], args[1], reduce)
        return func(*args, **(kwargs or {})) if pooled is None else pooled


def _pool(maps: Tensor, size: Any, reduce: Callable[..., Tensor]) -> Tensor | None:
    """The reduction of each window; None where they are equal and do not overlap."""
    sides = [int(side) for side in maps.shape[2:]]
    wanted = [size, size] if isinstance(size, int) else list(size)
    if all(side % want == 0 for side, want in zip(sides, wanted, strict=True)):
        return None
    for dim, side, want in zip((2, 3), sides, wanted, strict=True):
        # the window of a pixel begins at its share of the side, rounded down; it ends with it, rounded up
        ends = [(side * i // want, -(-side * (i + 1) // want)) for i in range(want)]
        maps = torch.cat(
            [reduce(maps[(slice(None),) * dim + (slice(*end),)], dim, keepdim=True) for end in ends], dim
        )
    return maps

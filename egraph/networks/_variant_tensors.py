"""Tensors of other sizes in the layers of a network, and the numbers that layers keep beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from egraph.errors import Unbuildable
from egraph.networks._variant_sizes import Sizes, total

__all__ = ["resize"]


def resize(
    module: nn.Module, sizes: Sizes | None, widths: Mapping[str, int], kernels: Mapping[str, int]
) -> set[str]:
    """Gives the tensors of a network other sizes; those that change have no values afterwards.

    Args:
        module: Network; changed in place.
        sizes: Sizes of its tensors by units.
        widths: New value of each unit that changes.
        kernels: New kernel of each convolution that changes, by its path.

    Returns:
        The paths of the modules whose tensors changed.

    Raises:
        Unbuildable: A size would not be a whole number.
    """
    made: dict[int, Tensor] = {}
    resized: set[str] = set()
    values = {} if sizes is None else {**sizes.values, **widths}
    depthwise = {
        path
        for path, part in module.named_modules()
        if isinstance(part, _ConvNd) and part.groups == part.in_channels == part.out_channels > 1
    }
    for path, part in module.named_modules():
        for held in (part._parameters, part._buffers):
            for name, tensor in list(held.items()):
                if tensor is None:
                    continue
                full = f"{path}.{name}" if path else name
                shape = list(tensor.shape)
                if widths and sizes is not None:
                    shape = [_whole(full, size, values) for size in sizes.shapes[full]]
                if path in kernels and name == "weight":
                    shape[2:] = [kernels[path] if size > 1 else 1 for size in shape[2:]]
                if shape == list(tensor.shape):
                    continue
                if id(tensor) not in made:
                    made[id(tensor)] = _empty(tensor, shape)
                held[name] = made[id(tensor)]
                resized.add(path)
        if path in kernels:
            _set_kernel(part, kernels[path])
    for path in resized:
        _follow_sizes(module.get_submodule(path), path in depthwise)
    return resized


def _whole(name: str, size: Any, values: Mapping[str, int]) -> int:
    found = total(size, values)
    if found.denominator != 1 or found < 1:
        raise Unbuildable(f"{name} would have a size of {found}")
    return int(found)


def _empty(tensor: Tensor, shape: list[int]) -> Tensor:
    new = torch.zeros(shape, dtype=tensor.dtype, device=tensor.device)
    return nn.Parameter(new, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else new


def _set_kernel(part: Any, kernel: int) -> None:
    """Sets the kernel of a convolution whose padding is half of it."""
    part.kernel_size = tuple(kernel if size > 1 else 1 for size in part.kernel_size)
    pads = [
        dilation * (size - 1) // 2 for size, dilation in zip(part.kernel_size, part.dilation, strict=True)
    ]
    if not isinstance(part.padding, str):
        part.padding = tuple(pads)
    part._reversed_padding_repeated_twice = [pad for pad in reversed(pads) for _ in range(2)]


def _follow_sizes(part: Any, depthwise: bool) -> None:
    """Sets what a layer says of the sizes of its tensors."""
    if isinstance(part, _ConvNd):
        first, second = part.weight.shape[:2]
        if depthwise:
            part.groups = first
        if part.transposed:
            part.in_channels, part.out_channels = first, second * part.groups
        else:
            part.out_channels, part.in_channels = first, second * part.groups
    elif isinstance(part, nn.Linear):
        part.out_features, part.in_features = part.weight.shape
    elif isinstance(part, _NormBase):
        held = part.weight if part.weight is not None else part.running_mean
        part.num_features = len(held)
    elif isinstance(part, nn.LayerNorm | nn.RMSNorm):
        part.normalized_shape = tuple(part.weight.shape)
    elif isinstance(part, nn.GroupNorm):
        part.num_channels = len(part.weight)
    elif isinstance(part, nn.PReLU):
        part.num_parameters = len(part.weight)
    elif isinstance(part, nn.Embedding):
        part.num_embeddings, part.embedding_dim = part.weight.shape
    elif isinstance(part, nn.RNNBase):
        part.input_size = part.get_parameter("weight_ih_l0").shape[1]
        part.hidden_size = part.get_parameter("weight_hh_l0").shape[1]
    elif isinstance(part, nn.MultiheadAttention) and part.in_proj_weight is not None:
        part.embed_dim = part.kdim = part.vdim = part.in_proj_weight.shape[1]
        part.head_dim = part.embed_dim // part.num_heads

"""Weights of a variant: initial ones, and those that it inherits from the given network."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from egraph.networks._variant_blocks import Added, join
from egraph.networks._variant_sizes import Piece, total
from egraph.networks._variants import Plan, Variant

__all__ = ["Inherited", "inherit", "initialise"]

_MOST_ZEROED = 2
"""Layers of a block that are set to zero to make it the identity."""


class Inherited(NamedTuple):
    """Weights that begin where the given network is.

    Attributes:
        weights: State of the variant, for its ``load_state_dict``.
        shares: For each name in it: ``"all"`` where it is the given tensor, ``"part"`` where it has
            numbers of the given one, and ``"fresh"`` where none.
    """

    weights: dict[str, Tensor]
    shares: dict[str, str]


def initialise(variant: Variant, plan: Plan, *, everything: bool) -> None:
    """Draws initial weights by the layers' own ``reset_parameters``.

    A parameter that begins with a single value keeps it, and one of no such layer is drawn from a normal
    distribution with the mean and the standard deviation of the given one.

    Args:
        variant: Variant; changed in place.
        plan: Plan of the given network.
        everything: Whether to draw all weights, or only those of layers that changed.
    """
    parts = dict(variant.module.named_modules())
    for path in reversed(parts):
        part = parts[path]
        if not everything and path not in variant.changed:
            continue
        reset = getattr(part, "reset_parameters", None) or getattr(part, "_reset_parameters", None)
        has_reset = callable(reset)
        if callable(reset):
            reset()
        for name, tensor in part._parameters.items():
            if tensor is None:
                continue
            known = join(variant.origins.get(path, ""), name)
            with torch.no_grad():
                if known in plan.constants:
                    tensor.fill_(plan.constants[known])
                elif not has_reset and known in plan.spreads:
                    mean, spread = plan.spreads[known]
                    tensor.normal_(mean, spread)


def inherit(
    variant: Variant, plan: Plan, given: Mapping[str, Tensor], example: Tensor, values: Mapping[str, int]
) -> Inherited:
    """Gives a variant the weights of the given network; what is new keeps its initial weights.

    New channels are read with zeros, larger kernels have zeros around the given ones, and an added block is
    the identity where zeros in one or two of its layers make it that: the result then is the given one.
    Smaller tensors keep the first channels, of each group or head, and the centre of kernels.

    Args:
        variant: Variant with initial weights; changed in place.
        plan: Plan of the given network.
        given: State of the given network.
        example: Input on which added blocks are tested.
        values: Value of each unit of sizes in the variant.
    """
    shares: dict[str, str] = {}
    state = variant.module.state_dict(keep_vars=True)
    with torch.no_grad():
        for name, tensor in state.items():
            path, _, own = name.rpartition(".")
            known = join(variant.origins.get(path, ""), own)
            old = given.get(known)
            if old is None or old.ndim != tensor.ndim or (path and path not in variant.origins):
                shares[name] = "fresh"
            elif old.shape == tensor.shape and known not in _changed(plan, values):
                tensor.copy_(old)
                shares[name] = "all"
            else:
                shares[name] = _carry(tensor, old, variant, plan, path, known, values)
    for block in variant.added:
        for name in _make_identity(variant.module, block, example):
            shares[name] = "fresh"
    weights = {name: tensor.detach().clone() for name, tensor in variant.module.state_dict().items()}
    return Inherited(weights, shares)


def _changed(plan: Plan, values: Mapping[str, int]) -> frozenset[str]:
    """Names of the tensors in which the pieces of a size change, even where the sum does not."""
    if plan.sizes is None:
        return frozenset()
    moved = {unit for unit, value in plan.sizes.values.items() if values.get(unit, value) != value}
    return frozenset(
        name
        for name, shape in plan.sizes.shapes.items()
        if any(unit in moved for size in shape for unit, _ in size)
    )


def _carry(
    tensor: Tensor,
    old: Tensor,
    variant: Variant,
    plan: Plan,
    path: str,
    known: str,
    values: Mapping[str, int],
) -> str:
    """Copies the numbers that both tensors have; inputs that are new are read with zeros."""
    owner = variant.module.get_submodule(path)
    shape = None if plan.sizes is None else plan.sizes.shapes.get(known)
    froms: list[Tensor] = []
    tos: list[Tensor] = []
    for axis in range(tensor.ndim):
        if shape is not None and plan.sizes is not None and not (axis > 1 and isinstance(owner, _ConvNd)):
            source, target = _places(shape[axis], plan.sizes.values, values, plan.sizes.steps, axis)
        else:
            source, target = _centre(old.shape[axis], tensor.shape[axis])
        froms.append(source)
        tos.append(target)
    if tensor.ndim > 1:
        # Outputs that are given read nothing new, so that they stay what they were.
        outputs = 1 if isinstance(owner, _ConvNd) and owner.transposed else 0
        rows = tos[outputs]
        kept = torch.index_select(tensor, outputs, rows).zero_()
        tensor.index_copy_(outputs, rows, kept)
    tensor[torch.meshgrid(*tos, indexing="ij")] = old[torch.meshgrid(*froms, indexing="ij")].to(tensor.dtype)
    return "part"


def _places(
    pieces: Iterable[Piece],
    before: Mapping[str, int],
    after: Mapping[str, int],
    steps: Mapping[str, int],
    axis: int,
) -> tuple[Tensor, Tensor]:
    """Places of the channels that both sizes have, in the old and in the new one."""
    froms, tos = [], []
    begins = [0, 0]
    for unit, factor in pieces:
        old, new = (int(total([(unit, factor)], values)) for values in (before, after))
        # Channels belong to groups or heads, the parts of one layer's output stand side by side, and those
        # that a linear layer reads are runs of pixels.
        count = int(factor) if factor.denominator == 1 and axis == 0 and unit else 1
        run = int(factor) if factor.denominator == 1 and axis > 0 and unit else 1
        groups = count * (steps.get(unit, 1) if factor.denominator == 1 else 1)
        each = [size // (run * groups) for size in (old, new)]
        kept = torch.arange(min(each) * run)
        for group in range(groups):
            froms.append(begins[0] + group * each[0] * run + kept)
            tos.append(begins[1] + group * each[1] * run + kept)
        begins = [begins[0] + old, begins[1] + new]
    return torch.cat(froms), torch.cat(tos)


def _centre(old: int, new: int) -> tuple[Tensor, Tensor]:
    """Places of the middle of two kernels."""
    kept = min(old, new)
    return torch.arange(kept) + (old - kept) // 2, torch.arange(kept) + (new - kept) // 2


def _make_identity(module: nn.Module, block: Added, example: Tensor) -> list[str]:
    """Makes an added block give what it reads, if few zeros do that; the names of the tensors set to zero."""
    container = module.get_submodule(block.container)
    parts = [container._modules[name] for name in block.names]
    read = _read_by(module, parts[0], example)
    if read is None:
        return []
    layers = {
        join(join(block.container, name), path).rstrip("."): layer
        for name, part in zip(block.names, parts, strict=True)
        for path, layer in part.named_modules()  # type: ignore[union-attr]
        if any(one is not None for one in layer._parameters.values())
    }
    for count in range(1, _MOST_ZEROED + 1):
        for chosen in itertools.combinations(reversed(layers), count):
            held = {
                join(path, name): tensor
                for path in chosen
                for name, tensor in layers[path]._parameters.items()
                if tensor is not None
            }
            before = {name: tensor.detach().clone() for name, tensor in held.items()}
            with torch.no_grad():
                for tensor in held.values():
                    tensor.zero_()
                if _gives_back(parts, *read):
                    return list(held)
                for name, tensor in held.items():
                    tensor.copy_(before[name])
    return _make_dirac(parts, list(layers), list(layers.values()), read)


def _make_dirac(parts: list[Any], paths: list[str], layers: list[nn.Module], read: Any) -> list[str]:
    """Makes a convolution, with or without a norm behind it, the identity; nothing where that cannot be."""
    kinds = [isinstance(layer, _ConvNd | nn.Linear) for layer in layers]
    if kinds not in ([True], [True, False]) or not isinstance(layers[-1], _ConvNd | nn.Linear | _NormBase):
        return []
    before = [{name: one.clone() for name, one in layer.state_dict().items()} for layer in layers]
    with torch.no_grad():
        for layer in layers:
            if isinstance(layer, nn.Linear):
                nn.init.eye_(layer.weight)
            elif isinstance(layer, _ConvNd):
                nn.init.dirac_(layer.weight, layer.groups)
            elif isinstance(layer, _NormBase):
                layer.reset_parameters()
                if layer.running_var is not None:
                    layer.running_var.fill_(1 - layer.eps)
            if isinstance(layer, _ConvNd | nn.Linear) and layer.bias is not None:
                layer.bias.zero_()
        if _gives_back(parts, *read):
            return [join(path, name) for path, held in zip(paths, before, strict=True) for name in held]
        for layer, held in zip(layers, before, strict=True):
            layer.load_state_dict(held)
    return []


def _read_by(module: nn.Module, part: Any, example: Tensor) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Arguments with which a part is called in evaluation mode."""
    seen: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    hook = part.register_forward_pre_hook(
        lambda _, args, kwargs: seen.append((args, kwargs)), with_kwargs=True
    )
    modes = [(one, one.training) for one in module.modules()]
    try:
        with torch.no_grad():
            module.eval()(example)
    finally:
        hook.remove()
        for one, mode in modes:
            one.training = mode
    return seen[0] if seen and seen[0][0] else None


def _gives_back(parts: list[Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether the parts one behind the other give their first argument back, in evaluation mode."""
    held = [(one, one.training) for part in parts for one in part.modules()]
    result = args[0]
    try:
        for number, part in enumerate(parts):
            result = part.eval()(*args, **kwargs) if number == 0 else part(result)
    finally:
        for one, mode in held:
            one.training = mode
    return result.shape == args[0].shape and torch.allclose(result, args[0], rtol=1e-5, atol=1e-6)

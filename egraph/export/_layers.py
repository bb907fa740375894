"""Layers of PyTorch as the code that makes them."""

from __future__ import annotations

import inspect
import itertools
import keyword
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from torch import nn
from torch.nn import functional

from egraph.errors import UsageError

__all__ = ["Number", "describe", "distinct", "is_layer", "write_layer", "write_value"]

ROLES = {
    "in_channels": "inputs",
    "in_features": "inputs",
    "out_channels": "outputs",
    "out_features": "outputs",
}
"""Roles of numbers whose arguments have other names."""

NAMES = {
    "AdaptiveAvgPool2d": "mean",
    "AvgPool1d": "avg_pool",
    "AvgPool2d": "avg_pool",
    "MaxPool1d": "max_pool",
    "MaxPool2d": "max_pool",
}


_DERIVED: dict[type[Any], dict[str, Callable[[Any], Any]]] = {
    nn.TransformerEncoderLayer: {
        "d_model": lambda layer: layer.self_attn.embed_dim,
        "nhead": lambda layer: layer.self_attn.num_heads,
        "dim_feedforward": lambda layer: layer.linear1.out_features,
        "dropout": lambda layer: layer.dropout.p,
        "layer_norm_eps": lambda layer: layer.norm1.eps,
        "batch_first": lambda layer: layer.self_attn.batch_first,
        "bias": lambda layer: layer.linear1.bias is not None,
    },
}
"""Arguments of classes that do not keep them under their names."""


class Number(NamedTuple):
    """A whole number in code; it becomes an argument where several modules differ in it."""

    value: int
    role: str


def is_layer(module: nn.Module) -> bool:
    """Whether the forward of the module is that of a class of `torch.nn` that is no container."""
    kind = _kind(module)
    containers = (nn.Module, nn.Sequential, nn.ModuleList, nn.ModuleDict)
    return kind not in containers and type(module).forward is kind.forward


def write_layer(module: nn.Module) -> list[str | Number]:
    """The call that makes the layer, such as ``nn.Conv2d(3, 16, 3, bias=False)``, defaults left out.

    Raises:
        UsageError: An argument of the class cannot be read from the layer.
    """
    kind = _kind(module)
    code: list[str | Number] = [f"nn.{kind.__name__}("]
    derived = _DERIVED.get(kind, {})
    for name, parameter in list(inspect.signature(kind.__init__).parameters.items())[1:]:
        if name in ("device", "dtype") or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if name not in derived and not hasattr(module, name):
            raise UsageError(f"cannot write {kind.__name__} as code: it has no attribute {name!r}")
        value = derived[name](module) if name in derived else getattr(module, name)
        if name == "bias" and not isinstance(value, bool):
            value = value is not None
        if isinstance(value, tuple) and len(set(value)) == 1:
            value = value[0]
        required = parameter.default is parameter.empty
        if not required and value == parameter.default:
            continue
        if name == "stride" and parameter.default is None and value == _plain(module.kernel_size):
            continue
        code += [", "] if len(code) > 1 else []
        code += [] if required else [f"{name}="]
        code += write_value(value, ROLES.get(name, name.removeprefix("num_").removesuffix("_size")))
    return [*code, ")"]


def write_value(value: Any, role: str) -> list[str | Number]:
    """A constant as code; whole numbers in it may become arguments."""
    if isinstance(value, int) and not isinstance(value, bool):
        return [Number(value, role)]
    if isinstance(value, nn.Module):
        return write_layer(value)
    if getattr(functional, getattr(value, "__name__", ""), None) is value and value is not None:
        return [f"F.{value.__name__}"]
    if isinstance(value, list | tuple):
        inner: list[str | Number] = []
        for one in value:
            inner += [*([", "] if inner else []), *write_value(one, role)]
        ends = "[]" if isinstance(value, list) else "()"
        return [ends[0], *inner, *([","] if ends == "()" and len(value) == 1 else []), ends[1]]
    return [f'"{value}"' if isinstance(value, str) else repr(value)]


def describe(modules: list[nn.Module]) -> str:
    """A name that describes a sequence of modules, such as ``conv3x3`` or ``max_pool``."""
    if blocks := [module for module in modules if not is_layer(module)]:
        return _snake(blocks[0]) + "s" * (len(blocks) > 1)
    for kind in (
        nn.modules.conv._ConvNd,
        nn.Linear,
        nn.modules.pooling._MaxPoolNd,
        nn.modules.pooling._AvgPoolNd,
    ):
        found = [module for module in modules if isinstance(module, kind)]
        if not found:
            continue
        if kind is nn.modules.conv._ConvNd:
            return _describe_convolutions(found)
        if kind is nn.Linear:
            return "linear" if len(modules) == 1 else "head"
        return _snake(found[0])
    return _snake(modules[0])


def distinct(wishes: Sequence[str], taken: Collection[str] = ()) -> list[str]:
    """The wished names; names that are wished twice, taken or words of Python get numbers."""
    counts, used, names = Counter(wishes), {*taken, *keyword.kwlist}, list[str]()
    for wish in wishes:
        numbered = (f"{wish}_{number}" for number in itertools.count(1))
        free = wish if counts[wish] == 1 and wish not in used else next(n for n in numbered if n not in used)
        names.append(free)
        used.add(free)
    return names


def _describe_convolutions(found: list[Any]) -> str:
    grouped = [one for one in found if one.groups > 1]
    sides = "x".join(map(str, (grouped or found)[0].kernel_size))
    kind = "conv" if not grouped else "separable" if len(grouped) < len(found) else "depthwise"
    if any(set(one.dilation) != {1} for one in found):
        kind = "dilated"
    return f"{kind}{sides}"


def _snake(module: nn.Module) -> str:
    name = type(module).__name__
    if re.match(r"BatchNorm\dd", name):
        return "norm"
    return NAMES.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _kind(module: nn.Module) -> type[Any]:
    return next(each for each in type(module).__mro__ if each.__module__.startswith("torch.nn.modules"))


def _plain(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value

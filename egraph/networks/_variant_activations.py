"""Activations of a network: layers, functions that a layer keeps, and functions that a ``forward`` calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

__all__ = ["ACTIVATIONS", "activate", "find_activations"]

ACTIVATIONS = ("ReLU", "SiLU", "GELU", "Hardswish")
"""Activations that are offered in place of each other and of `_SIMILAR`."""

_SIMILAR = ("ReLU6", "LeakyReLU", "ELU", "CELU", "SELU", "Mish", "Softplus")

_FUNCTIONS: dict[Callable[..., Any], str] = {
    functional.relu: "ReLU", torch.relu: "ReLU", Tensor.relu: "ReLU", functional.gelu: "GELU",
    functional.silu: "SiLU", functional.hardswish: "Hardswish", functional.relu6: "ReLU6",
    functional.leaky_relu: "LeakyReLU", functional.elu: "ELU", functional.celu: "CELU",
    functional.selu: "SELU", functional.mish: "Mish",
}  # fmt: skip
_IN_PLACE: dict[Callable[..., Any], str] = {
    torch.relu_: "ReLU", Tensor.relu_: "ReLU", functional.leaky_relu_: "LeakyReLU",
    functional.elu_: "ELU", functional.celu_: "CELU", functional.selu_: "SELU",
}  # fmt: skip
_BEHIND_A_NUMBER = (functional.leaky_relu, functional.elu, functional.celu)
"""Functions whose argument ``inplace`` is the third, not the second."""

_WRITTEN: dict[str, Callable[..., Any]] = {
    "ReLU": functional.relu,
    "GELU": functional.gelu,
    "SiLU": functional.silu,
    "Hardswish": functional.hardswish,
}


def find_activations(module: nn.Module, example: Tensor) -> tuple[dict[str, tuple[str, ...]], frozenset[str]]:
    """Finds the activations of a network.

    Args:
        module: Network that runs on the example.
        example: Its input.

    Returns:
        The paths of the activation layers, and of the modules that keep or call an activation as a function,
        by the name of its layer; and the paths of those that call one.
    """
    places: dict[str, list[str]] = {}
    called = _find_calls(module, example)
    for path, part in module.named_modules():
        name = type(part).__name__
        if name in (*ACTIVATIONS, *_SIMILAR) and _is_of_torch(part):
            places.setdefault(name, []).append(path)
        for value in vars(part).values():
            if (name := _name_of(value)) in _WRITTEN:
                places.setdefault(name, []).append(path)
        for name in called.get(path, ()):
            places.setdefault(name, []).append(path)
    return {name: tuple(dict.fromkeys(paths)) for name, paths in places.items()}, frozenset(called)


def activate(module: nn.Module, changes: Mapping[str, str], calling: Iterable[nn.Module]) -> None:
    """Puts other activations in the places of some.

    Args:
        module: Network; changed in place.
        changes: Names of the new activations by those of the old ones.
        calling: Modules in it whose ``forward`` calls activations as functions.
    """
    calling = list(calling)
    known = {id(part) for part in calling}
    # What replaces an activation is not replaced once more by a module around it that calls functions.
    direct = bool(calling)
    made: dict[int, nn.Module] = {}
    for part in list(module.modules()):
        for name, child in part._modules.items():
            if child is not None and type(child).__name__ in changes and _is_of_torch(child):
                made.setdefault(id(child), _make_layer(child, changes[type(child).__name__], direct=direct))
                part._modules[name] = made[id(child)]
        for name, value in list(vars(part).items()) if id(part) not in known else ():
            if (new := changes.get(_name_of(value), "")) and _name_of(value) in _WRITTEN:
                setattr(part, name, _aten(new) if direct else _WRITTEN[new])
        if hasattr(part, "activation_relu_or_gelu"):  # tells the layer's fast path what it computes
            fast: Any = {functional.relu: 1, functional.gelu: 2}
            part.__dict__["activation_relu_or_gelu"] = fast.get(getattr(part, "activation", None), 0)
    for part in calling:
        _swap_calls(part, changes)


def _is_of_torch(part: nn.Module) -> bool:
    return type(part).__module__.startswith("torch.nn")


def _name_of(function: Any) -> str:
    """The name of an activation that is a function; empty for anything else."""
    return next((name for known, name in _FUNCTIONS.items() if function is known), "")


def _make_layer(old: nn.Module, name: str, *, direct: bool) -> nn.Module:
    in_place = {"inplace": True} if getattr(old, "inplace", False) and name != "GELU" else {}
    layer: nn.Module = getattr(nn, name)(**in_place)
    if direct:
        function = _aten(name)
        _give_forward(layer, lambda _, x: function(x))
    return layer.train(old.training)


def _aten(name: str, in_place: bool = False) -> Callable[..., Any]:
    """An activation as PyTorch's operation below the functions of the same name."""
    found: Callable[..., Any] = getattr(torch.ops.aten, name.lower() + "_" * in_place)
    return found


def _give_forward(part: nn.Module, forward: Callable[..., Any]) -> None:
    """Another forward for a single module, which copies of it keep; it looks as before."""
    own = type(part)
    names = {"forward": forward, "__module__": own.__module__, "__qualname__": own.__qualname__}
    part.__class__ = type(own.__name__, (own,), names)


def _swap_calls(part: nn.Module, changes: Mapping[str, str]) -> None:
    """Lets a module call other activations."""
    forward = type(part).forward

    def swapped(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        with _Swap(changes):
            return forward(self, *args, **kwargs)

    _give_forward(part, swapped)


class _Swap(TorchFunctionMode):
    """Calls other activations while it is entered, in this thread."""

    def __init__(self, changes: Mapping[str, str]) -> None:
        super().__init__()
        self._changes = changes

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        new = self._changes.get(_FUNCTIONS.get(func) or _IN_PLACE.get(func) or "")
        if new is None:
            return func(*args, **given)
        place = 2 if func in _BEHIND_A_NUMBER else 1
        in_place = func in _IN_PLACE or given.get("inplace", args[place] if len(args) > place else False)
        return _aten(new, bool(in_place) and func in _TAKES_IN_PLACE)(args[0] if args else given["input"])


_TAKES_IN_PLACE = {*_FUNCTIONS, *_IN_PLACE} - {torch.relu, Tensor.relu, functional.gelu}


class _Calls(TorchFunctionMode):
    """Notes which activations are called, and by which module."""

    def __init__(self) -> None:
        super().__init__()
        self.running: list[str | None] = [None]
        self.found: dict[str, dict[str, None]] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, path = _FUNCTIONS.get(func) or _IN_PLACE.get(func), self.running[-1]
        if name is not None and path is not None:
            self.found.setdefault(path, {})[name] = None
        return func(*args, **(kwargs or {}))


def _find_calls(module: nn.Module, example: Tensor) -> dict[str, dict[str, None]]:
    """Names of the activations that the forward of each module calls itself, by its path."""
    calls = _Calls()

    def enter(path: str | None) -> Any:
        return lambda *_: calls.running.append(path)

    def leave(*_: Any) -> None:
        calls.running.pop()

    hooks = []
    for path, part in module.named_modules():
        own = not _is_of_torch(part) and "forward" not in vars(part)
        hooks += [
            part.register_forward_pre_hook(enter(path if own else None)),
            part.register_forward_hook(leave),
        ]
    try:
        with torch.no_grad(), calls:
            module(example)
    finally:
        for hook in hooks:
            hook.remove()
    return calls.found

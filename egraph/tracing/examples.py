"""Arguments and results of a forward as plain tensors, whatever objects they lie in."""

from __future__ import annotations

import copy
import inspect
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields, is_dataclass
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from egraph.errors import UsageError

__all__ = ["Call", "read_example", "results_of", "tensors_in"]

_CODE = (type, nn.Module, ModuleType, FunctionType, BuiltinFunctionType, MethodType)
_CLOSED = (str, bytes, int, float, complex, *_CODE)
"""Classes of values in which no tensors are looked for."""


class Call(nn.Module):
    """A call of a module, as a module from tensors to tensors, which is what PyTorch records.

    Its arguments are the tensors of the example in the order of `tensors`; its results are `results_of` those
    of the module.

    Args:
        module: Module.
        args: Arguments of its forward by position: any values, and objects that hold tensors.
        kwargs: Arguments by name.
        device: Device that the tensors are moved to.
    """

    def __init__(
        self,
        module: nn.Module,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        device: torch.device | None = None,
    ) -> None:
        super().__init__()
        self.module = module
        self.context: AbstractContextManager[Any] = nullcontext()
        """A mode of PyTorch in which the module is called."""
        self._example = _Example(_tell_apart(args, kwargs), device)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The tensors of the example, each once."""
        return self._example.tensors

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The tensors of the result."""
        args, kwargs = self._example.fill(tensors)
        with self.context:
            return tuple(results_of(self.module(*args, **kwargs)))


def _tell_apart(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments; a tensor that is given for several of them is another object in each."""
    seen: set[int] = set()

    def alias(value: Any) -> Any:
        if not isinstance(value, Tensor) or id(value) not in seen:
            seen.add(id(value))
            return value
        return value.detach()

    return tuple(map(alias, args)), {name: alias(value) for name, value in kwargs.items()}


class _Example:
    """Arguments with tensors in them, which others can replace."""

    def __init__(self, content: Any, device: torch.device | None) -> None:
        self.content = content
        found = {id(tensor): tensor for tensor in tensors_in(content)}
        self.places = list(found)
        self.tensors = tuple(_move(tensor, device) for tensor in found.values())

    def fill(self, tensors: Iterable[Tensor]) -> Any:
        """A copy of the arguments that has other tensors in place of its own."""
        return copy.deepcopy(self.content, dict(zip(self.places, tensors, strict=True)))


def _move(tensor: Tensor, device: torch.device | None) -> Tensor:
    if device is None or tensor.device == device:
        return tensor
    if tensor.device.type == "meta":  # there are no values to move
        return torch.zeros(tensor.shape, dtype=tensor.dtype, device=device)
    return tensor.detach().to(device)


def read_example(module: nn.Module, example_input: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of ``forward`` that an example denotes, by position and by name.

    Raises:
        UsageError: ``forward`` does not take the names of a mapping.
    """
    if not isinstance(example_input, Mapping) or not example_input:
        args = example_input if type(example_input) is tuple else (example_input,)
        return _name_the_rest(module, args)
    named = dict(example_input)
    try:
        inspect.signature(module.forward).bind(**named)
    except TypeError as error:
        raise UsageError(
            f"the forward of {type(module).__name__} does not take the arguments "
            f"{', '.join(map(str, named))}: {error}; a dictionary names the arguments, and one that is an "
            "argument itself is given in a tuple: ({...},)"
        ) from None
    return (), named


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in containers and in attributes of objects, modules excepted."""
    return _walk(value, lambda part: _content(part) if _is_container(part) else _attributes(part))


def results_of(value: Any) -> list[Tensor]:
    """The tensors that a forward returns, in tuples, lists, mappings and dataclasses.

    Objects of other classes beside them, such as caches, are left out. Only if there are no other tensors,
    those in attributes of such objects are the results.
    """
    return list(_walk(value, lambda part: _content(part) if _is_container(part) else ())) or list(
        tensors_in(value)
    )


def _name_the_rest(module: nn.Module, args: tuple[Any, ...]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Gives arguments that no position is left for to the keyword-only arguments, required ones first."""
    try:
        taken = list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):  # compiled code has no signature
        return args, {}
    if any(each.kind is each.VAR_POSITIONAL for each in taken):
        return args, {}
    names = [each for each in taken if each.kind is each.KEYWORD_ONLY]
    names.sort(key=lambda each: each.default is not each.empty)
    places = sum(each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) for each in taken)
    rest = args[places:]
    if len(rest) > len(names):
        return args, {}
    return args[:places], {each.name: value for each, value in zip(names, rest, strict=False)}


def _walk(value: Any, content_of: Callable[[Any], Iterable[Any]]) -> Iterator[Tensor]:
    """Tensors in the order in which they are met; each other object is opened once."""
    opened: dict[int, Any] = {}
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Tensor):
            yield part
        elif not isinstance(part, _CLOSED) and id(part) not in opened:
            opened[id(part)] = part
            waiting += reversed(list(content_of(part)))


def _is_container(value: Any) -> bool:
    return isinstance(value, Mapping | Set | list | tuple | deque) or is_dataclass(value)


def _content(container: Any) -> Iterable[Any]:
    if isinstance(container, Mapping):
        return container.values()
    if isinstance(container, Iterable):
        return container
    return [getattr(container, field.name, None) for field in fields(container)]


def _attributes(value: Any) -> Iterable[Any]:
    slots = [name for kind in type(value).__mro__ for name in _names(vars(kind).get("__slots__", ()))]
    return [*getattr(value, "__dict__", {}).values(), *(getattr(value, name, None) for name in slots)]


def _names(slots: str | Iterable[str]) -> Iterable[str]:
    return [slots] if isinstance(slots, str) else slots

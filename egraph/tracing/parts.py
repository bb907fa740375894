"""A part of a network, with the arguments that it receives when the whole network runs on an example."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from egraph.errors import ArchitectureError, UnknownNameError, UsageError
from egraph.tracing.examples import Call, tensors_in
from egraph.tracing.locations import location_of_error

__all__ = ["find_part", "receive"]


def find_part(module: nn.Module, name: str) -> nn.Module:
    """The submodule of a name such as ``"backbone"`` or ``"encoder.layers.0"``.

    Raises:
        UsageError: There is none of that name.
    """
    known = {path: part for path, part in module.named_modules() if path}
    if name not in known:
        near = [path for path in known if path.count(".") <= str(name).count(".")]
        raise UnknownNameError("part", name, near[:_SHOWN], f"the {type(module).__name__}")
    if isinstance(known[name], nn.ModuleList | nn.ModuleDict):
        inner = f"{name}.{next(iter(known[name]._modules), 0)}"
        raise UsageError(f"part {name!r} is a list of modules, which is not called itself; take {inner!r}")
    return known[name]


def receive(call: Call, part: nn.Module, name: str) -> Call:
    """The call of a part that a call of the whole network makes first.

    The network runs up to the part, on tensors without values where its path does not depend on values.

    Raises:
        ArchitectureError: The network does not run on the example, or without calling the part.
    """
    try:
        with _without_values() as fakes:
            given = _run(call, part, [fakes.from_tensor(tensor) for tensor in call.tensors])
    except Exception:  # noqa: BLE001 - whatever it is, values may mend it
        try:
            given = _run(call, part, list(call.tensors))
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).split("\n")[0][:300]
            raise ArchitectureError(
                f"cannot run the network up to its part {name!r}: {type(error).__name__}: {reason}"
                f"{location_of_error(error)}; pass an example_input that its forward accepts"
            ) from error
    if given is None:
        raise ArchitectureError(
            f"the network does not call its part {name!r} on the example; take a part that its forward calls"
        )
    args, kwargs = given
    real = {id(tensor): _to_real(tensor) for tensor in tensors_in(given)}
    args, kwargs = copy.deepcopy((args, kwargs), real)
    return Call(part, args, kwargs)


_SHOWN = 20
"""Most names of parts in an error."""


class _Received(BaseException):
    """Ends a run at the call of the part; no forward catches it."""


def _run(call: Call, part: nn.Module, tensors: list[Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    found: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def note(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        found.append((args, kwargs))
        raise _Received

    handle = part.register_forward_pre_hook(note, with_kwargs=True)
    try:
        with torch.no_grad():
            call(*tensors)
    except _Received:
        return found[0]
    finally:
        handle.remove()
    return None


@contextmanager
def _without_values() -> Iterator[FakeTensorMode]:
    with FakeTensorMode(allow_non_fake_inputs=True) as fakes:
        yield fakes


def _to_real(tensor: Tensor) -> Tensor:
    """An ordinary tensor of the same shape; zeros in place of values that are not there."""
    if not isinstance(tensor, FakeTensor):
        return tensor.detach()
    return torch.zeros(tensor.shape, dtype=tensor.dtype, device=tensor.device)

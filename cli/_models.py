"""The user's own networks: functions, named on the command line, that build PyTorch modules."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from egraph.architecture import Architecture
from egraph.errors import FailedError, UsageError

__all__ = ["read_model", "read_shape"]


def read_shape(text: str) -> tuple[int, ...]:
    """The shape that a text such as ``3x224x224`` denotes.

    Raises:
        UsageError: The text is not a shape.
    """
    if not re.fullmatch(r"[1-9]\d{0,8}(x[1-9]\d{0,8})*", text):
        raise UsageError(f"--input is the shape of one input, such as 3x224x224, got {text!r}")
    return tuple(int(side) for side in text.split("x"))


def read_model(name: str, shape: tuple[int, ...]) -> Architecture:
    """Calls the function that ``package.module:function`` names, and traces the network that it returns.

    Modules are searched for in the current folder first.

    Args:
        name: Name of a function without arguments that returns a module, or a module and an example input.
        shape: Shape of one input, for functions that return no example.

    Raises:
        UsageError: There is no such function, or it returns something else.
        FailedError: Its module cannot be imported, or the function fails.
        ArchitectureError: The network cannot be traced.
    """
    import torch

    from egraph.tracing import from_torch

    with _current_folder_first():
        made = _build(name)
        module, example = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
        if not isinstance(module, torch.nn.Module):
            raise UsageError(
                f"{name}() must return a torch.nn.Module, or one and an example input, "
                f"got {type(module).__name__}"
            )
        return from_torch(module, torch.zeros(1, *shape) if example is None else example)


def _build(name: str) -> Any:
    module_name, colon, function_name = name.partition(":")
    if not (colon and module_name and function_name.isidentifier()):
        raise UsageError(f"--model is PACKAGE.MODULE:FUNCTION, such as nets.resnet:build, got {name!r}")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and f"{module_name}.".startswith(f"{error.name}."):
            raise UsageError(
                f"no module {error.name!r} in the current folder or installed, for --model {name}"
            ) from None
        raise FailedError(f"cannot import {module_name}: {type(error).__name__}: {error}") from error
    build = getattr(module, function_name, None)
    if not callable(build):
        raise UsageError(f"module {module_name!r} has no function {function_name!r}, for --model {name}")
    try:
        return build()
    except Exception as error:
        raise FailedError(f"{name}() failed: {type(error).__name__}: {error}") from error


@contextmanager
def _current_folder_first() -> Iterator[None]:
    folder = os.getcwd()
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)

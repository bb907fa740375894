"""The user's own networks: functions, named on the command line, that build PyTorch modules."""

from __future__ import annotations

import re

from egraph.architecture import Architecture
from egraph.errors import UsageError
from egraph.specs import call_named, current_folder_first

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

    with current_folder_first():
        made = call_named(name, "--model")
        module, example = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
        if not isinstance(module, torch.nn.Module):
            raise UsageError(
                f"{name}() must return a torch.nn.Module, or one and an example input, "
                f"got {type(module).__name__}"
            )
        return from_torch(module, torch.zeros(1, *shape) if example is None else example)

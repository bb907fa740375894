"""The user's own networks: functions, named on the command line, that build PyTorch modules."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import click

from egraph.architecture import Architecture
from egraph.cli._options import stack
from egraph.errors import TracingWarning, UsageError
from egraph.specs import call_named, current_folder_first

__all__ = ["is_onnx", "model_options", "part_option", "read_model", "read_shape"]


def part_option(of: str) -> Callable[[Any], Any]:
    """The option ``--part``, of the networks that ``of`` names."""
    return click.option(
        "--part",
        metavar="NAME",
        help=f"Trace this submodule of {of} on what it receives when the whole runs, such as backbone.",
    )


def model_options(verb: str) -> Callable[[Any], Any]:
    """The options ``--model``, ``--input`` and ``--part``, of a command that does something with models."""
    options = [
        click.option(
            "--model",
            "models",
            metavar="MODULE:FUNCTION|FILE.onnx",
            multiple=True,
            help=f"{verb} networks instead: a function that builds one in PyTorch, or one and an example "
            "input, such as nets.resnet:build; or an ONNX file. Repeatable.",
        ),
        click.option(
            "--input",
            "shape",
            metavar="SHAPE",
            help="Shape of one input of the networks of --model. Default: 3x32x32, and that in an ONNX file.",
        ),
        part_option("the networks of --model"),
    ]
    return stack(options)


_USUAL: tuple[int, ...] = (3, 32, 32)
"""Shape of one input of networks that bring no example."""


def is_onnx(name: str) -> bool:
    """Whether a name is that of an ONNX file."""
    return name.lower().endswith(".onnx")


def read_shape(text: str) -> tuple[int, ...]:
    """The shape that a text such as ``3x224x224`` denotes.

    Raises:
        UsageError: The text is not a shape.
    """
    if not re.fullmatch(r"[1-9]\d{0,8}(x[1-9]\d{0,8})*", text):
        raise UsageError(f"--input is the shape of one input, such as 3x224x224, got {text!r}")
    return tuple(int(side) for side in text.split("x"))


def read_model(name: str, shape: str | None, part: str | None = None) -> Architecture:
    """Calls the function that ``package.module:function`` names, and traces the network that it returns.

    The name of an ONNX file denotes the network in it.

    Modules are searched for in the current folder first. What is drawn with a simplification is noted on
    standard error.

    Args:
        name: Name of a function without arguments that returns a module, or a module and an example input.
        shape: Shape of one input, for functions that return no example: a text for `read_shape`.
        part: Name of a submodule to trace instead.

    Raises:
        UsageError: There is no such function, or it returns something else; or a file has no parts.
        DataError: There is no such file, or it is no ONNX model.
        FailedError: Its module cannot be imported, or the function fails.
        ArchitectureError: The network cannot be traced.
    """
    import torch

    from egraph.tracing import from_onnx, from_torch

    sides = None if shape is None else read_shape(shape)
    if is_onnx(name):
        if part is not None:
            raise UsageError(
                f"--part names a submodule of a PyTorch network, and {name} has none; leave it out"
            )
        return from_onnx(name, None if sides is None else torch.zeros(1, *sides))
    with current_folder_first():
        made = call_named(name, "--model")
        module, example = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
        if not isinstance(module, torch.nn.Module):
            raise UsageError(
                f"{name}() must return a torch.nn.Module, or one and an example input, "
                f"got {type(module).__name__}"
            )
        if example is None:
            example = torch.zeros(1, *(_USUAL if sides is None else sides))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", TracingWarning)
            architecture = from_torch(module, example, part=part)
    for warning in caught:
        if issubclass(warning.category, TracingWarning):
            click.echo(f"egraph: {name}: {warning.message}", err=True)
    return architecture

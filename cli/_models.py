"""The user's own networks: functions, named on the command line, that build PyTorch modules."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import click

from egraph.architecture import Architecture
from egraph.errors import TracingWarning, UsageError
from egraph.specs import call_named, current_folder_first

__all__ = ["model_options", "part_option", "read_model", "read_shape"]


def part_option(of: str) -> Callable[[Any], Any]:
    """The option ``--part``, of the networks that ``of`` names."""
    return click.option(
        "--part",
        metavar="NAME",
        help=f"Trace this submodule of {of} on what it receives when the whole runs, such as backbone.",
    )


def model_options(verb: str) -> Callable[[Any], Any]:
    """The options ``--model``, ``--input`` and ``--part``, of a command that does something with models."""
    options = (
        click.option(
            "--model",
            "models",
            metavar="MODULE:FUNCTION",
            multiple=True,
            help=f"{verb} PyTorch networks instead: a function that builds one, or one and an example input, "
            "such as nets.resnet:build. Repeatable.",
        ),
        click.option(
            "--input",
            "shape",
            metavar="SHAPE",
            default="3x32x32",
            show_default=True,
            help="Shape of one input of the networks of --model.",
        ),
        part_option("the networks of --model"),
    )

    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def read_shape(text: str) -> tuple[int, ...]:
    """The shape that a text such as ``3x224x224`` denotes.

    Raises:
        UsageError: The text is not a shape.
    """
    if not re.fullmatch(r"[1-9]\d{0,8}(x[1-9]\d{0,8})*", text):
        raise UsageError(f"--input is the shape of one input, such as 3x224x224, got {text!r}")
    return tuple(int(side) for side in text.split("x"))


def read_model(name: str, shape: tuple[int, ...], part: str | None = None) -> Architecture:
    """Calls the function that ``package.module:function`` names, and traces the network that it returns.

    Modules are searched for in the current folder first. What is drawn with a simplification is noted on
    standard error.

    Args:
        name: Name of a function without arguments that returns a module, or a module and an example input.
        shape: Shape of one input, for functions that return no example.
        part: Name of a submodule to trace instead.

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
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", TracingWarning)
            architecture = from_torch(
                module, torch.zeros(1, *shape) if example is None else example, part=part
            )
    for warning in caught:
        if issubclass(warning.category, TracingWarning):
            click.echo(f"egraph: {name}: {warning.message}", err=True)
    return architecture

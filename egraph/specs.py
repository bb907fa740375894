"""One text for a name with options, ``evolution:population=20``, or for a function, ``nets.resnet:build``."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from egraph.errors import FailedError, UsageError

__all__ = ["call_named", "check_options", "current_folder_first", "find_named", "parse"]


def parse(text: str) -> tuple[str, dict[str, Any]]:
    """The name and the options: whole numbers, numbers, ``true``, ``false`` or texts.

    Raises:
        UsageError: The text is not ``NAME`` or ``NAME:OPTION=VALUE,OPTION=VALUE``.
    """
    name, colon, rest = text.partition(":")
    options: dict[str, Any] = {}
    for part in rest.split(",") if colon else ():
        option, equals, value = part.partition("=")
        if not (name and option and equals and value) or option in options:
            raise UsageError(f"expected NAME or NAME:OPTION=VALUE,OPTION=VALUE, got {text!r}")
        options[option] = _read(value)
    return name, options


def check_options(text: str, options: Mapping[str, Any], factory: Callable[..., Any]) -> None:
    """Checks that the keyword-only arguments of a callable include these options.

    Raises:
        UsageError: An option is unknown; the text names the known ones.
    """
    parameters = inspect.signature(factory).parameters.values()
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return
    known = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY and each.name != "seed"]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise UsageError(f"{text!r} has no option {unknown[0]!r}; known: {', '.join(known) or 'none'}")


def call_named(name: str, option: str) -> Any:
    """What a function of the user's returns, which is named ``PACKAGE.MODULE:FUNCTION`` and has no arguments.

    Args:
        name: The name.
        option: The option that has this value, for errors.

    Raises:
        UsageError: There is no such module or function.
        FailedError: The module cannot be imported, or the function fails.
    """
    function = find_named(name, option)
    if not callable(function):
        module_name, _, own = name.partition(":")
        raise UsageError(f"module {module_name!r} has no function {own!r}, for {option} {name}")
    try:
        return function()
    except Exception as error:
        raise FailedError(f"{name}() failed: {type(error).__name__}: {error}") from error


def find_named(name: str, option: str) -> Any:
    """What stands under ``PACKAGE.MODULE:NAME``.

    Args:
        name: The name.
        option: The option that has this value, for errors.

    Raises:
        UsageError: There is no such module or name.
        FailedError: The module cannot be imported.
    """
    module_name, colon, own = name.partition(":")
    if not (colon and module_name and own.isidentifier()):
        raise UsageError(f"{option} is PACKAGE.MODULE:FUNCTION, such as nets.resnet:build, got {name!r}")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and f"{module_name}.".startswith(f"{error.name}."):
            raise UsageError(
                f"no module {error.name!r} in the current folder or installed, for {option} {name}"
            ) from None
        raise FailedError(f"cannot import {module_name}: {type(error).__name__}: {error}") from error
    try:
        return getattr(module, own)
    except AttributeError:
        raise UsageError(f"module {module_name!r} has no function {own!r}, for {option} {name}") from None


@contextmanager
def current_folder_first() -> Iterator[None]:
    """Within the block, modules are searched for in the current folder first."""
    folder = os.getcwd()
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _read(value: str) -> Any:
    if value in ("true", "false"):
        return value == "true"
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value

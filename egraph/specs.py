"""A name with options as one text: ``regularized-evolution:population=20,sample=5``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from egraph.errors import UsageError

__all__ = ["check_options", "parse"]


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


def _read(value: str) -> Any:
    if value in ("true", "false"):
        return value == "true"
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value

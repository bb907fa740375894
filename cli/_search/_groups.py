"""Groups of options: a dataclass with one field an option, which the command gets as one object."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import field, fields
from typing import Any

from egraph.cli._options import stack

__all__ = ["option", "takes"]

_OPTIONS = "options"  # in the metadata of a field


def option(*decorators: Callable[[Any], Any]) -> Any:
    """A field that click fills; ``decorators`` add its option, whose name is the field's.

    Several decorators, or one that adds several options, belong to fields that follow without any.
    """
    return field(metadata={_OPTIONS: decorators})


def takes(*groups: type[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Adds the options of all groups to a command, which is called with one object of each group."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def call(**given: Any) -> None:
            command(*(group(**{one.name: given[one.name] for one in fields(group)}) for group in groups))

        decorators = [add for group in groups for one in fields(group) for add in one.metadata[_OPTIONS]]
        decorated: Callable[..., None] = stack(decorators)(call)
        return decorated

    return decorate

"""Checks of arguments that all search spaces share."""

from __future__ import annotations

import operator
from collections.abc import Collection, Sequence

from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, UsageError, shorten

__all__ = ["check_text", "check_value", "known_operation", "list_names", "read_options"]

LONGEST = 2**16
"""Largest number of characters of one architecture in a space's notation; no space needs a tenth of it."""


def check_text(text: object, space: str) -> str:
    """Refuses values that are no text, and texts longer than `LONGEST`.

    Raises:
        ArchitectureError: The value is refused; the error text says why.
    """
    if not isinstance(text, str):
        raise ArchitectureError(f"expected an architecture of {space} as text, got {shorten(text)}")
    if len(text) > LONGEST:
        raise ArchitectureError(
            f"expected an architecture of {space} in at most {LONGEST:,} characters, "
            f"got {len(text):,}: {text[:80]!r}"
        )
    return text


def check_value(architecture: object, space: str, operations: Collection[str]) -> None:
    """Refuses values that are no architecture, and architectures with disabled edges or unknown operations.

    Raises:
        ArchitectureError: The value is refused; the error text says why.
    """
    if not isinstance(architecture, Architecture):
        raise ArchitectureError(
            f"{space} takes egraph.Architecture objects, got {type(architecture).__name__}"
        )
    if architecture.disabled:
        raise ArchitectureError(
            f"{space} has no disabled edges, got {shorten(list(architecture.disabled))}; leave them out"
        )
    for vertex, op in enumerate(architecture.ops[1:-1], start=1):
        if op not in operations:
            known_operation(op, space, operations, f"of vertex {vertex}")


def known_operation(name: str, space: str, operations: Collection[str], where: str = "") -> str:
    """Returns ``name`` if it is one of the operations.

    Raises:
        ArchitectureError: It is not; the error text names the operations.
    """
    if name in operations:
        return name
    raise ArchitectureError(
        f"unknown operation {shorten(name)} {where}".rstrip() + f"; {space} has {list_names(operations)}"
    )


def list_names(operations: Collection[str]) -> str:
    """The names for an error text; only some of them if there are many."""
    names = list(operations)
    return ", ".join(names if len(names) <= 20 else [*names[:12], f"and {len(names) - 12} more"])


def read_options(options: Sequence[int], choices: Sequence[int], space: str) -> tuple[int, ...]:
    """The options as whole numbers, after checking that there is one in range for each position.

    Raises:
        ArchitectureError: An option is out of range at its position.
        UsageError: The number of options differs from the number of positions.
    """
    if len(options) != len(choices):
        raise UsageError(f"{space} is encoded in {len(choices)} positions, got {len(options)} options")
    try:
        read = tuple(map(operator.index, options))
    except TypeError:
        raise ArchitectureError(f"options must be whole numbers, got {shorten(options)}") from None
    for position, (option, size) in enumerate(zip(read, choices, strict=True)):
        if not 0 <= option < size:
            raise ArchitectureError(
                f"position {position} of {space} has the options 0 to {size - 1}, got {option}"
            )
    return read

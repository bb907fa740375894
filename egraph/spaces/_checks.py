"""What the search spaces check alike before they look at anything of their own."""

from __future__ import annotations

import operator
from collections.abc import Collection, Sequence

from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, UsageError

__all__ = ["check_value", "known_operation", "read_options"]


def check_value(architecture: object, space: str, operations: Collection[str]) -> None:
    """Refuses what is no architecture, has disabled edges, or has an operation that is not of the space.

    Raises:
        ArchitectureError: the text says which.
    """
    if not isinstance(architecture, Architecture):
        raise ArchitectureError(
            f"{space} takes egraph.Architecture objects, got {type(architecture).__name__}"
        )
    if architecture.disabled:
        raise ArchitectureError(
            f"{space} has no disabled edges, got {list(architecture.disabled)}; leave them out"
        )
    for vertex, op in enumerate(architecture.ops[1:-1], start=1):
        if op not in operations:
            known_operation(op, space, operations, f"of vertex {vertex}")


def known_operation(name: str, space: str, operations: Collection[str], where: str = "") -> str:
    """Returns ``name`` if the space knows it.

    Raises:
        ArchitectureError: it does not; the text names those that it knows.
    """
    if name in operations:
        return name
    raise ArchitectureError(
        f"unknown operation {name!r} {where}".rstrip() + f"; {space} has {', '.join(operations)}"
    )


def read_options(options: Sequence[int], choices: Sequence[int], space: str) -> tuple[int, ...]:
    """The options as whole numbers, if they are one for each place and within its choices.

    Raises:
        ArchitectureError: an option is none of its place.
        UsageError: there are more or fewer options than places.
    """
    if len(options) != len(choices):
        raise UsageError(f"{space} is encoded in {len(choices)} places, got {len(options)} options")
    try:
        read = tuple(map(operator.index, options))
    except TypeError:
        raise ArchitectureError(f"options must be whole numbers, got {str(options)[:80]}") from None
    for place, (option, size) in enumerate(zip(read, choices, strict=True)):
        if not 0 <= option < size:
            raise ArchitectureError(f"place {place} of {space} has the options 0 to {size - 1}, got {option}")
    return read

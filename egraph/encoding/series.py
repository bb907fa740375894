"""Series of architectures: read, taken apart, and looked at for what a ranker has not seen."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar, overload

from egraph.architecture import Architecture
from egraph.encoding.arrays import Encoding
from egraph.errors import OutOfDistributionWarning, UsageError

__all__ = ["CHUNK", "as_architectures", "in_parts", "warn_of_unlike"]

Part = TypeVar("Part")

CHUNK = 1024
"""Architectures a part."""


def as_architectures(architectures: Iterable[Architecture]) -> list[Architecture]:
    """Reads the argument that fit, predict and the like are given.

    Raises:
        UsageError: it is not a series of architectures.
    """
    if isinstance(architectures, Architecture):
        raise UsageError("expected a list of architectures, got a single one; write [architecture]")
    try:
        read = list(architectures)
    except TypeError:
        raise UsageError(f"expected a list of architectures, got {type(architectures).__name__}") from None
    for position, item in enumerate(read):
        if not isinstance(item, Architecture):
            raise UsageError(f"expected architectures, got {type(item).__name__} at position {position}")
    return read


@overload
def in_parts(architectures: Iterable[Architecture]) -> Iterator[list[Architecture]]: ...
@overload
def in_parts(
    architectures: Iterable[Architecture] | Encoding,
) -> Iterator[Encoding | list[Architecture]]: ...
def in_parts(
    architectures: Iterable[Architecture] | Encoding,
) -> Iterator[list[Architecture]] | Iterator[Encoding | list[Architecture]]:
    """The same in parts of at most `CHUNK`: architectures as lists and an encoding as encodings.

    Raises:
        UsageError: it is not a series of architectures.
    """
    if isinstance(architectures, Encoding):
        return (
            architectures.take(slice(start, start + CHUNK)) for start in range(0, len(architectures), CHUNK)
        )
    if isinstance(architectures, Architecture) or not isinstance(architectures, Iterable):
        as_architectures(architectures)
    remaining = iter(architectures)
    return iter(lambda: as_architectures(islice(remaining, CHUNK)), [])


def warn_of_unlike(parts: Iterable[tuple[Encoding, Part]], most: int, stacklevel: int) -> Iterator[Part]:
    """The second of each; warns behind the last of what was in the encodings that training lacked.

    Args:
        parts: encodings, each with what is passed on.
        most: vertices of the largest architecture of the training data.
        stacklevel: of the warning, 1 being the caller.
    """
    unknown: set[str] = set()
    largest = 0
    for encoding, part in parts:
        unknown.update(encoding.unknown_operations)
        largest = max(largest, int(encoding.sizes.max(initial=0)))
        yield part
    unlike = [f"operations {', '.join(map(repr, sorted(unknown)))}"] if unknown else []
    if largest > most:
        unlike.append(f"{largest} vertices, where {most} was the most")
    if unlike:
        warnings.warn(
            f"some architectures are unlike all that the ranker was trained on: {' and '.join(unlike)}; "
            "measure some of these and fit again before you rely on their scores",
            OutOfDistributionWarning,
            stacklevel=stacklevel + 1,
        )

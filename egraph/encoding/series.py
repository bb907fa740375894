"""Series of architectures: validation, parts, and the warning about those unlike the training data."""

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
"""Number of architectures in a part."""


def as_architectures(architectures: Iterable[Architecture]) -> list[Architecture]:
    """Validates a series of architectures, the argument of fit, predict and similar methods.

    Raises:
        UsageError: It is no series of architectures.
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
    """Parts of at most `CHUNK` architectures: lists of architectures, or encodings of an encoding.

    Raises:
        UsageError: It is no series of architectures.
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
    """Yields the second item of each part; then warns if encodings were unlike the training data.

    Args:
        parts: Encodings, each with the item to pass on.
        most: Number of vertices of the largest architecture in the training data.
        stacklevel: Stack level of the warning; 1 is the caller.
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

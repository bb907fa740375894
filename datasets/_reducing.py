"""A part of the examples of classification data, for quicker trainings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from egraph.datasets._image_data import ImageData
from egraph.datasets._splitting import split
from egraph.errors import UsageError

__all__ = ["reduce"]


def reduce(data: ImageData, name: str, **sizes: object) -> ImageData:
    """Leaves some examples out; those left have about the same share of every class.

    Args:
        data: Data with classes.
        name: Name of the result.
        sizes: Number of examples of each part, by ``train``, ``validation`` and ``test``; others stay whole.

    Raises:
        UsageError: A number is not whole, is less than that of the classes, or more than there are.
    """
    parts: dict[str, Any] = {}
    for part, size in sizes.items():
        x, y = getattr(data, part)
        least = data.num_classes
        if not isinstance(size, int) or isinstance(size, bool) or not least <= size <= len(y):
            raise UsageError(
                f"{part} of {name!r} must be a whole number from {least} to {len(y):,}, got {size!r}"
            )
        rows = split(y, (size / len(y), 1 - size / len(y)))[0] if size < len(y) else slice(None)
        parts[part] = (x[rows], y[rows])
    return replace(data, name=name, **parts)

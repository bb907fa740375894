"""What the numbers of one input mean: images, signals or features, by the number of their axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from egraph.errors import UsageError

__all__ = ["AXES", "describe_axes", "kind_of"]

AXES: Mapping[str, tuple[str, ...]] = {
    "features": ("features",),
    "signals": ("channels", "length"),
    "images": ("channels", "height", "width"),
}
"""The axes of one input of each kind, without the batch."""


def kind_of(shape: Sequence[int]) -> str:
    """The kind of an input of that shape: features, signals or images.

    Raises:
        UsageError: No kind has so many axes.
    """
    for kind, axes in AXES.items():
        if len(axes) == len(shape):
            return kind
    known = ", ".join(f"{kind} {describe_axes(kind)}" for kind in AXES)
    raise UsageError(f"no input has the shape {tuple(shape)}; known: {known}")


def describe_axes(kind: str) -> str:
    """The names of the axes, such as ``(channels, length)``."""
    return f"({', '.join(AXES[kind])})"

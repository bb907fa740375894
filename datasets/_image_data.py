"""Data to train networks on: images, signals or features with their classes, in three disjoint parts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.errors import UsageError
from egraph.shapes import AXES, kind_of

__all__ = ["ImageData"]

Part = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class ImageData:
    """Images, signals or features and their classes, in three parts.

    Networks learn from ``train`` and are chosen by ``validation``; accuracy on ``test`` is only reported.

    Inputs are stored as float32, classes as int64. The kind tells the shape of one input:

    - ``images``: ``(channels, height, width)``; values in [0, 1], or bytes, which are divided by 255.
    - ``signals``: ``(channels, length)``, such as time series; any finite numbers.
    - ``features``: ``(features,)``, such as the columns of a table; any finite numbers.

    Args:
        train: Inputs and classes to learn from, ``(examples, ...)`` and ``(examples,)``. Images and signals
            of one channel may lack the axis of channels. Classes are integers from 0.
        validation: Inputs and classes to choose by.
        test: Inputs and classes to report on.
        name: Name of the data in reports.
        kind: Kind of the inputs. None takes arrays of two axes as features, others as images.

    Raises:
        UsageError: The kind is unknown, or shapes, types or values are invalid; the text says which part and
            why.
    """

    train: Part
    validation: Part
    test: Part
    name: str = "custom"
    kind: str | None = None

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in AXES:
            raise UsageError(f"the kind of data must be one of {', '.join(AXES)}; got {self.kind!r}")
        for part in ("train", "validation", "test"):
            object.__setattr__(self, part, _check_part(part, getattr(self, part), self.kind))
            shape = getattr(self, part)[0].shape[1:]
            if shape != self.input_shape:
                raise UsageError(
                    f"the {part} {kind_of(shape)} have shape {shape}, those to train on {self.input_shape}"
                )
        if self.num_classes < 2:
            raise UsageError(
                f"all training {kind_of(self.input_shape)} are of one class; there is nothing to learn"
            )
        for part in ("validation", "test"):
            if (largest := int(getattr(self, part)[1].max())) >= self.num_classes:
                singular = kind_of(self.input_shape).removesuffix("s")
                raise UsageError(f"the {part} part has class {largest}, which no training {singular} has")

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input: channels, height and width of an image, or fewer axes."""
        return tuple(self.train[0].shape[1:])

    @cached_property
    def num_classes(self) -> int:
        """One more than the largest class of the training inputs."""
        return int(self.train[1].max()) + 1

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that identify these inputs, classes and parts."""
        sha = hashlib.sha256()
        for x, y in (self.train, self.validation, self.test):
            sha.update(repr(x.shape).encode())
            sha.update(np.ascontiguousarray(x, dtype="<f4").data)
            sha.update(np.ascontiguousarray(y, dtype="<i8").data)
        return sha.hexdigest()[:16]

    def describe(self) -> str:
        """One line that says what was read: kind, shape, number of classes and sizes of the parts."""
        sides = " x ".join(map(str, self.input_shape))
        train, validation, test = (f"{len(y):,}" for _, y in (self.train, self.validation, self.test))
        return (
            f"{kind_of(self.input_shape)} of {sides}, {self.num_classes} classes; {train} to train, "
            f"{validation} to validate, {test} to test"
        )

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(getattr(self, part)[1])} {part}" for part in ("train", "validation", "test"))
        kind = kind_of(self.input_shape)
        return f"<{kind} {self.name}: {sizes}; {self.input_shape}, {self.num_classes} classes>"


def _check_part(name: str, part: Any, kind: str | None) -> Part:
    try:
        x, y = (np.asarray(array) for array in part)
    except (TypeError, ValueError):
        raise UsageError(f"the {name} part must be a pair of inputs and classes") from None
    kind = kind or ("features" if x.ndim == 2 else "images")
    axes = AXES[kind]
    if x.ndim == len(axes) > 1:
        x = x[:, np.newaxis]
    if x.ndim != len(axes) + 1 or 0 in x.shape or x.dtype.kind not in "fiub":
        raise UsageError(
            f"the {name} {kind} must be numbers, ({kind}, {', '.join(axes)}); got {x.dtype} {x.shape}"
        )
    if y.shape != x.shape[:1] or y.dtype.kind not in "iu":
        raise UsageError(
            f"the {name} classes must be integers, ({len(x)},) for {len(x)} {kind}; got {y.dtype} {y.shape}"
        )
    values = x.astype(np.float32)
    if kind == "images" and x.dtype == np.uint8:
        values /= np.float32(255)
    low, high = float(values.min()), float(values.max())
    if kind == "images" and not (low >= 0 and high <= 1):  # also refuses NaN
        raise UsageError(f"the {name} images must lie in [0, 1] or be bytes; got {low:g} to {high:g}")
    if not np.isfinite([low, high]).all():
        raise UsageError(f"the {name} {kind} must be finite numbers; got {low:g} to {high:g}")
    if y.min() < 0:
        raise UsageError(f"the {name} classes must count from 0; got {int(y.min())}")
    return np.ascontiguousarray(values), y.astype(np.int64)

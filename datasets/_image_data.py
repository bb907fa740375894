"""Data to train networks on: images, signals or features with their classes, in three disjoint parts."""

from __future__ import annotations

import hashlib
import math
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

    - ``images``: ``(channels, height, width)``; values in [0, 1], bytes, which are divided by 255, or
      standardised, with negative values.
    - ``signals``: ``(channels, length)``, such as time series; any finite numbers.
    - ``features``: ``(features,)``, such as the columns of a table; any finite numbers.

    Args:
        train: Inputs and classes to learn from, ``(examples, ...)`` and ``(examples,)``. Images and signals
            of one channel may lack the axis of channels. Classes are integers from 0.
        validation: Inputs and classes to choose by.
        test: Inputs and classes to report on.
        name: Name of the data in reports.
        kind: Kind of the inputs. None takes arrays of two axes as features, others as images.
        labels: The label of each class, where they were read from a file.
        source: The file that was read.
        notes: What was done to make these arrays from it.

    Raises:
        UsageError: The kind is unknown, or shapes, types or values are invalid; the text says which part and
            why.
    """

    train: Part
    validation: Part
    test: Part
    name: str = "custom"
    kind: str | None = None
    labels: tuple[str, ...] = ()
    source: str = ""
    notes: tuple[str, ...] = ()

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
        known = np.unique(self.train[1])
        if len(known) < self.num_classes:
            gap = int(np.flatnonzero(known != np.arange(len(known)))[0])
            raise UsageError(
                f"the training classes skip {gap} of 0 to {self.num_classes - 1}; number those that there "
                "are from 0"
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
        read = (
            f"{kind_of(self.input_shape)} of {sides}, {self.num_classes} classes; {train} to train, "
            f"{validation} to validate, {test} to test"
        )
        return "; ".join([read, *self.notes, *([f"from {self.source}"] if self.source else [])])

    def summary(self) -> dict[str, Any]:
        """What `describe` says, as JSON-ready values."""
        return {
            "name": self.name,
            "file": self.source or None,
            "kind": kind_of(self.input_shape),
            "shape": list(self.input_shape),
            "classes": self.num_classes,
            "labels": list(self.labels) or [str(number) for number in range(self.num_classes)],
            "train": len(self.train[1]),
            "validation": len(self.validation[1]),
            "test": len(self.test[1]),
            "notes": list(self.notes),
            "digest": self.digest,
        }

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
    standardised = x.dtype.kind == "f" and low < 0 < high < math.inf and low > -math.inf
    if kind == "images" and not (standardised or (low >= 0 and high <= 1)):  # also refuses NaN
        raise UsageError(
            f"the {name} images must lie in [0, 1] or be bytes, or standardised; got {low:g} to {high:g}"
        )
    if not np.isfinite([low, high]).all():
        raise UsageError(f"the {name} {kind} must be finite numbers; got {low:g} to {high:g}")
    if y.min() < 0:
        raise UsageError(f"the {name} classes must count from 0; got {int(y.min())}")
    return np.ascontiguousarray(values), y.astype(np.int64)

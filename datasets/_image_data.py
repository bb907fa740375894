"""Data to train networks on: images, signals or features with their targets, in three disjoint parts."""

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

__all__ = ["TARGETS", "ImageData"]

TARGETS = ("classes", "regression")
"""The kinds of targets."""

Part = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class ImageData:
    """Images, signals or features and their classes or target numbers, in three parts.

    Networks learn from ``train`` and are chosen by ``validation``; the score on ``test`` is only reported.

    Inputs are stored as float32, classes as int64, numbers to predict as float64. The kind tells the shape
    of one input:

    - ``images``: ``(channels, height, width)``; values in [0, 1], bytes, which are divided by 255, or
      standardised, with negative values.
    - ``signals``: ``(channels, length)``, such as time series; any finite numbers.
    - ``features``: ``(features,)``, such as the columns of a table; any finite numbers.

    Args:
        train: Inputs and targets to learn from, ``(examples, ...)`` and ``(examples,)``. Images and signals
            of one channel may lack the axis of channels. Classes are integers from 0.
        validation: Inputs and targets to choose by.
        test: Inputs and targets to report on.
        name: Name of the data in reports.
        kind: Kind of the inputs. None takes arrays of two axes as features, others as images.
        target: ``classes``, or ``regression`` of numbers.
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
    target: str = "classes"
    labels: tuple[str, ...] = ()
    source: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in AXES:
            raise UsageError(f"the kind of data must be one of {', '.join(AXES)}; got {self.kind!r}")
        if self.target not in TARGETS:
            raise UsageError(f"target must be one of {', '.join(TARGETS)}; got {self.target!r}")
        for part in ("train", "validation", "test"):
            checked = _check_part(part, getattr(self, part), self.kind, self.is_regression)
            object.__setattr__(self, part, checked)
            shape = getattr(self, part)[0].shape[1:]
            if shape != self.input_shape:
                raise UsageError(
                    f"the {part} {kind_of(shape)} have shape {shape}, those to train on {self.input_shape}"
                )
        self._check_numbers() if self.is_regression else self._check_classes()

    def _check_numbers(self) -> None:
        for part in ("train", "validation", "test"):
            y = getattr(self, part)[1]
            if not (y != y[0]).any():
                raise UsageError(
                    f"all targets of the {part} part are {y[0]:g}; R2 needs some that differ, in each part"
                )

    def _check_classes(self) -> None:
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

    @property
    def is_regression(self) -> bool:
        """Whether targets are numbers to predict."""
        return self.target == "regression"

    @cached_property
    def num_classes(self) -> int:
        """Number of outputs of a network: one more than the largest class of training, 1 for a regression."""
        return 1 if self.is_regression else int(self.train[1].max()) + 1

    @cached_property
    def scale(self) -> tuple[float, float]:
        """Mean and standard deviation of the training targets, by which a regression standardises them."""
        y = self.train[1]
        return float(y.mean()), float(y.std())

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that identify these inputs, classes and parts."""
        sha = hashlib.sha256()
        for x, y in (self.train, self.validation, self.test):
            sha.update(repr(x.shape).encode())
            sha.update(np.ascontiguousarray(x, dtype="<f4").data)
            sha.update(np.ascontiguousarray(y, dtype="<f8" if self.is_regression else "<i8").data)
        return sha.hexdigest()[:16]

    def describe(self) -> str:
        """One line that says what was read: kind, shape, number of classes and sizes of the parts."""
        sides = " x ".join(map(str, self.input_shape))
        train, validation, test = (f"{len(y):,}" for _, y in (self.train, self.validation, self.test))
        what = f"{self.num_classes} classes"
        if self.is_regression:
            low, high = self._span
            what = f"regression of a target from {low:g} to {high:g}"
        read = (
            f"{kind_of(self.input_shape)} of {sides}, {what}; {train} to train, {validation} to validate, "
            f"{test} to test"
        )
        return "; ".join([read, *self.notes, *([f"from {self.source}"] if self.source else [])])

    def summary(self) -> dict[str, Any]:
        """What `describe` says, as JSON-ready values."""
        targets: dict[str, Any] = {"lowest": self._span[0], "highest": self._span[1]}
        if not self.is_regression:
            labels = list(self.labels) or [str(number) for number in range(self.num_classes)]
            targets = {"classes": self.num_classes, "labels": labels}
        return {
            "name": self.name,
            "file": self.source or None,
            "kind": kind_of(self.input_shape),
            "shape": list(self.input_shape),
            "target": self.target,
            **targets,
            "train": len(self.train[1]),
            "validation": len(self.validation[1]),
            "test": len(self.test[1]),
            "notes": list(self.notes),
            "digest": self.digest,
        }

    @property
    def _span(self) -> tuple[float, float]:
        """Lowest and highest target of all parts."""
        y = np.concatenate([y for _, y in (self.train, self.validation, self.test)])
        return float(y.min()), float(y.max())

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(getattr(self, part)[1])} {part}" for part in ("train", "validation", "test"))
        what = "regression" if self.is_regression else f"{self.num_classes} classes"
        return f"<{kind_of(self.input_shape)} {self.name}: {sizes}; {self.input_shape}, {what}>"


def _check_part(name: str, part: Any, kind: str | None, regression: bool) -> Part:
    """The part as stored.

    Raises:
        UsageError: It does not fit.
    """
    try:
        x, y = (np.asarray(array) for array in part)
    except (TypeError, ValueError):
        raise UsageError(f"the {name} part must be a pair of inputs and targets") from None
    x, kind = _check_inputs(name, x, kind)
    if regression:
        return x, _check_numbers(name, y, x, kind)
    if y.shape != x.shape[:1] or y.dtype.kind not in "iu":
        raise UsageError(
            f"the {name} classes must be integers, ({len(x)},) for {len(x)} {kind}; got {y.dtype} {y.shape}"
        )
    if y.min() < 0:
        raise UsageError(f"the {name} classes must count from 0; got {int(y.min())}")
    return x, y.astype(np.int64)


def _check_numbers(name: str, y: NDArray[Any], x: NDArray[Any], kind: str) -> NDArray[np.float64]:
    if y.shape != x.shape[:1] or y.dtype.kind not in "fiu":
        raise UsageError(
            f"the {name} targets must be numbers, ({len(x)},) for {len(x)} {kind}; got {y.dtype} {y.shape}"
        )
    if not np.isfinite(y).all():
        raise UsageError(f"the {name} targets must be finite numbers")
    return y.astype(np.float64)


def _check_inputs(name: str, x: NDArray[Any], kind: str | None) -> tuple[NDArray[np.float32], str]:
    """The inputs as stored, and their kind."""
    kind = kind or ("features" if x.ndim == 2 else "images")
    axes = AXES[kind]
    if x.ndim == len(axes) > 1:
        x = x[:, np.newaxis]
    if x.ndim != len(axes) + 1 or 0 in x.shape or x.dtype.kind not in "fiub":
        raise UsageError(
            f"the {name} {kind} must be numbers, ({kind}, {', '.join(axes)}); got {x.dtype} {x.shape}"
        )
    with np.errstate(over="ignore"):  # what is too large becomes infinite and is refused below
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
    return np.ascontiguousarray(values), kind

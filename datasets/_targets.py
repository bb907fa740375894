"""Targets of a file as numbers: labels become classes from 0, or stay numbers to predict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.datasets._image_data import TARGETS
from egraph.errors import UsageError, shorten

__all__ = ["Targets", "read_targets"]

SHOWN = 5
"""Largest number of labels that a note lists."""


@dataclass(frozen=True)
class Targets:
    """The targets of all parts.

    Attributes:
        values: Classes or numbers by part, ``(examples,)``.
        kind: One of `TARGETS`.
        labels: The label of each class, as a text; empty for numbers.
        notes: What was done with them, for the line that tells what was read.
    """

    values: dict[str, NDArray[Any]]
    kind: str
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_targets(given: Mapping[str, NDArray[Any]], wanted: str | None = None) -> Targets:
    """Reads labels or numbers of any usual type.

    Without ``wanted``, texts, truth values, one-hot rows and whole numbers are labels, and numbers of which
    any has a fraction are a regression target. Labels that are whole numbers must follow one another from any
    start, or be -1 and 1, and be at most half as many as the examples; ``wanted="classes"`` takes each
    different value as a class.

    Args:
        given: Targets by part, ``(examples,)``, ``(examples, 1)`` or one-hot ``(examples, classes)``. Classes
            are numbered by the labels of the first part.
        wanted: One of `TARGETS`, or None.

    Raises:
        UsageError: The targets fit neither rule; the text says which part and why.
    """
    if wanted is not None and wanted not in TARGETS:
        raise UsageError(f"target must be one of {', '.join(TARGETS)}; got {wanted!r}")
    arrays = {part: _flatten(part, np.asarray(y)) for part, y in given.items()}
    hot = any(array.ndim == 2 for array in arrays.values())
    if hot:
        arrays = {part: _read_one_hot(part, array) for part, array in arrays.items()}
    texts = [array.dtype.kind in "US" for array in arrays.values()]
    if any(texts) and not all(texts):
        raise UsageError("the labels are texts in one part and numbers in another")
    if wanted == "regression" and (hot or any(texts)):
        what = "one-hot labels" if hot else "texts"
        raise UsageError(f"a regression needs numbers as targets, but these are {what}")
    fractions = not any(texts) and any((array != np.floor(array)).any() for array in arrays.values())
    if wanted == "regression" or (wanted is None and fractions):
        numbers = {part: array.astype(np.float64) for part, array in arrays.items()}
        return Targets(numbers, "regression")
    found = _number_classes(arrays, free=wanted == "classes" or any(texts) or hot)
    notes = (*(["one-hot labels"] if hot else []), *found.notes)
    return Targets(found.values, "classes", found.labels, notes)


def _flatten(part: str, y: NDArray[Any]) -> NDArray[Any]:
    """Targets of one axis, or one-hot rows, as texts, whole numbers or finite numbers."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.dtype.kind == "O" and all(isinstance(value, str) for value in y.ravel()):
        y = y.astype(str)
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "replace")
    if y.dtype.kind not in "Uiubf" or y.ndim not in (1, 2) or (y.ndim == 2 and y.dtype.kind == "U"):
        raise UsageError(
            f"the {part} targets must be labels or numbers, (examples,), or one-hot rows, "
            f"(examples, classes); got {y.dtype} {y.shape}"
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        row = int(np.argwhere(~np.isfinite(y))[0][0])
        raise UsageError(f"the {part} targets must be finite; that of example {row + 1} is {y[row]}")
    return y.astype(np.int64) if y.dtype.kind in "bu" else y


def _read_one_hot(part: str, y: NDArray[Any]) -> NDArray[Any]:
    if y.ndim != 2 or not (np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all()):
        shape = y.shape
        raise UsageError(
            f"the {part} targets {shape} are not one-hot: each row must have one 1 and else 0; give one "
            "label or one number an example"
        )
    return y.argmax(axis=1)


def _number_classes(arrays: Mapping[str, NDArray[Any]], *, free: bool) -> Targets:
    """Classes from 0, in the order of the labels of the first part.

    Raises:
        UsageError: Labels skip numbers and ``free`` is false, or another part has a label of its own.
    """
    first, *others = arrays
    known = np.unique(arrays[first])
    for part in others:
        strange = ~np.isin(arrays[part], known)
        if strange.any():
            label = arrays[part][strange][0].item()
            raise UsageError(f"the {part} part has the label {label!r}, which the {first} part lacks")
    texts = known.dtype.kind == "U"
    if not texts:
        known = known.astype(np.int64) if (known == np.floor(known)).all() else known
    ends = "" if not len(known) else f"{known[0]} to {known[-1]}"
    if not free and known.tolist() != [-1, 1] and len(known) and known[-1] - known[0] >= len(known):
        gap = int(known[0]) + int(np.flatnonzero(np.diff(known) > 1)[0]) + 1
        raise UsageError(
            f"the labels {shorten(known.tolist())} skip {gap}: with the option target=classes each of the "
            f"{len(known)} is a class, with target=regression they are numbers to predict"
        )
    count = len(arrays[first])
    if not free and 2 * len(known) > max(count, 20):
        raise UsageError(
            f"{count} examples have {len(known)} different labels, {ends}: with the option target=classes "
            "each is a class, with target=regression they are numbers to predict"
        )
    notes: tuple[str, ...] = ()
    if texts:
        more = len(known) - SHOWN
        notes = (f"labels {', '.join(known[:SHOWN])}{f' and {more} more' if more > 0 else ''}",)
    elif known.tolist() != list(range(len(known))):
        notes = (f"labels {ends} are the classes 0 to {len(known) - 1}",)
    values = {part: np.searchsorted(known, array).astype(np.int64) for part, array in arrays.items()}
    return Targets(values, "classes", tuple(str(label) for label in known.tolist()), notes)

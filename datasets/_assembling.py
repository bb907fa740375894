"""Arrays of any usual layout as data to train on: axes, scale, classes and parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.datasets._image_data import ImageData
from egraph.datasets._splitting import split, split_by_content
from egraph.datasets._targets import read_targets
from egraph.errors import DataError, UsageError

__all__ = ["LAYOUTS", "PARTS", "Reading", "assemble"]

PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""The parts, by the words for them in the names of arrays and folders."""

LAYOUTS = ("first", "last")
"""The places of the channels among the axes of one input."""

THIRDS = (0.6, 0.2, 0.2)
"""Shares of training, validation and test, where data come in one part."""

HELD_OUT = (5 / 6, 1 / 6)
"""Shares of training and validation, where a file has a test part but none for validation."""


@dataclass(frozen=True)
class Reading:
    """How arrays are read.

    Attributes:
        name: Name of the data in reports.
        source: Where they come from; error texts begin with it.
        kind: Kind of the inputs; None takes arrays of two axes as features, others as images.
        layout: One of `LAYOUTS`; None finds it by the shape.
        target: ``classes`` or ``regression``; None decides by the values.
        notes: What the reader did before, for the line that tells what was read.
        held_out: Shares of training and validation, where there is a test part but none for validation.
        by_content: Whether a division depends on the examples alone, not on their order. Files that never
            change are divided by order.
        names: Names of the labels 0, 1 and so on, where the file has them.
    """

    name: str
    source: str = ""
    kind: str | None = None
    layout: str | None = None
    target: str | None = None
    notes: Sequence[str] = ()
    held_out: Sequence[float] = HELD_OUT
    by_content: bool = True
    names: Sequence[str] = ()


def assemble(parts: Mapping[str, tuple[Any, Any]], how: Reading) -> ImageData:
    """Data from arrays of inputs and targets.

    Args:
        parts: Inputs and targets by part: ``all``, which is divided; or ``train`` with ``test``,
            ``validation`` or both. A single part beside ``train`` is the test part, and some of the training
            examples validate.
        how: How the arrays are read.

    Raises:
        DataError: The arrays do not fit; the text begins with the source.
    """
    try:
        x = {part: np.asarray(pair[0]) for part, pair in parts.items()}
        _check_inputs(x, {part: np.asarray(pair[1]) for part, pair in parts.items()})
        targets = read_targets({part: np.asarray(pair[1]) for part, pair in parts.items()}, how.target)
        if targets.kind == "classes" and len(targets.labels) < 2:
            label = next(iter(targets.labels), "")
            raise UsageError(f"all examples are of one class, {label!r}; there is nothing to learn")
        notes = [*how.notes, *targets.notes]
        x = _put_channels_first(x, how, notes)
        if how.kind in (None, "images") and next(iter(x.values())).ndim > 2:
            x = _scale(x, notes)
        pairs = {part: (x[part], targets.values[part]) for part in x}
        train, validation, test = _divide(pairs, targets.kind, how, notes)
        return ImageData(
            train,
            validation,
            test,
            name=how.name,
            kind=how.kind,
            target=targets.kind,
            labels=tuple(how.names[int(label)] for label in targets.labels) if how.names else targets.labels,
            source=how.source,
            notes=tuple(notes),
        )
    except UsageError as error:
        raise DataError(f"{how.source}: {error}" if how.source else str(error)) from None


def _check_inputs(x: Mapping[str, NDArray[Any]], y: Mapping[str, NDArray[Any]]) -> None:
    shape: tuple[int, ...] | None = None
    for part, inputs in x.items():
        if inputs.ndim < 2 or inputs.dtype.kind not in "fiub":
            raise UsageError(
                f"the {part} inputs must be numbers, one row or image an example; got {inputs.dtype} "
                f"{inputs.shape}"
            )
        if y[part].ndim == 0 or len(inputs) != len(y[part]):
            count = len(y[part]) if y[part].ndim else "no"
            raise UsageError(f"the {part} part has {len(inputs)} inputs but {count} targets")
        if inputs.size == 0:
            raise UsageError(f"the {part} part is empty: {inputs.shape}")
        shape = inputs.shape[1:] if shape is None else shape
        if inputs.shape[1:] != shape:
            raise UsageError(
                f"the {part} inputs have shape {inputs.shape[1:]}, those to train on {shape}; all parts must "
                "have the same"
            )
        if inputs.dtype.kind == "f" and not np.isfinite(inputs).all():
            rows = ~np.isfinite(inputs).reshape(len(inputs), -1).all(axis=1)
            raise UsageError(
                f"input {int(np.argmax(rows))} of the {part} part has NaN or infinity; {int(rows.sum())} have"
            )


def _put_channels_first(
    x: dict[str, NDArray[Any]], how: Reading, notes: list[str]
) -> dict[str, NDArray[Any]]:
    """The inputs with the axis of channels before the others, which `_find_layout` or the caller tells."""
    if how.layout not in (None, *LAYOUTS):
        raise UsageError(f"layout must be one of {', '.join(LAYOUTS)}; got {how.layout!r}")
    shape = next(iter(x.values())).shape[1:]
    axes = 2 if how.kind == "signals" else 3
    if how.kind == "features" or len(shape) != axes:
        return x
    if (how.layout or _find_layout(shape)) == "first":
        return x
    notes.append("channels were last")
    return {part: np.moveaxis(inputs, -1, 1) for part, inputs in x.items()}


def _find_layout(shape: tuple[int, ...]) -> str:
    """Whether channels are the first or the last axis: images are square, or have few channels.

    Raises:
        UsageError: Both are as likely.
    """
    first, last = shape[0], shape[-1]
    if len(shape) == 2:
        return "first" if first <= last else "last"
    if (shape[1] == last) != (first == shape[1]):
        return "first" if shape[1] == last else "last"
    if first == last or shape[1] == first == last:
        sides = " x ".join(map(str, shape))
        raise UsageError(
            f"in inputs of {sides} the channels can be the first or the last axis; say which with the option "
            "layout=first or layout=last"
        )
    return "first" if first < last else "last"


def _scale(x: dict[str, NDArray[Any]], notes: list[str]) -> dict[str, NDArray[Any]]:
    """Images in [0, 1] where their pixels are whole numbers up to 255; standardised ones stay as they are."""
    arrays = list(x.values())
    if all(array.dtype == np.uint8 for array in arrays):
        return x
    low, high = float(min(a.min() for a in arrays)), float(max(a.max() for a in arrays))
    if low >= 0 and 1 < high <= 255 and all((array == np.floor(array)).all() for array in arrays):
        notes.append("divided by 255")
        return {part: array.astype(np.uint8) for part, array in x.items()}
    if low < 0:
        notes.append(f"pixels from {low:.3g} to {high:.3g} as they are")
    return x


def _divide(
    pairs: dict[str, tuple[NDArray[Any], NDArray[Any]]], kind: str, how: Reading, notes: list[str]
) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Training, validation and test."""
    if {"train", "validation", "test"} <= pairs.keys():
        return [pairs[part] for part in ("train", "validation", "test")]
    whole = pairs["all" if "all" in pairs else "train"]
    if "all" in pairs:
        shares: Sequence[float] = THIRDS
        notes.append(f"divided {', '.join(f'{share:.0%}' for share in shares)} by content")
    else:
        shares = how.held_out
        notes.append(f"1 of {round(1 / shares[1])} training examples validates")
        if "test" not in pairs:
            notes.append("the validation part is the test")
    x, y = whole
    strata = y if kind == "classes" else np.zeros(len(y), np.int64)
    rows = split_by_content(x, strata, shares) if how.by_content else split(strata, shares)
    for part, chosen in zip(("train", "validation", "test"), rows, strict=False):
        if not len(chosen):
            distinct = len(np.unique(x.reshape(len(x), -1), axis=0))
            raise UsageError(
                f"with {len(y)} examples to divide, {distinct} of them different, the {part} part is empty; "
                "give more"
            )
    if kind == "classes" and len(lacking := np.setdiff1d(y, y[rows[0]])):
        raise UsageError(
            f"class {lacking[0]} has {int((y == lacking[0]).sum())} of {len(y)} examples, too few to divide; "
            "give more, or leave the class out"
        )
    divided = [(x[part], y[part]) for part in rows]
    if "all" in pairs:
        return divided
    return [*divided, pairs["test"] if "test" in pairs else pairs["validation"]]

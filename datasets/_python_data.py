"""Data that a caller's own code makes: data sets of PyTorch, and arrays."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.datasets._assembling import PARTS, Reading, assemble
from egraph.datasets._image_data import ImageData
from egraph.datasets._signals import generators_restored
from egraph.datasets._splitting import SPLIT_SEED
from egraph.errors import DataError, UsageError, shorten

__all__ = ["from_dataset"]

EXPECTED = (
    "expected a data set of PyTorch with a length, a pair of arrays, two or three of them (train, validation "
    "and test), a mapping of these names, or an ImageData"
)


def from_dataset(
    data: Any,
    *,
    name: str = "custom",
    kind: str | None = None,
    layout: str | None = None,
    target: str | None = None,
) -> ImageData:
    """Data to train on, from data sets of PyTorch or from arrays.

    All examples are read once and kept in memory. Global random numbers that a transformation draws begin
    with the same seed each time, so that the data are the same in every process; augmentation that shall
    differ from epoch to epoch belongs into the recipe.

    Args:
        data: A map-style ``torch.utils.data.Dataset`` of pairs of input and target, which is divided; or a
            pair of arrays of inputs and targets; or a tuple of training and test part, or of training,
            validation and test part, each of either kind; or a mapping with these names; or an `ImageData`,
            which is returned.
        name: Name of the data in reports.
        kind: Kind of the inputs, as in `ImageData`; None takes inputs of one axis as features, others as
            images.
        layout: ``first`` or ``last``, the place of the channels. None: first in tensors; in arrays as their
            shape tells.
        target: ``classes`` or ``regression``; None decides by the values. See docs/how-to/own-data.md.

    Raises:
        DataError: An example cannot be read, or the arrays do not fit.
        UsageError: ``data`` is something else.
    """
    import torch

    if isinstance(data, ImageData):
        return data
    parts = _find_parts(data)
    with generators_restored(), torch.random.fork_rng(devices=[]):
        read = {
            part: _read_part(part, source, name, seed) for seed, (part, source) in enumerate(parts.items())
        }
    first = layout or ("first" if all(tensors for _, _, tensors in read.values()) else None)
    how = Reading(name, name, kind=kind, layout=first, target=target)
    return assemble({part: (x, y) for part, (x, y, _) in read.items()}, how)


def _find_parts(data: Any) -> dict[str, Any]:
    """The data by part; ``all`` where there is one."""
    if isinstance(data, Mapping):
        parts = {PARTS.get(str(name).lower(), str(name)): part for name, part in data.items()}
        if "train" not in parts or not {"test", "validation"} & parts.keys() or parts.keys() - PARTS.keys():
            raise UsageError(f"{EXPECTED}; got a mapping of {shorten(list(data))}")
        return {part: parts[part] for part in ("train", "validation", "test") if part in parts}
    if _is_pair(data) or not isinstance(data, tuple | list):
        return {"all": data}
    if len(data) not in (2, 3):
        raise UsageError(f"{EXPECTED}; got {len(data)} parts")
    names = ("train", "test") if len(data) == 2 else ("train", "validation", "test")
    return dict(zip(names, data, strict=True))


def _is_array(value: object) -> bool:
    import torch

    return isinstance(value, np.ndarray | torch.Tensor)


def _is_pair(value: object) -> bool:
    """Whether a value is inputs and targets as arrays; a list of targets will do."""
    if not isinstance(value, tuple | list) or len(value) != 2 or not _is_array(value[0]):
        return False
    plain = isinstance(value[1], list) and not any(isinstance(each, tuple | list) for each in value[1])
    return _is_array(value[1]) or plain


def _read_part(part: str, source: Any, name: str, seed: int) -> tuple[NDArray[Any], NDArray[Any], bool]:
    """Inputs and targets, and whether the inputs were tensors."""
    import torch
    from torch.utils.data import IterableDataset

    if _is_pair(source):
        return _to_array(source[0]), _to_array(source[1]), isinstance(source[0], torch.Tensor)
    if isinstance(source, IterableDataset) or not (
        hasattr(source, "__len__") and hasattr(source, "__getitem__")
    ):
        raise UsageError(f"{EXPECTED}; the {part} part is {shorten(type(source).__name__)}")
    random.seed(SPLIT_SEED + seed)
    np.random.seed(SPLIT_SEED + seed)  # noqa: NPY002
    torch.manual_seed(SPLIT_SEED + seed)
    inputs, targets, tensors = [], [], True
    for number in range(len(source)):
        try:
            example = source[number]
        except Exception as error:
            raise DataError(
                f"{name}: example {number} of the {part} part cannot be read: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(example, tuple | list) or len(example) != 2:
            raise DataError(
                f"{name}: example {number} of the {part} part must be a pair of input and target; got "
                f"{shorten(type(example).__name__)}"
            )
        tensors &= isinstance(example[0], torch.Tensor)
        inputs.append(_to_array(example[0]))
        targets.append(_to_array(example[1]))
        if inputs[-1].shape != inputs[0].shape or targets[-1].shape != targets[0].shape:
            shapes = [f"{x.shape} and {y.shape}" for x, y in ((inputs[k], targets[k]) for k in (-1, 0))]
            raise DataError(
                f"{name}: input and target of example {number} of the {part} part have the shapes "
                f"{shapes[0]}, those of the first {shapes[1]}; transform all to the same"
            )
    if not inputs:
        raise DataError(f"{name}: the {part} part is empty")
    return np.stack(inputs), np.stack(targets), tensors


def _to_array(value: Any) -> NDArray[Any]:
    """A tensor, an image of Pillow, a number, a text or an array as an array."""
    import torch

    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        return np.asarray(value.float() if value.dtype == torch.bfloat16 else value)
    return np.asarray(value)

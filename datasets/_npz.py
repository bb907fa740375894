"""Reads data to train on from a NumPy archive."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from egraph.datasets._assembling import PARTS, Reading, assemble
from egraph.datasets._image_data import ImageData
from egraph.errors import DataError

__all__ = ["read_npz"]

ROLES = {
    **dict.fromkeys(("x", "images", "image", "data", "inputs", "features", "signals"), "x"),
    **dict.fromkeys(("y", "labels", "label", "targets", "target", "classes"), "y"),
}
"""Inputs and targets, by the words for them in names."""

EXPECTED = (
    "expected x_train, y_train, x_val, y_val, x_test, y_test, or others such as train_images, or X and y"
)


def read_npz(path: Path, kind: str | None = None, **options: Any) -> ImageData:
    """Reads the arrays of an ``.npz`` file by their names.

    Args:
        path: The file.
        kind: Kind of the inputs; None is the text ``kind`` in the file, where it has one.
        options: Further fields of `Reading`.

    Raises:
        DataError: The file is absent, damaged, or its arrays do not fit.
    """
    parts: dict[str, tuple[Any, Any]] = {}
    try:
        # opened here, because np.load leaves a damaged file open
        with path.open("rb") as handle, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of headers that Python 2 wrote
            file = np.load(handle, allow_pickle=False)
            if isinstance(file, np.ndarray):
                raise DataError(f"{path} is one array, not an .npz file of several; {EXPECTED}")
            for part, (x, y) in _find_arrays(path, file.files).items():
                parts[part] = file[x], file[y]
            if kind is None and "kind" in file.files:
                kind = str(file["kind"])
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001 - damaged archives raise any, MemoryError for sizes in a header
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        hint = "; store texts with .astype(str)" if "pickle" in reason else ""
        raise DataError(f"{path} is not a readable .npz file: {reason}{hint}") from None
    return assemble(parts, Reading(path.stem, str(path), kind=kind, **options))


def _find_arrays(path: Path, names: list[str]) -> dict[str, tuple[str, str]]:
    """The names of inputs and targets by part; ``all`` for those that name none."""
    found: dict[tuple[str, str], str] = {}
    for name in names:
        if (place := _read_name(name)) is None:
            continue
        if place in found:
            raise DataError(f"{path}: {found[place]} and {name} are for the same part; leave one of them out")
        found[place] = name
    parts = [part for part in ("all", "train", "validation", "test") if (part, "x") in found]
    has = f"it has {', '.join(names) or 'nothing'}"
    if not parts:
        raise DataError(f"{path} has no inputs; {EXPECTED}; {has}")
    for part in parts:
        if (part, "y") not in found:
            x = found[part, "x"]
            missing = {"all": "y"}.get(part, f"y_{part[:3] if part == 'validation' else part}")
            raise DataError(f"{path} has no labels {missing} for {x}; {EXPECTED}; {has}")
    if "all" in parts and len(parts) > 1:
        raise DataError(
            f"{path} has {found['all', 'x']} beside {found[parts[1], 'x']}; leave one of them out"
        )
    if parts != ["all"] and ("train" not in parts or len(parts) < 2):
        lacking = "a training part" if "train" not in parts else "a test part"
        raise DataError(f"{path} has no arrays for {lacking}; {EXPECTED}; {has}")
    return {part: (found[part, "x"], found[part, "y"]) for part in parts}


def _read_name(name: str) -> tuple[str, str] | None:
    """Part and role, such as ``("train", "x")`` for ``x_train``, ``trainX`` or ``train_images``."""
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()
    spaced = re.sub(r"\b([xy])(train|val|valid|validation|test)\b", r"\1 \2", spaced.replace("_", " "))
    words = re.findall(r"[^\W_]+", spaced)
    parts = {PARTS[word] for word in words if word in PARTS}
    roles = {ROLES[word] for word in words if word in ROLES}
    known = all(word in PARTS or word in ROLES for word in words)
    if not known or len(roles) != 1 or len(words) > 2 or len(parts) > 1:
        return None
    return (next(iter(parts), "all"), next(iter(roles)))

"""Reads features and a target from tables of columns: CSV and Parquet."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph.datasets._assembling import PARTS, Reading, assemble
from egraph.datasets._catalogue import is_table
from egraph.datasets._image_data import ImageData
from egraph.datasets._sheet import CSV, Sheet, read_sheet
from egraph.errors import DataError, UnknownNameError, shorten
from egraph.spaces.notations import find_fields

if TYPE_CHECKING:
    import pandas

__all__ = ["is_feature_table", "read_feature_table"]

CATEGORIES = 20
"""Largest number of different texts in a column of features."""


def is_feature_table(path: Path) -> bool:
    """Whether a path is a CSV file, a Parquet file without architectures, or a folder of these by part."""
    if os.path.isdir(path):
        return any(name == "train" for name in _list_parts(path))
    if path.suffix.lower() == ".parquet":
        return os.path.isfile(path) and not is_table(path)
    return path.name.lower().endswith(CSV)


def read_feature_table(path: Path, label: object = None, target: str | None = None) -> ImageData:
    """Reads a table with one example a row, a header, and the target in one of the columns.

    Numbers and truth values are features as they are; a column of few different texts becomes one column of 0
    and 1 for each text. A first column without a name that counts the rows is left out.

    Args:
        path: A CSV or Parquet file, which is divided; or a folder of ``train``, ``val`` and ``test`` files.
        label: Name of the column with the target; None is the last.
        target: As in `Reading`.

    Raises:
        DataError: The file is absent or damaged, has no header, or a column cannot be read; the text names
            column and line.
        UnknownNameError: There is no column ``label``.
    """
    import pandas

    files = _list_parts(path) if os.path.isdir(path) else {"all": path}
    sheets = {part: _read(file) for part, file in files.items()}
    frames = {part: sheet.frame for part, sheet in sheets.items()}
    first = next(iter(sheets.values()))
    for sheet in sheets.values():
        if list(sheet.frame.columns) != list(first.frame.columns):
            raise DataError(f"{sheet.path} has other columns than {first.path}")
    notes = list(first.notes)
    columns = list(first.frame.columns)
    if "architecture" in columns or find_fields(columns):
        raise DataError(
            f"{path} has measured architectures, no features: make a table of it with `egraph data import`, "
            "or fit a ranker with `egraph train`"
        )
    wanted = columns[-1] if label is None else str(label)
    if wanted not in columns:
        raise UnknownNameError("column", wanted, map(str, columns), str(path))
    if len(columns) < 2:
        raise DataError(f"{path} has only the column {wanted!r}; expected features beside the target")
    for sheet in sheets.values():
        _check_whole(sheet)
    whole = pandas.concat(frames.values(), ignore_index=True)
    place = _Places(list(sheets.values()))
    y = _read_label(place, whole[wanted])
    x = _read_features(place, whole.drop(columns=wanted), notes)
    ends = np.cumsum([len(frame) for frame in frames.values()])[:-1]
    parts = dict(zip(frames, zip(np.split(x, ends), np.split(y, ends), strict=True), strict=True))
    notes.insert(0, f"the target is the column {wanted!r}")
    name = path.name.partition(".")[0] if path.is_file() else path.resolve().name
    return assemble(parts, Reading(name, str(path), kind="features", target=target, notes=notes))


@dataclass(frozen=True)
class _Places:
    """The places of the rows of several files, one after another."""

    sheets: list[Sheet]

    def __call__(self, row: int) -> str:
        for sheet in self.sheets[:-1]:
            if row < len(sheet.frame):
                return sheet.place(row)
            row -= len(sheet.frame)
        return self.sheets[-1].place(row)


def _list_parts(folder: Path) -> dict[str, Path]:
    """The files of a folder that are named as parts, training first."""
    found = {
        PARTS[file.name.partition(".")[0].lower()]: file
        for file in sorted(folder.iterdir())
        if file.is_file()
        and file.name.partition(".")[0].lower() in PARTS
        and file.name.lower().endswith((*CSV, ".parquet"))
    }
    return {part: found[part] for part in ("train", "validation", "test") if part in found}


def _read(path: Path) -> Sheet:
    sheet = read_sheet(path)
    odd = next((name for name in sheet.frame.columns if _is_number(name)), None)
    if odd is not None:
        raise DataError(f"{path} needs a header with a name for each column; it begins with {odd!r}")
    return sheet


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _check_whole(sheet: Sheet) -> None:
    """Refuses missing values.

    Raises:
        DataError: A value is missing; the text names column and line.
    """
    missing = sheet.frame.isna().to_numpy()
    if missing.any():
        column = int(missing.any(axis=0).argmax())
        row = int(missing[:, column].argmax())
        raise DataError(
            f"{sheet.place(row)}: the column {sheet.frame.columns[column]!r} has no value; "
            f"{int(missing.sum())} are missing in all: fill them in, or leave out the rows"
        )


def _read_label(place: _Places, column: pandas.Series[Any]) -> NDArray[Any]:
    import pandas

    if pandas.api.types.is_numeric_dtype(column):
        return column.to_numpy()
    _check_texts(place, column)
    return column.to_numpy().astype(str)


def _read_features(place: _Places, frame: pandas.DataFrame, notes: list[str]) -> NDArray[np.float64]:
    """Features ``(rows, features)``."""
    import pandas

    columns: list[NDArray[Any]] = []
    texts = 0
    for name in frame.columns:
        column = frame[name]
        if pandas.api.types.is_numeric_dtype(column):
            columns.append(column.to_numpy().astype(np.float64)[:, np.newaxis])
            if not np.isfinite(columns[-1]).all():
                row = int((~np.isfinite(columns[-1])).argmax())
                raise DataError(f"{place(row)}: the column {name!r} has {column.iloc[row]}")
            continue
        _check_texts(place, column)
        values = column.to_numpy().astype(str)
        known = np.unique(values)
        if len(known) > CATEGORIES:
            raise DataError(
                f"{place.sheets[0].path}: the column {name!r} has {len(known)} different texts, such as "
                f"{shorten(str(known[0]))}; leave it out or make numbers of it (up to {CATEGORIES} texts "
                "become columns of 0 and 1). Measured architectures are read by `egraph data import`"
            )
        texts += 1
        columns.append((values[:, np.newaxis] == known).astype(np.float64))
    if texts:
        made = sum(part.shape[1] for part in columns) - (len(frame.columns) - texts)
        notes.append(f"{texts} of {len(frame.columns)} columns are texts, now {made} columns of 0 and 1")
    return np.concatenate(columns, axis=1)


def _check_texts(place: _Places, column: pandas.Series[Any]) -> None:
    """Refuses what is neither numbers nor texts, and numbers with a few texts among them.

    Raises:
        DataError: The text names column and row.
    """
    import pandas

    kind = pandas.api.types.infer_dtype(column)
    if kind not in ("string", "categorical", "mixed-integer", "mixed"):
        raise DataError(
            f"{place.sheets[0].path}: the column {column.name!r} holds {kind}; make numbers or texts of it"
        )
    for row, value in enumerate(column):
        if isinstance(value, list | dict | np.ndarray):
            raise DataError(
                f"{place(row)}: the column {column.name!r} has {shorten(value, 40)}; make numbers or "
                "texts of it"
            )
    numbers = pandas.to_numeric(column.astype(str), errors="coerce").notna().to_numpy()
    if not numbers.all() and 2 * numbers.sum() > len(numbers):
        row = int((~numbers).argmax())
        raise DataError(
            f"{place(row)}: the column {column.name!r} has {shorten(str(column.iloc[row]))}, where most are "
            "numbers; mend the value, or leave out the row"
        )

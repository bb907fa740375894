"""Reads features and a target from tables of columns: CSV and Parquet."""

from __future__ import annotations

import csv
import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph.datasets._assembling import PARTS, Reading, assemble
from egraph.datasets._catalogue import is_table
from egraph.datasets._image_data import ImageData
from egraph.datasets._parquet import one_line, open_arrow
from egraph.errors import DataError, UnknownNameError, shorten

if TYPE_CHECKING:
    import pandas

__all__ = ["is_feature_table", "read_feature_table"]

CSV = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
"""Endings of the names of CSV files."""

CATEGORIES = 20
"""Largest number of different texts in a column of features."""


def is_feature_table(path: Path) -> bool:
    """Whether a path is a CSV file, a Parquet file without architectures, or a folder of these by part."""
    if path.is_dir():
        return any(name == "train" for name in _list_parts(path))
    if path.suffix.lower() == ".parquet":
        return path.is_file() and not is_table(path)
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
            column and row. Rows count from 1 below the header.
        UnknownNameError: There is no column ``label``.
    """
    import pandas

    files = _list_parts(path) if path.is_dir() else {"all": path}
    frames = {part: _read(file) for part, file in files.items()}
    first = next(iter(frames.values()))
    for part, frame in frames.items():
        if list(frame.columns) != list(first.columns):
            raise DataError(f"{files[part]} has other columns than {next(iter(files.values()))}")
    notes: list[str] = []
    if str(first.columns[0]).startswith("Unnamed: ") and _counts_rows(first[first.columns[0]]):
        frames = {part: frame.iloc[:, 1:] for part, frame in frames.items()}
        notes.append("the first column, which counts the rows, left out")
    columns = list(next(iter(frames.values())).columns)
    wanted = columns[-1] if label is None else str(label)
    if wanted not in columns:
        raise UnknownNameError("column", wanted, map(str, columns), str(path))
    if len(columns) < 2:
        raise DataError(f"{path} has only the column {wanted!r}; expected features beside the target")
    for part, frame in frames.items():
        _check_whole(files[part], frame)
    whole = pandas.concat(frames.values(), ignore_index=True)
    place = path if path.is_dir() else files["all"]
    y = _read_label(place, whole[wanted])
    x = _read_features(place, whole.drop(columns=wanted), notes)
    ends = np.cumsum([len(frame) for frame in frames.values()])[:-1]
    parts = dict(zip(frames, zip(np.split(x, ends), np.split(y, ends), strict=True), strict=True))
    notes.insert(0, f"the target is the column {wanted!r}")
    name = path.name.partition(".")[0] if path.is_file() else path.resolve().name
    return assemble(parts, Reading(name, str(path), kind="features", target=target, notes=notes))


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


def _read(path: Path) -> pandas.DataFrame:
    import pandas

    if path.suffix.lower() == ".parquet":
        frame = open_arrow(path).to_pandas()
    else:
        try:
            delimiter = _find_delimiter(path)
            frame = pandas.read_csv(path, sep=delimiter, encoding="utf-8-sig", skipinitialspace=True)
        except FileNotFoundError:
            raise DataError(f"{path} does not exist") from None
        except (
            ValueError,
            OSError,
            EOFError,
            csv.Error,
            zlib.error,
        ) as error:  # pandas' own errors are ValueErrors
            raise DataError(f"{path} is not a CSV file: {one_line(error)}") from None
    frame.columns = [str(name) for name in frame.columns]
    if len(frame) == 0 or len(frame.columns) == 0:
        raise DataError(f"{path} has no rows below its header")
    odd = next((name for name in frame.columns if _is_number(name)), None)
    if odd is not None:
        raise DataError(f"{path} needs a header with a name for each column; it begins with {odd!r}")
    if not frame.columns.is_unique:
        double = frame.columns[frame.columns.duplicated()][0]
        raise DataError(f"{path} has two columns {double!r}; rename one of them")
    return frame


def _find_delimiter(path: Path) -> str:
    """The delimiter that is most frequent in the header.

    Raises:
        DataError: The first row has more values than the header has names, which pandas reads as an index.
    """
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        header = file.readline(1_000_000)
        delimiter = max(",;\t", key=header.count)
        file.seek(0)
        lines = csv.reader(file, delimiter=delimiter)
        names, values = next(lines, []), next(lines, [])
    if len(values) > len(names):
        raise DataError(
            f"{path} needs a header with a name for each column; it has {len(names)} names, but "
            f"{len(values)} values in row 1"
        )
    return delimiter


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _counts_rows(column: pandas.Series[Any]) -> bool:
    values = column.to_numpy()
    return values.dtype.kind in "iu" and bool((np.diff(values) == 1).all())


def _check_whole(path: Path, frame: pandas.DataFrame) -> None:
    """Refuses missing values.

    Raises:
        DataError: A value is missing; the text names column and row.
    """
    missing = frame.isna().to_numpy()
    if missing.any():
        column = int(missing.any(axis=0).argmax())
        row = int(missing[:, column].argmax()) + 1
        raise DataError(
            f"{path}: the column {frame.columns[column]!r} has no value in row {row}; {int(missing.sum())} "
            "are missing in all: fill them in, or leave out the rows"
        )


def _read_label(path: Path, column: pandas.Series[Any]) -> NDArray[Any]:
    import pandas

    if pandas.api.types.is_numeric_dtype(column):
        return column.to_numpy()
    _check_texts(path, column)
    return column.to_numpy().astype(str)


def _read_features(path: Path, frame: pandas.DataFrame, notes: list[str]) -> NDArray[np.float64]:
    """Features ``(rows, features)``."""
    import pandas

    columns: list[NDArray[Any]] = []
    texts = 0
    for name in frame.columns:
        column = frame[name]
        if pandas.api.types.is_numeric_dtype(column):
            columns.append(column.to_numpy().astype(np.float64)[:, np.newaxis])
            if not np.isfinite(columns[-1]).all():
                row = int((~np.isfinite(columns[-1])).argmax()) + 1
                raise DataError(f"{path}: the column {name!r} has {column.iloc[row - 1]} in row {row}")
            continue
        _check_texts(path, column)
        values = column.to_numpy().astype(str)
        known = np.unique(values)
        if len(known) > CATEGORIES:
            raise DataError(
                f"{path}: the column {name!r} has {len(known)} different texts, such as "
                f"{shorten(str(known[0]))}; leave it out or make numbers of it (up to {CATEGORIES} texts "
                "become columns of 0 and 1). Measured architectures are read by `egraph data import`"
            )
        texts += 1
        columns.append((values[:, np.newaxis] == known).astype(np.float64))
    if texts:
        made = sum(part.shape[1] for part in columns) - (len(frame.columns) - texts)
        notes.append(f"{texts} of {len(frame.columns)} columns are texts, now {made} columns of 0 and 1")
    return np.concatenate(columns, axis=1)


def _check_texts(path: Path, column: pandas.Series[Any]) -> None:
    """Refuses what is neither numbers nor texts, and numbers with a few texts among them.

    Raises:
        DataError: The text names column and row.
    """
    import pandas

    kind = pandas.api.types.infer_dtype(column)
    if kind not in ("string", "categorical", "mixed-integer", "mixed"):
        raise DataError(f"{path}: the column {column.name!r} holds {kind}; make numbers or texts of it")
    numbers = pandas.to_numeric(column.astype(str), errors="coerce").notna().to_numpy()
    if not numbers.all() and 2 * numbers.sum() > len(numbers):
        row = int((~numbers).argmax())
        raise DataError(
            f"{path}: the column {column.name!r} has {shorten(str(column.iloc[row]))} in row {row + 1}, "
            "where most are numbers; mend the value, or leave out the row"
        )

"""The reader of files of rows and columns: CSV of any usual kind, JSON lines, and Parquet."""

from __future__ import annotations

import csv
import datetime
import decimal
import gzip
import json
import os
import re
import zlib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph.datasets._parquet import one_line, open_arrow
from egraph.datasets._records import read_records
from egraph.errors import DataError, shorten
from egraph.files import is_special

if TYPE_CHECKING:
    import pandas

__all__ = ["CSV", "INDEX_NOTE", "PARQUET", "Sheet", "is_missing", "is_sheet", "read_sheet", "stem_of"]

CSV = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
"""Endings of the names of CSV files, in small letters."""

JSON = (".jsonl", ".ndjson", ".json", ".jsonl.gz", ".ndjson.gz", ".json.gz")
PARQUET = (".parquet", ".pq")
ENDINGS = (*CSV, *JSON, *PARQUET)
"""Endings of the names of all files of rows and columns."""

INDEX_NOTE = "the first column, which counts the rows, left out"

_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*|\s*[+-]?(inf|infinity)\s*", re.IGNORECASE)


def is_sheet(path: Path) -> bool:
    """Whether a file is of one of these kinds, as told by its name."""
    return path.name.lower().endswith(ENDINGS)


def stem_of(path: Path) -> str:
    """The name of a file without its ending, that of compression included."""
    return Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem


@dataclass(eq=False)
class Sheet:
    """Rows and columns of a file.

    Attributes:
        path: The file.
        frame: Its columns as pandas reads them; each cell of a JSON or nested column is a Python value.
        texts: Whether a cell that is a text may be a number all the same, as in CSV.
        lines: Line of each row, for JSON lines.
        notes: What was left out, for the line that tells what was read.
        name: Name of the file in texts; empty for its path.
    """

    path: Path
    frame: pandas.DataFrame
    texts: bool = False
    lines: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    name: str = ""

    @property
    def unit(self) -> str:
        """The word for the numbers of `place`."""
        return "line" if self.lines or self.texts else "row"

    def place(self, row: int) -> str:
        """File and line of a row as an editor shows them; in Parquet, rows count from 1."""
        number = _find_lines(self.path, row)[-1] if self.texts else self.line_numbers()[row]
        return f"{self.name or self.path}, {self.unit} {number}"

    def line_numbers(self) -> list[int]:
        """The line of each row, ``(rows,)``."""
        if self.lines:
            return self.lines
        return _find_lines(self.path) if self.texts else list(range(1, len(self.frame) + 1))

    def cells(self, column: str) -> list[Any]:
        """The values of a column as Python values, None where missing."""
        return [None if is_missing(cell) else _plain(cell) for cell in self.frame[column].tolist()]

    def records(self) -> list[dict[str, Any]]:
        """Each row as a dictionary of its cells that are not missing."""
        columns = {str(name): self.cells(str(name)) for name in self.frame.columns}
        return [
            {name: cells[row] for name, cells in columns.items() if cells[row] is not None}
            for row in range(len(self.frame))
        ]

    def numbers(self, column: str, parse: bool = False) -> tuple[NDArray[Any], int | None, int]:
        """A column as numbers, NaN where missing or no number.

        Args:
            column: Name of the column.
            parse: Whether texts that are numbers count as such in a file that has numbers of its own.

        Returns:
            The numbers, ``(rows,)``; the first row with something else, or None; and the count of numbers.
        """
        values = self.frame[column].to_numpy()
        if values.dtype.kind in "iuf":
            return values, None, int((~np.isnan(values.astype(np.float64))).sum())
        found = np.full(len(values), np.nan)
        wrong, count = None, 0
        for row, cell in enumerate(values.tolist()):
            if is_missing(cell):
                continue
            number = _read_number(cell, self.texts or parse)
            if number is None:
                wrong = row if wrong is None else wrong
            else:
                found[row], count = number, count + 1
        return found, wrong, count

    def other(self, column: str) -> NDArray[Any]:
        """A column as it is: numbers, or texts and truth values as objects, None where missing."""
        values = self.frame[column].to_numpy()
        if values.dtype.kind in "iuf":
            return values
        kept = np.empty(len(values), dtype=object)
        kept[:] = [_to_scalar(cell) for cell in self.cells(column)]
        return kept


def read_sheet(path: Path, texts: Collection[str] = (), na: Collection[str] = ()) -> Sheet:
    """Reads a file.

    The delimiter of a CSV file, ``,``, ``;`` or a tab, is that of its header. Files may be compressed by gzip
    and begin with a byte order mark. A first column without a name that numbers the rows, as pandas writes
    it, is left out.

    Args:
        path: The file, whose name ends in one of `ENDINGS`.
        texts: Columns that stay texts, because a notation of digits must keep its leading zeros.
        na: Cells that mean a missing value, beside empty ones and the usual ``nan``, ``NA``, ``null``.

    Raises:
        DataError: The file is absent or damaged, or has no header or no rows.
    """
    if not os.path.isfile(path):
        raise DataError(f"{path} is no plain file" if is_special(path) else f"{path} does not exist")
    name = path.name.lower()
    if name.endswith(PARQUET):
        sheet = _read_parquet(path, na)
    elif name.endswith(CSV):
        sheet = _read_csv(path, texts, na)
    else:
        sheet = _read_json(path, na)
    frame = sheet.frame
    frame.columns = [str(column).strip() for column in frame.columns]
    if len(frame) == 0 or len(frame.columns) == 0:
        raise DataError(f"{path} has no rows below its header")
    _refuse_twice(path, list(frame.columns))
    first, last = str(frame.columns[0]), str(frame.columns[-1])
    if len(frame.columns) == 1:
        pass
    elif first.startswith("Unnamed: ") and _numbers_rows(frame[first]):
        sheet.frame = frame.iloc[:, 1:]
        sheet.notes.append(INDEX_NOTE)
    elif last.startswith("__index_level_"):  # pandas' name of the index in Parquet
        sheet.frame = frame.iloc[:, :-1]
        sheet.notes.append("the last column, the index of pandas, left out")
    return sheet


def _refuse_twice(path: Path, names: list[str]) -> None:
    """Refuses columns of one name.

    Raises:
        DataError: There are such columns.
    """
    for name, count in Counter(names).items():
        if name and count > 1:
            raise DataError(f"{path} has two columns {name!r}; rename one of them")


def is_missing(cell: object) -> bool:
    """Whether a cell holds nothing: None, NaN, or pandas' own marks."""
    import pandas

    return (
        cell is None or cell is pandas.NA or cell is pandas.NaT or (isinstance(cell, float) and cell != cell)
    )


def _read_csv(path: Path, texts: Collection[str], na: Collection[str]) -> Sheet:
    import pandas

    try:
        delimiter, names = _read_header(path)
        _refuse_twice(path, [name.strip() for name in names])  # pandas would give one of them another name
        with _open(path) as file:
            frame = pandas.read_csv(
                file,
                sep=delimiter,
                dtype={name: object for name in names if name.strip() in texts},
                na_values=list(na),
                skipinitialspace=True,
                low_memory=False,
            )
    except UnicodeDecodeError:
        raise _refuse_bytes(path) from None
    except (ValueError, OSError, EOFError, csv.Error, zlib.error) as error:  # pandas' own are ValueErrors
        raise DataError(f"{path} is not a CSV file: {one_line(error)}") from None
    return Sheet(path, frame, texts=True)


def _open(path: Path) -> IO[str]:
    """A text file, compressed or not, in UTF-8 or what its byte order mark tells."""
    packed = path.suffix.lower() == ".gz"
    with gzip.open(path) if packed else path.open("rb") as raw:
        start = raw.read(3)
    encoding = next((name for mark, name in _BOMS if start.startswith(mark)), "utf-8")
    if packed:
        return gzip.open(path, "rt", encoding=encoding, newline="")
    return path.open(encoding=encoding, newline="")


def _refuse_bytes(path: Path) -> DataError:
    """The error of a file that is not UTF-8."""
    with path.open("rb") as file:
        if file.read(4) == b"PAR1":
            return DataError(f"{path} is a Parquet file; give it a name that ends in .parquet")
    return DataError(f"{path} is not in UTF-8; save it in that encoding, as CSV UTF-8 where the program asks")


def _read_header(path: Path) -> tuple[str, list[str]]:
    """The delimiter that is most frequent in the header, and the names in it.

    Raises:
        DataError: The first row has more values than the header has names, which pandas reads as an index.
    """
    with _open(path) as file:
        header = file.readline(1_000_000)
        delimiter = max(",;\t", key=header.count)
        file.seek(0)
        lines = csv.reader(file, delimiter=delimiter, skipinitialspace=True)
        names, values = next(lines, []), next(lines, [])
    if not names:
        raise DataError(f"{path} is empty, or begins with an empty line")
    if len(values) > len(names):
        raise DataError(
            f"{path} needs a header with a name for each column; it has {len(names)} names, but "
            f"{len(values)} values in row 1"
        )
    return delimiter, names


def _find_lines(path: Path, last: int | None = None) -> list[int]:
    """The lines on which the rows of a CSV file begin; cells in quotes may have several lines."""
    delimiter, _ = _read_header(path)
    begin, found = 1, []  # the first is that of the header
    with _open(path) as file:
        lines = csv.reader(file, delimiter=delimiter, skipinitialspace=True)
        for cells in lines:
            if any(cell.strip() for cell in cells):
                found.append(begin)
                if last is not None and len(found) > last + 1:
                    break
            begin = lines.line_num + 1
    return found[1:]


def _read_json(path: Path, na: Collection[str]) -> Sheet:
    import pandas

    try:
        with _open(path) as file:
            text = file.read()
    except UnicodeDecodeError:
        raise _refuse_bytes(path) from None
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is not a file of JSON lines: {one_line(error)}") from None
    records, numbers = read_records(path, text)
    columns = {}
    for name in dict.fromkeys(name for record in records for name in record):
        columns[name] = _to_series([record.get(name) for record in records], na)
    return Sheet(path, pandas.DataFrame(columns), lines=numbers)


def _read_parquet(path: Path, na: Collection[str]) -> Sheet:
    import pandas
    import pyarrow.types as kinds

    content = open_arrow(path)
    columns = []
    for column in content.columns:
        if kinds.is_decimal(column.type):
            columns.append(_to_series([v if v is None else float(v) for v in column.to_pylist()], na))
        elif (
            kinds.is_nested(column.type) or kinds.is_string(column.type) or kinds.is_large_string(column.type)
        ):
            columns.append(_to_series(column.to_pylist(), na))
        else:
            columns.append(column.to_pandas())
    frame = pandas.concat(columns, axis=1) if columns else pandas.DataFrame()
    frame.columns = pandas.Index(content.column_names)
    return Sheet(path, frame)


def _to_series(values: list[Any], na: Collection[str]) -> pandas.Series[Any]:
    """Numbers as such, whatever their size; other values as objects."""
    import pandas

    values = [None if isinstance(value, str) and value in na else value for value in values]
    if any(value is not None and type(value) not in (int, float) for value in values):
        return pandas.Series(values, dtype=object)
    if all(type(value) is int and -(2**63) <= value < 2**63 for value in values):
        return pandas.Series(values, dtype=np.int64)
    return pandas.Series([np.nan if v is None else _to_float(v) for v in values], dtype=np.float64)


def _to_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number beyond the largest float
        return np.inf if value > 0 else -np.inf


def _numbers_rows(column: pandas.Series[Any]) -> bool:
    return column.dtype.kind in "iu" and bool(column.is_unique)


def _read_number(cell: object, parse: bool) -> float | None:
    """The number in a cell; None for anything else, truth values included."""
    if isinstance(cell, str):
        return float(cell) if parse and _NUMBER.fullmatch(cell) else None
    if isinstance(cell, int | float | decimal.Decimal) and not isinstance(cell, bool):
        return _to_float(cell)  # type: ignore[arg-type]
    return None


def _plain(cell: Any) -> Any:
    """NumPy's and pandas' values as Python's; texts without blanks around."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, np.generic | np.ndarray):
        return cell.tolist()
    return cell


def _to_scalar(cell: Any) -> Any:
    """A value that a column of a table can hold; lists and objects as JSON, dates as texts."""
    if cell is None or isinstance(cell, str | bool | int | float):
        return cell
    if isinstance(cell, datetime.date | datetime.time | datetime.timedelta):
        return str(cell)
    try:
        return json.dumps(cell)
    except (TypeError, ValueError, RecursionError):
        return shorten(cell)

"""Reads architectures from the command line, a file or standard input."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from egraph import spaces
from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, DataError, UnknownNameError, UsageError
from egraph.spaces import SearchSpace
from egraph.spaces.notations import find_fields, gather_fields, is_open

__all__ = ["Row", "read_architecture", "read_architectures", "read_rows", "read_text"]

_TABLES = (b"SQLite format 3", b"PAR1")
"""Starts of the files of journals and tables."""

_LONGEST_CALL = 100
"""Largest number of lines over which a call such as ``Genotype(...)`` extends."""


@dataclass
class Row:
    """One entry of a file.

    Attributes:
        line: Its line, or its row in a file that has no lines.
        place: File and line for error texts.
        architecture: The architecture; None where it cannot be read.
        error: Why it cannot.
        others: The other columns or fields, by name.
    """

    line: int
    place: str
    architecture: Architecture | None = None
    error: str = ""
    others: dict[str, Any] = field(default_factory=dict)


def read_rows(source: str, space: SearchSpace | None, column: str = "architecture") -> list[Row]:
    """Reads all entries of a file, those that are no architecture included.

    Args:
        source: A path, or ``-`` for standard input. A text has one architecture a line, or is CSV with a
            header. Of a table of egraph, or the journal of a study, each network is read once.
        space: Search space whose notation is accepted; architectures of other spaces are errors. None accepts
            JSON and the notations that name their space.
        column: Column with the architectures of a CSV or Parquet file, or field of JSON lines.

    Raises:
        DataError: The file is absent, no text file and no table.
        UnknownNameError: The file has columns, but not this one.
        UsageError: The file contains nothing, or the table is of another space.
    """
    if (measured := _read_table(source, space)) is not None:
        return measured
    where = "standard input" if source == "-" else source
    packed = source != "-" and _is_packed(Path(source))
    text = "" if packed else read_text(source)
    if packed or _has_header(source, text, space, column):
        with _as_file(source, text) as path:
            return _read_sheet(path, where, space, column)
    rows = []
    for number, line in _join(text.splitlines()):
        row = Row(number, f"line {number} of {where}")
        try:
            row.architecture, row.others = _read_line(line, space, column)
        except ArchitectureError as error:
            row.error = str(error)
        rows.append(row)
    if not rows:
        raise UsageError(
            f"{where} contains no architecture; it needs one a line, as JSON or in a space's notation"
        )
    return rows


def read_architectures(source: str, space: SearchSpace | None) -> list[Architecture]:
    """The architectures of `read_rows`, all of which must be readable.

    Raises:
        ArchitectureError: A line is not an architecture; the text gives its number.
    """
    found = []
    for row in read_rows(source, space):
        if row.architecture is None:
            raise ArchitectureError(f"{row.place}: {row.error}")
        found.append(row.architecture)
    return found


def read_architecture(text: str, space: SearchSpace | None) -> Architecture:
    """Reads one architecture in any notation; of a JSON object with the field ``architecture``, that field.

    Raises:
        ArchitectureError: The text is not an architecture, or not one of the space.
    """
    return _read_line(text, space, "architecture")[0]


def read_text(source: str) -> str:
    """The content of a text file, or of standard input where ``source`` is ``-``.

    Raises:
        DataError: The file cannot be read, or is not a text file.
    """
    try:
        if source == "-" and sys.stdin is None:
            raise DataError("standard input is closed; give a file, or send architectures to it")
        content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot read {source}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        name = "standard input" if source == "-" else source
        raise DataError(f"{name} is not a text file in UTF-8; one architecture a line was expected") from None


def _read_line(text: str, space: SearchSpace | None, column: str) -> tuple[Architecture, dict[str, Any]]:
    """The architecture of a line, and the other fields of a JSON object around it."""
    content: Any = text
    if text.startswith(("{", '"')):
        with contextlib.suppress(ValueError, RecursionError):  # a dictionary of Python is no JSON
            content = json.loads(text)
    others: dict[str, Any] = {}
    if isinstance(content, dict) and column in content:
        others = {name: value for name, value in content.items() if name != column}
        content = content[column]
    elif isinstance(content, dict):
        content = text  # a space's own notation may be JSON
    return spaces.read_architecture(content, space), others


def _read_table(source: str, space: SearchSpace | None) -> list[Row] | None:
    """The networks of a table or journal, each once; None for a file of another kind."""
    from egraph import datasets
    from egraph.datasets._catalogue import is_table

    path = Path(source)
    if source == "-" or not os.path.isfile(path):
        return None
    with path.open("rb") as file:
        start = file.read(max(map(len, _TABLES)))
    if not start.startswith(_TABLES) or (start.startswith(b"PAR1") and not is_table(path)):
        return None
    table = datasets.load(path)
    if space is not None and table.space != space:
        raise UsageError(f"{source} is of the space {table.space.name!r}, not of {space.name!r}")
    return [
        Row(number, f"row {number} of {source}", architecture)
        for number, architecture in enumerate(table.distinct().architectures, start=1)
    ]


def _is_packed(path: Path) -> bool:
    """Whether a file with columns is no plain text."""
    from egraph.datasets._sheet import PARQUET, is_sheet

    return os.path.isfile(path) and is_sheet(path) and path.name.lower().endswith((*PARQUET, ".gz"))


def _has_header(source: str, text: str, space: SearchSpace | None, column: str) -> bool:
    """Whether a text has columns: a list of objects, or CSV with a header.

    The first line of CSV has the column, or the name of the file says so.
    """
    if _is_list(text):
        return True
    first = next((line for line in text.splitlines() if line.strip()), "")
    if first.lstrip().startswith("{"):
        return False
    delimiter = max(",;\t", key=first.count)
    names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
    if column in names or find_fields(names):
        return True
    if not source.lower().endswith((".csv", ".tsv")):
        return False
    try:
        _read_line(first.strip(), space, column)
    except ArchitectureError:
        return True
    return False  # one architecture a line, whatever the name of the file


def _is_list(text: str) -> bool:
    """Whether a text is one list of objects in JSON."""
    if not text.lstrip().startswith("["):
        return False
    with contextlib.suppress(ValueError, RecursionError):
        records = json.loads(text)
        return bool(records) and all(isinstance(record, dict) for record in records)
    return False


@contextlib.contextmanager
def _as_file(source: str, text: str) -> Iterator[Path]:
    """The file, with a name that tells its kind; standard input becomes a temporary one."""
    if source != "-" and source.lower().endswith((".csv", ".tsv", ".parquet", ".pq", ".gz", ".json")):
        yield Path(source)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("input.json" if _is_list(text) else "input.csv")
        path.write_text(text, encoding="utf-8")
        yield path


def _read_sheet(path: Path, where: str, space: SearchSpace | None, column: str) -> list[Row]:
    from egraph.datasets._sheet import read_sheet

    sheet = read_sheet(path, texts=[column])
    sheet.name = where
    names = [str(name) for name in sheet.frame.columns]
    fields = [column] if column in names else find_fields(names)
    if not fields:
        raise UnknownNameError("column", column, names, f"{where}, which --architecture names")
    rows = []
    for number, record in enumerate(sheet.records()):
        row = Row(number, "", others={name: record[name] for name in record if name not in fields})
        content = (
            record.get(column) if fields == [column] else gather_fields({n: record.get(n) for n in fields})
        )
        try:
            if content is None:
                raise ArchitectureError("expected an architecture, got an empty cell")
            row.architecture = spaces.read_architecture(content, space)
        except ArchitectureError as error:
            row.error = str(error)
        rows.append(row)
    lines = sheet.line_numbers()
    for row in rows:
        row.line = lines[row.line]
        row.place = f"{sheet.unit} {row.line} of {where}"
    return rows


def _join(lines: list[str]) -> Iterator[tuple[int, str]]:
    """The lines with their numbers; a call over several lines is one."""
    start = 0
    parts: list[str] = []
    for number, line in enumerate(lines, start=1):
        if not parts and not line.strip():
            continue
        start = start if parts else number
        parts.append(line.strip())
        if len(parts) < _LONGEST_CALL and number < len(lines) and is_open(" ".join(parts)):
            continue
        yield start, " ".join(parts)
        parts = []

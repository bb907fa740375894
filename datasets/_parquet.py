"""The Parquet schema of a table: a column ``architecture``, the other columns, and a header in JSON.

The file's metadata holds the header under the key ``egraph``: an object with ``schema`` (the version below),
``name``, ``space``, ``provenance`` and ``metrics``, which has the fields of `Metric` by column name.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph.errors import DataError, UsageError
from egraph.files import atomic_path

if TYPE_CHECKING:
    import pyarrow

__all__ = ["SCHEMA", "is_own", "one_line", "open_arrow", "read_header", "to_columns", "write"]

SCHEMA = 1
"""Version of the schema; increased when older code would misread new files."""

_KEY = b"egraph"


def write(
    path: str | os.PathLike[str],
    header: Mapping[str, Any],
    texts: Sequence[str],
    columns: Mapping[str, NDArray[Any]],
) -> None:
    """Writes a table, whole or not at all.

    Args:
        path: File to write.
        header: The metadata, without ``schema``.
        texts: The architecture of each row, ``(rows,)``.
        columns: The other columns by name, each ``(rows,)``.

    Raises:
        UsageError: A column holds values that Parquet cannot store.
        FailedError: The file cannot be written.
    """
    import pyarrow
    import pyarrow.parquet

    arrays = {"architecture": pyarrow.array(texts, pyarrow.string())}
    for name, values in columns.items():
        try:
            arrays[name] = pyarrow.array(values)
        except pyarrow.ArrowException as error:
            raise UsageError(f"the column {name!r} cannot be stored: {one_line(error)}") from None
    content = pyarrow.table(arrays).replace_schema_metadata(
        {_KEY: json.dumps({"schema": SCHEMA, **header}).encode()}
    )
    # pyarrow itself opens only files whose names are UTF-8.
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        pyarrow.parquet.write_table(content, file, compression="zstd", write_page_checksum=True)


def open_arrow(path: str | os.PathLike[str]) -> pyarrow.Table:
    """Reads any Parquet file.

    Raises:
        DataError: The file is absent, damaged, or not a Parquet file.
    """
    import pyarrow
    import pyarrow.parquet

    if not os.path.isfile(path):
        raise DataError(
            f"there is no table file {path}; give a Parquet file, the journal of a study, or a name that "
            "`egraph data list` shows"
        )
    try:
        # Threads of pyarrow that still hold parts of a Python file abort a process that ends just then.
        with (
            Path(path).open("rb") as opened,
            pyarrow.parquet.ParquetFile(opened, pre_buffer=False, page_checksum_verification=True) as file,
        ):
            content = file.read(use_threads=False)
            content.validate(full=True)  # texts that are not UTF-8, for one
            return content
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        size = Path(path).stat().st_size
        raise DataError(
            f"{path} ({size:,} bytes) is damaged or not a Parquet file: {one_line(error)}; get it again"
        ) from None


def is_own(content: pyarrow.Table) -> bool:
    """Whether a Parquet file was written by `write`."""
    return _KEY in (content.schema.metadata or {})


def read_header(schema: pyarrow.Schema, path: str | os.PathLike[str]) -> dict[str, Any]:
    """The header of a file that `write` wrote.

    Raises:
        DataError: There is no header, or it is damaged or has an unknown version.
    """
    if _KEY not in (schema.metadata or {}):
        raise DataError(
            f"{path} is a Parquet file, but not a table of egraph (its columns: "
            f"{', '.join(schema.names[:8])}); bring it in with `egraph data import`"
        )
    try:
        header: Any = json.loads(schema.metadata[_KEY])
        version = header["schema"]
    except (ValueError, TypeError, KeyError):
        raise DataError(f"{path} has a damaged header; import it again") from None
    if version != SCHEMA:
        raise DataError(
            f"{path} has schema {version}, this egraph reads schema {SCHEMA}; "
            "upgrade egraph, or import the table again"
        )
    for field, kind in (("name", str), ("space", str), ("provenance", dict), ("metrics", dict)):
        if not isinstance(header.get(field), kind):
            raise DataError(f"{path} has a damaged header: no {field}; import it again")
    return header


def to_columns(content: pyarrow.Table) -> dict[str, NDArray[Any]]:
    """The columns as NumPy arrays, texts as objects, missing numbers as NaN."""
    import pyarrow.types

    columns: dict[str, NDArray[Any]] = {}
    for name, column in zip(content.column_names, content.columns, strict=True):
        if pyarrow.types.is_integer(column.type) or pyarrow.types.is_floating(column.type):
            columns[name] = column.to_numpy()
        else:
            columns[name] = np.array(column.to_pylist(), dtype=object)
    return columns


def one_line(error: Exception) -> str:
    """The text of an error of another library, without line breaks; its type where it has no text."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__

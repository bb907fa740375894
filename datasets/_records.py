"""Records in JSON: one object a line, or a list of objects."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from egraph.datasets._parquet import one_line
from egraph.errors import DataError, shorten

__all__ = ["read_records"]

Record = dict[str, Any]


def read_records(path: Path, text: str) -> tuple[list[Record], list[int]]:
    """Reads the content of a file.

    Args:
        path: The file, for errors.
        text: Its content.

    Returns:
        The records, and the line of each; no lines where all are in one list.

    Raises:
        DataError: The text is no JSON, or holds something other than objects.
    """
    if text.lstrip().startswith("["):
        try:
            found = _parse(text)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path} is not JSON: {one_line(error)}") from None
        if not all(isinstance(record, dict) for record in found):
            raise DataError(f"{path} must have objects with one value a column, one a line or in a list")
        return found, []
    records: list[Record] = []
    numbers: list[int] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = _parse(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}, line {number} is not JSON: {one_line(error)}") from None
        if not isinstance(record, dict):
            raise DataError(f"{path}, line {number} must be an object with one value a column")
        records.append(record)
        numbers.append(number)
    return records, numbers


def _parse(text: str) -> Any:
    content = json.loads(text, object_pairs_hook=_to_object)
    if "\\ud" in text.lower():  # half a character has no place in a file
        json.dumps(content, ensure_ascii=False).encode()
    return content


def _to_object(pairs: list[tuple[str, Any]]) -> Record:
    """An object, whose fields must have names of their own."""
    record = dict(pairs)
    if len(record) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"the field {shorten(twice)} stands twice")
    return record

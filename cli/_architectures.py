"""Reads architectures from the command line, a file or standard input."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

from egraph import spaces
from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, DataError, UsageError
from egraph.spaces import SearchSpace

__all__ = ["read_architecture", "read_architectures", "read_text"]

_TABLES = (b"SQLite format 3", b"PAR1")
"""Starts of the files of journals and tables."""


def read_architectures(source: str, space: SearchSpace | None) -> list[Architecture]:
    """Reads one architecture a line from a file, or from standard input where ``source`` is ``-``.

    Of a table in Parquet, or the journal of a study, each network is read once.

    Args:
        source: A path or ``-``.
        space: Search space whose notation is accepted; architectures of other spaces are refused. None
            accepts JSON only.

    Raises:
        DataError: The file is absent, no text file and no table.
        UsageError: The file contains no architecture, or the table is of another space.
        ArchitectureError: A line is not an architecture; the text gives its number.
    """
    if (measured := _read_table(source, space)) is not None:
        return measured
    where = "standard input" if source == "-" else source
    found = []
    for number, line in enumerate(read_text(source).splitlines(), start=1):
        if line.strip():
            try:
                found.append(read_architecture(line.strip(), space))
            except ArchitectureError as error:
                raise ArchitectureError(f"line {number} of {where}: {error}") from None
    if not found:
        raise UsageError(
            f"{where} contains no architecture; it needs one a line, as JSON or in a space's notation"
        )
    return found


def _read_table(source: str, space: SearchSpace | None) -> list[Architecture] | None:
    """The networks of a table or journal, each once; None for a file of another kind."""
    path = Path(source)
    if source == "-" or not path.is_file():
        return None
    with path.open("rb") as file:
        start = file.read(max(map(len, _TABLES)))
    if not start.startswith(_TABLES):
        return None
    from egraph import datasets

    table = datasets.load(path)
    if space is not None and table.space != space:
        raise UsageError(f"{source} is of the space {table.space.name!r}, not of {space.name!r}")
    return table.distinct().architectures


def read_architecture(text: str, space: SearchSpace | None) -> Architecture:
    """Reads one architecture in any notation; of a JSON object with the field ``architecture``, that field.

    Raises:
        ArchitectureError: The text is not an architecture, or not one of the space.
    """
    content: Any = text
    if text.startswith(("{", '"')):
        with contextlib.suppress(ValueError, RecursionError):  # a dictionary of Python is no JSON
            content = json.loads(text)
    if isinstance(content, dict) and "architecture" in content:
        content = content["architecture"]
    elif isinstance(content, dict):
        content = text  # a space's own notation may be JSON
    return spaces.read_architecture(content, space)


def read_text(source: str) -> str:
    """The content of a text file, or of standard input where ``source`` is ``-``.

    Raises:
        DataError: The file cannot be read, or is not a text file.
    """
    try:
        content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot read {source}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise DataError(f"{source} is not a text file; one architecture a line was expected") from None

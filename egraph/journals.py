"""The files in which studies keep their journals, opened to read."""

from __future__ import annotations

import os
import re
import sqlite3
from pathlib import Path
from urllib.parse import quote

from egraph.errors import UsageError
from egraph.files import expand

__all__ = ["APPLICATION", "find_place", "open_to_read"]

APPLICATION = 0x65677068  # "egph"
"""SQLite's application id of journals, in the header of the file."""

_NO_INDEX = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
"""Errors of SQLite where it cannot make the index of a write-ahead log."""


def find_place(storage: str | os.PathLike[str]) -> Path:
    """The file of a journal: a path, with the home for ``~``, or an address such as ``sqlite:///runs/x.db``.

    Raises:
        UsageError: It is an address of another kind.
    """
    text = os.fspath(storage)
    address = re.match(r"([a-z][a-z0-9+.-]+)://(/?)", text)
    if address is None:
        return expand(text)
    if address[1] != "sqlite" or not address[2] or address.end() == len(text):
        raise UsageError(f"a journal is a file, such as runs/x.db or sqlite:///runs/x.db, got {text!r}")
    return expand(text[address.end() :])


def open_to_read(path: Path, seconds: float) -> sqlite3.Connection:
    """Opens a database that is never written through this connection.

    In a folder that is read-only, SQLite cannot make the index of its write-ahead log; there the file is
    read as one that does not change. Where a process holds the file this is not done: it could be changed
    while it is read.

    Args:
        path: The file.
        seconds: Time to wait for a process that holds the file.

    Raises:
        sqlite3.Error: The file cannot be opened, is held by another process, or is no database.
    """
    address = f"file:{quote(os.fsencode(path.absolute()))}?mode=ro"
    db = sqlite3.connect(address, uri=True, timeout=seconds, isolation_level=None)
    try:
        db.execute("SELECT 1 FROM sqlite_master").fetchall()
    except sqlite3.Error as error:
        db.close()
        if error.sqlite_errorcode & 0xFF not in _NO_INDEX:  # the low byte is the kind of the error
            raise
        db = sqlite3.connect(f"{address}&immutable=1", uri=True, isolation_level=None)
    return db

"""The files in which studies keep their journals, opened to read."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from egraph.errors import UsageError, shorten
from egraph.files import expand

__all__ = ["APPLICATION", "check_cells", "find_place", "open_to_read"]

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
    if address is None and "\0" not in text:
        return expand(text)
    if address is None or address[1] != "sqlite" or not address[2] or address.end() == len(text):
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
    options: dict[str, Any] = {"uri": True, "isolation_level": None, "check_same_thread": False}
    db = sqlite3.connect(address, timeout=seconds, **options)
    try:
        db.execute("SELECT 1 FROM sqlite_master").fetchall()
    except sqlite3.Error as error:
        db.close()
        if (
            getattr(error, "sqlite_errorcode", 0) & 0xFF not in _NO_INDEX
        ):  # the low byte is the kind of the error
            raise
        db = sqlite3.connect(f"{address}&immutable=1", **options)
    return db


def check_cells(db: sqlite3.Connection) -> None:
    """Checks that the cells of a journal are of the types of their columns; SQLite does not.

    Raises:
        sqlite3.DatabaseError: A cell is of another type, or a text is no JSON where that is expected.
    """
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        told = db.execute(f"PRAGMA table_info({table})").fetchall()
        columns = {name: (kind, bool(full)) for _, name, kind, full, *_ in told}
        if _is_suspicious(db, table, columns):
            _check_table(db, table, columns)
    if {"trial", "round"} <= set(tables) and (row := db.execute(_LOST).fetchone()):
        raise sqlite3.DatabaseError(f"there is no round {row[0]}, of which it has a trial")
    if "study" in tables:
        for name, text in db.execute("SELECT name, value FROM study"):
            _check_json(text, name, _SETTINGS.get(name, (object,)))


def _is_suspicious(db: sqlite3.Connection, table: str, columns: dict[str, tuple[str, bool]]) -> bool:
    """Whether a cell may be of another type; one pass over the table."""
    kept = {name: told for name, told in columns.items() if told[0] in _STORED}
    tests = [_mistyped(name, _STORED[kind], full) for name, (kind, full) in kept.items()]
    tests += [f"NOT ({_RULES[table, name]})" for name in columns if (table, name) in _RULES]
    for name, kinds in _JSON.get(table, {}).items():
        if name in columns:  # SQLite reads a little less than Python does
            other = " AND ".join(f"json_type({name}) <> '{_JSON_TYPES[kind]}'" for kind in kinds)
            tests.append(f"({name} <> '' AND CASE WHEN json_valid({name}) THEN {other} ELSE 1 END)")
    if not tests:
        return False
    try:
        return db.execute(f"SELECT 1 FROM {table} WHERE {' OR '.join(tests)} LIMIT 1").fetchone() is not None
    except sqlite3.OperationalError:  # such as bytes in place of JSON
        return True


def _check_table(db: sqlite3.Connection, table: str, columns: dict[str, tuple[str, bool]]) -> None:
    """Refuses the first cell of another type, column by column."""
    for name, (kind, full) in columns.items():
        _check_type(db, table, name, _STORED.get(kind, ()), full)
        rule = _RULES.get((table, name))
        if rule and (row := db.execute(f"SELECT {name} FROM {table} WHERE NOT ({rule})").fetchone()):
            raise sqlite3.DatabaseError(f"a cell of {name} in {table} is {shorten(row[0], 40)}")
    for name, held in _JSON.get(table, {}).items():
        if name in columns:
            for (text,) in db.execute(f"SELECT DISTINCT {name} FROM {table} WHERE {name} != ''"):
                _check_json(text, f"a cell of {name} in {table}", held)


_STORED = {"INTEGER": ("integer",), "REAL": ("real", "integer"), "TEXT": ("text",)}
"""The types of cells by that of their column."""

_STATES = "state IN ('queued', 'running', 'asked', 'complete', 'failed')"
_RULES = {
    ("trial", "state"): _STATES,
    ("retrain", "state"): _STATES,
    ("trial", "fidelity"): "fidelity > 0 AND fidelity <= 1",
    ("trial", "number"): "number >= 0",
}
"""What the cells of some columns are."""

_LOST = "SELECT round FROM trial WHERE round NOT IN (SELECT round FROM round)"

_JSON: dict[str, dict[str, tuple[type, ...]]] = {
    "trial": {"intervals": (list,), "costs": (dict,)},
    "round": {"supplied": (dict,)},
    "session": {"settings": (dict,), "versions": (dict,)},
    "retrain": {"evaluator": (dict,)},
    "attempt": {"job": (list,)},
}
"""Columns of JSON and what they hold; that of architectures is checked where it is read."""

_JSON_TYPES: dict[type, str] = {list: "array", dict: "object"}
"""Names of SQLite for types of JSON."""

_SETTINGS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(
        ("evaluator", "settings", "versions", "costs", "fidelities", "screening", "run"), (dict,)
    ),
    "space": (str,),
    "seed": (int,),
    "brackets": (int,),
    "command": (str,),
    "created": (int, float),
    "searcher state": (dict, type(None)),
    "forced": (list,),
}
"""The values of the whole study and what they are."""


def _check_type(db: sqlite3.Connection, table: str, name: str, allowed: tuple[str, ...], full: bool) -> None:
    """Refuses cells of other types; without ``full``, cells may be empty."""
    if not allowed:
        return
    wrong = _mistyped(name, allowed, full)
    found = db.execute(f"SELECT typeof({name}) FROM {table} WHERE {wrong} LIMIT 1").fetchone()
    if found:
        raise sqlite3.DatabaseError(f"a cell of {name} in {table} is {found[0]}, not {allowed[0]}")


def _mistyped(name: str, allowed: tuple[str, ...], full: bool) -> str:
    """The condition of SQL that a cell is of another type; without ``full``, cells may be empty."""
    kinds = (*allowed, *(() if full else ("null",)))
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    return f"typeof({name}) NOT IN ({listed})"


def _check_json(text: str, what: str, kind: tuple[type, ...]) -> None:
    """Refuses what is no JSON of a kind."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise sqlite3.DatabaseError(f"{what} is no JSON: {error}") from None
    if not isinstance(value, kind):
        raise sqlite3.DatabaseError(f"{what} is {shorten(value, 40)}")

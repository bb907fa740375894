"""The columns of a journal: the one description from which SQL, frames and rows follow.

To add a column to trials: one line in `TRIAL`, the field of that name in `Trial` or, where it is measured, in
`Evaluation`, and a step in ``_migrations.py`` for the journals that exist.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from egraph.architecture import Architecture
from egraph.evaluation.base import Evaluation
from egraph.study._promises import Verdict
from egraph.study._trial import Trial

__all__ = ["MEASURED", "TABLES", "TRIAL", "Column", "fetch_rows", "frame_trials", "read_trial", "write"]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of values.

    Attributes:
        sql: Type of the column.
        read: Function from SQLite's value to Python's.
        write: The inverse.
        missing: Value where a file is older than the column.
        show: Function from Python's value to that of a frame, which is JSON-ready.
    """

    sql: str
    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    missing: Any
    show: Callable[[Any], Any] = lambda value: value


def _write_real(value: Any) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def _write_costs(costs: Mapping[str, float]) -> str:
    """JSON, with null for NaN, which JSON lacks."""
    return json.dumps({name: None if math.isnan(value) else value for name, value in costs.items()})


def _read_costs(text: str) -> dict[str, float]:
    return {name: math.nan if value is None else value for name, value in json.loads(text).items()}


_WHOLE = _Kind("INTEGER NOT NULL", int, int, 0)
_WHOLE_OR_NONE = _Kind("INTEGER", lambda value: value, lambda value: value, None)
_FLAG = _Kind("INTEGER NOT NULL DEFAULT 0", int, int, 0)
_TEXT = _Kind("TEXT NOT NULL", str, str, "")
_TEXT_OR_EMPTY = _Kind("TEXT NOT NULL DEFAULT ''", str, str, "")
_REAL = _Kind("REAL", lambda value: math.nan if value is None else value, _write_real, math.nan)
_SHARE = _Kind("REAL NOT NULL DEFAULT 1", float, float, 1.0)
_REALS = _Kind(
    "TEXT",
    lambda value: tuple(json.loads(value)) if value else (),
    lambda value: json.dumps(list(value)) if value else None,
    (),
    lambda value: json.dumps(list(value)) if value else "",
)
_COSTS = _Kind("TEXT NOT NULL", _read_costs, _write_costs, {}, _write_costs)
_GRAPH = _Kind("TEXT NOT NULL", Architecture.from_json, Architecture.to_json, None, Architecture.to_json)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its name in SQL, in frames and in the dataclass.
        kind: Kind of its values.
        measured: Whether it is a field of `Evaluation`.
        key: Whether it is the primary key by itself.
    """

    name: str
    kind: _Kind
    measured: bool = False
    key: bool = False

    @property
    def definition(self) -> str:
        """The column in SQL's CREATE TABLE."""
        return f"{self.name} {'INTEGER PRIMARY KEY' if self.key else self.kind.sql}"

    def of(self, trial: Trial) -> Any:
        """The value of a trial."""
        return getattr(trial.evaluation if self.measured else trial, self.name)


TRIAL = (
    Column("number", _WHOLE, key=True),
    Column("round", _WHOLE),
    Column("origin", _TEXT),
    Column("state", _TEXT),
    Column("key", _TEXT),
    Column("architecture", _GRAPH),
    Column("seed", _WHOLE),
    Column("predicted", _REAL),
    Column("intervals", _REALS),
    Column("score", _REAL, measured=True),
    Column("test_score", _REAL, measured=True),
    Column("seconds", _REAL, measured=True),
    Column("params", _WHOLE, measured=True),
    Column("flops", _WHOLE, measured=True),
    Column("source", _TEXT, measured=True),
    Column("reason", _TEXT),
    Column("started", _REAL),
    Column("finished", _REAL),
    Column("finder", _TEXT),
    Column("costs", _COSTS),
    Column("fidelity", _SHARE),
    Column("known_in", _WHOLE_OR_NONE),
)
VERDICT = tuple(field.name for field in fields(Verdict))
"""What is compared after each round: for the trials of the search, and for those of the baseline."""
ROUND = (
    Column("round", _WHOLE, key=True),
    Column("trials", _WHOLE),
    Column("baseline_trials", _WHOLE),
    Column("learned_from", _WHOLE),
    Column("fit_seconds", _REAL),
    Column("candidates", _WHOLE),
    Column("search_seconds", _REAL),
    Column("held_out_tau", _REAL),
    Column("exploring", _FLAG),
    *(Column(f"{name}{side}", _REAL) for side in ("", "_baseline") for name in VERDICT),
    Column("drift", _REAL),
    Column("alarm", _FLAG),
    Column("finished", _REAL),
    Column("supplied", _TEXT_OR_EMPTY),
)
RETRAIN = (
    Column("key", _TEXT),
    Column("evaluator", _TEXT),
    Column("repeat", _WHOLE),
    Column("architecture", _GRAPH),
    Column("seed", _WHOLE),
    Column("state", _TEXT),
    Column("score", _REAL, measured=True),
    Column("test_score", _REAL, measured=True),
    Column("seconds", _REAL, measured=True),
    Column("reason", _TEXT),
)
SESSION = (
    Column("number", _WHOLE, key=True),
    Column("started", _REAL),
    Column("pid", _Kind("INTEGER", int, int, 0)),
    Column("command", _Kind("TEXT", str, str, "")),
    Column("settings", _Kind("TEXT", str, str, "")),
    Column("versions", _Kind("TEXT", str, str, "")),
)
ATTEMPT = (
    Column("job", _TEXT),
    Column("running", _FLAG),
    Column("losses", _FLAG),
)
"""Evaluations that have begun and have no result: by name, whether they run now, and the lost attempts."""
TABLES = {"session": SESSION, "trial": TRIAL, "round": ROUND, "retrain": RETRAIN, "attempt": ATTEMPT}
MEASURED = tuple(column.name for column in TRIAL if column.measured)
"""The fields of `Evaluation` that a trial has as columns."""


def fetch_rows(cursor: sqlite3.Cursor) -> list[dict[str, Any]]:
    """The rows of a query by the names of their columns, as SQLite has the values."""
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def read_trial(row: Mapping[str, Any]) -> Trial:
    """The trial of a row of SQLite; columns that an older file does not have are at their missing values."""
    values = {
        column.name: column.kind.read(row[column.name]) if column.name in row else column.kind.missing
        for column in TRIAL
    }
    measured = {name: values.pop(name) for name in MEASURED}
    return Trial(**values, evaluation=Evaluation(**measured))


def write(table: str, values: Mapping[str, object]) -> dict[str, object]:
    """Values by the names of columns, as SQLite takes them."""
    kinds = {column.name: column.kind for column in TABLES[table]}
    return {name: kinds[name].write(value) for name, value in values.items()}


def frame_trials(cursor: sqlite3.Cursor, names: Sequence[str]) -> pd.DataFrame:
    """The rows of a query of trials as a table.

    Architectures, costs and intervals stay the JSON of the file, which is not parsed.

    Args:
        cursor: The query, of all of these columns that the file has.
        names: Columns of the table. Those that an older file does not have are at their missing values.
    """
    kinds = {column.name: column.kind for column in TRIAL if column.name in names}
    frame = pd.DataFrame(cursor.fetchall(), columns=[column[0] for column in cursor.description])
    for name, kind in kinds.items():
        if name not in frame:
            frame[name] = kind.show(kind.missing)
        elif kind is _REALS:
            texts = frame[name].fillna("")
            frame[name] = texts.tolist() if texts.dtype == object else texts
    empty = [name for name, kind in kinds.items() if kind is _REAL and frame[name].isna().all()]
    return frame[list(names)].astype(dict.fromkeys(empty, float))

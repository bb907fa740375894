"""The journals of studies as tables: one row for each successful trial.

A journal is an SQLite file that `egraph.study` writes. Here it is only read, also while a study runs. Trials
that failed, are not finished or were evaluated at a lower fidelity have no row. The best networks that a
study evaluated again with fresh seeds are left out: the evaluator of these may be another one, with a scale
of its own.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph import spaces
from egraph.architecture import Architecture
from egraph.datasets._metric import Metric
from egraph.datasets._table import Table
from egraph.errors import DataError
from egraph.files import is_special
from egraph.journals import APPLICATION, check_cells, open_to_read
from egraph.spaces import SearchSpace

__all__ = ["COLUMNS", "COMPLETE", "FIDELITY", "is_database", "read_journal"]

COMPLETE = "complete"
"""State of a successful trial."""

COLUMNS = (
    "number", "round", "origin", "seed", "source", "predicted", "score", "test_score", "seconds", "params",
    "flops",
)  # fmt: skip
"""Columns of trials that become columns of the table."""

COSTS = "costs"
"""Column of the other costs of a trial by name, as JSON; each becomes a metric."""

FIDELITY = "fidelity"
"""Column of the cost of a trial in whole ones; scores of cheaper ones are on other scales."""

_SQLITE = b"SQLite format 3\x00"
_BUSY_SECONDS = 5.0
_AMOUNTS = ("seconds", "params", "flops")
"""Columns whose missing values a cost of the same name replaces."""

_UNKNOWN_AT_ZERO = ("params", "flops")


def is_database(path: Path) -> bool:
    """Whether a file is a database of SQLite, or says so by its name."""
    if is_special(path):
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE or path.suffix == ".db"
    except (OSError, ValueError):  # no file has a name that is too long, or with a NUL character
        return False


def read_journal(path: Path, find_metrics: Callable[[str], Mapping[str, Metric]]) -> Table:
    """Reads the successful whole trials of a journal.

    The metrics are ``score``, which the study maximised, ``test_score``, ``seconds``, ``params`` and
    ``flops``, and the costs that the search weighed, NaN where unknown. Round, origin, seed and source of
    each trial are further columns.

    Args:
        path: The file.
        find_metrics: Gives the metrics of a table by its name, none of an unknown one; they describe the
            scores of a study on a table whose journal does not.

    Raises:
        DataError: The file is not the journal of a study, is damaged or locked, or has no successful trial,
            or its search space is not registered.
    """
    with _open(path) as db:
        told = dict(db.execute("SELECT name, value FROM study").fetchall())
        counts = dict(db.execute("SELECT state, COUNT(*) FROM trial GROUP BY state").fetchall())
        present = {column for _, column, *_ in db.execute("PRAGMA table_info(trial)")}
        listed = COSTS if COSTS in present else "'{}'"  # older journals have none
        names = ", ".join(("architecture", listed, *COLUMNS))
        whole = f"AND {FIDELITY} = 1" if FIDELITY in present else ""
        rows = db.execute(
            f"SELECT {names} FROM trial WHERE state = ? {whole} ORDER BY number", [COMPLETE]
        ).fetchall()
        failure = db.execute("SELECT reason FROM trial WHERE reason != '' ORDER BY number DESC").fetchone()
    if not rows:
        raise DataError(_explain_empty(path, told, counts, failure))
    architectures, costs_of, *columns = map(list, zip(*rows, strict=True))
    try:
        study = {name: json.loads(value) for name, value in told.items()}
        costs = _gather_costs([json.loads(text) for text in costs_of])
        kept = {name: Metric(**about) for name, about in study.get("metrics", {}).items()}
        evaluator = dict(study.get("evaluator", {}))
        known = kept or find_metrics(str(evaluator.get("table", "")))
        metrics = _describe_metrics(evaluator, known)
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is damaged: {error}") from None
    named = {name: _to_array(name, values) for name, values in zip(COLUMNS, columns, strict=True)}
    for name, values in costs.items():
        if name not in named or (name in _AMOUNTS and np.isnan(named[name]).all()):
            named[name] = values
            metrics.setdefault(
                name, Metric(higher_is_better=False, description="cost that the search weighed")
            )
    return Table(
        _find_space(str(study.get("space", "")), path),
        architectures,
        named,
        metrics,
        name=path.stem,
        provenance={
            "journal": str(path),
            "trials": _count(counts),
            **{name: _show(study[name]) for name in ("evaluator", "seed", "command") if name in study},
            "versions": ", ".join(f"{name} {version}" for name, version in study.get("versions", {}).items()),
        },
        read=Architecture.from_json,
    )


def _explain_empty(
    path: Path, told: Mapping[str, str], counts: Mapping[str, int], failure: tuple[str] | None
) -> str:
    """Why a journal has no row."""
    if "shards" in json.loads(told.get("settings", "{}")):
        return f"{path} is the journal of `egraph data generate`; give the table that it has written"
    return f"{path} has no successful trial to learn from: {_count(counts) or 'no trial at all'}" + (
        f"; the last failure: {failure[0]}" if failure else ""
    )


@contextlib.contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    """The journal, opened to read only; errors of SQLite become `DataError`."""
    try:
        with contextlib.closing(open_to_read(path, _BUSY_SECONDS)) as db:
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
            application = db.execute("PRAGMA application_id").fetchone()[0]
            if application != APPLICATION or not {"study", "trial"} <= tables:
                raise DataError(
                    f"{path} is a database, but not the journal of a study; give a Parquet file, a journal, "
                    "or a name that `egraph data list` shows"
                )
            check_cells(db)
            yield db
    except sqlite3.OperationalError as error:
        if not hasattr(error, "sqlite_errorcode"):  # of Python itself: a text that is not UTF-8
            raise DataError(f"{path} is damaged: {error}") from None
        raise DataError(
            f"cannot read the journal {path}: {error}; wait for the process that writes it, or copy it"
        ) from None
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is damaged, or not the journal of a study: {error}") from None


def _find_space(name: str, path: Path) -> SearchSpace:
    """The space of the study; of one that was restricted, the whole space, whose name comes first."""
    whole = name if name in spaces.names() else name.split(", ")[0]
    if whole not in spaces.names():
        raise DataError(
            f"{path} is of the search space {name!r}, which is not known here; if it is your own, name it "
            f"(--space {whole}), or register it with egraph.spaces.register before the journal is read; "
            f"known: {', '.join(spaces.names())}"
        )
    return spaces.get(whole)


def _to_array(name: str, values: list[Any]) -> NDArray[Any]:
    if isinstance(values[0], str):
        return np.array(values, dtype=object)
    if name in _UNKNOWN_AT_ZERO:
        values = [value or None for value in values]
    if None in values or isinstance(values[0], float):
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return np.array(values, dtype=np.int64)


def _gather_costs(trials: Sequence[Mapping[str, float | None]]) -> dict[str, NDArray[np.float64]]:
    """The costs that a search has weighed, by name, ``(trials,)`` each; NaN where unknown."""
    names = dict.fromkeys(name for costs in trials for name in costs)
    values = {name: [costs.get(name) for costs in trials] for name in names}
    return {
        name: np.array([np.nan if value is None else value for value in each], dtype=np.float64)
        for name, each in values.items()
    }


def _describe_metrics(evaluator: Mapping[str, Any], known: Mapping[str, Metric]) -> dict[str, Metric]:
    """The metrics; scores have the unit of the table that played the training, or are accuracies."""
    columns = evaluator.get("columns", {})
    table = str(evaluator.get("table", ""))
    trained = evaluator.get("recipe", {})

    def measured(name: str, split: str) -> Metric:
        """The score of a split: that on which a study selects counts as validation."""
        if (column := columns.get(name)) is not None:
            about = known.get(column, Metric())
            negative = "negative of " if column in evaluator.get("negated", ()) else ""
            what = f"{negative}{column} of {table}"
            return Metric(about.unit, split, about.budget, about.runs, description=what)
        unit = "R2" if evaluator.get("target") == "regression" else "fraction" if trained else ""
        return Metric(unit, split, trained.get("epochs"), 1)

    return {
        "score": measured("score", "validation"),
        "test_score": measured("test_score", "test"),
        "seconds": Metric("seconds", runs=1, higher_is_better=False),
        "params": Metric("parameters", higher_is_better=False),
        "flops": Metric("operations", higher_is_better=False, description="multiply-adds of one example"),
    }


def _count(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))


def _show(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)

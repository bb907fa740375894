"""The trials of a journal in memory, for the one process that writes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping

from egraph.study._columns import fetch_rows, read_trial
from egraph.study._trial import Trial

__all__ = ["TrialCache", "select_trials"]

_AT_A_TIME = 500  # numbers in one statement of SQL


class TrialCache:
    """Keeps what was read, so that a study of many trials does not read all of them again and again.

    Args:
        db: Connection of the writer. What others than `refresh` change through it is noticed.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._trials: dict[int, Trial] = {}
        self._changes = -1

    @property
    def is_current(self) -> bool:
        """Whether it has what the file has."""
        return self._changes == self._db.total_changes

    def read(self) -> Mapping[int, Trial]:
        """All trials by number, in the order of proposing."""
        if not self.is_current:
            self._trials = {trial.number: trial for trial in select_trials(self._db, {})}
            self._changes = self._db.total_changes
        return self._trials

    def refresh(self, numbers: Iterable[int]) -> None:
        """Reads the trials again that were changed, of which there are no others."""
        changed = sorted(numbers)
        for start in range(0, len(changed), _AT_A_TIME):
            for trial in select_trials(self._db, {"number": changed[start : start + _AT_A_TIME]}):
                self._trials[trial.number] = trial
        self._changes = self._db.total_changes


def select_trials(db: sqlite3.Connection, filters: Mapping[str, Collection[str | int] | None]) -> list[Trial]:
    """The trials of a file that pass all filters, in the order of proposing.

    Args:
        db: Connection to the file.
        filters: By the name of a column the values that pass; None for all.
    """
    conditions, values = ["1"], []
    for name, allowed in filters.items():
        if allowed is not None:
            conditions.append(f"{name} IN ({', '.join('?' * len(allowed))})")
            values += list(allowed)
    # All columns that the file has: one of an older version lacks the newest.
    cursor = db.execute(f"SELECT * FROM trial WHERE {' AND '.join(conditions)} ORDER BY number", values)
    return [read_trial(row) for row in fetch_rows(cursor)]

"""The trials of a journal in memory, for the one process that writes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from egraph.study._columns import fetch_rows, read_trial
from egraph.study._trial import DONE, Trial

__all__ = ["TrialCache", "select_trials"]

_AT_A_TIME = 500  # numbers in one statement of SQL
_INDEXED = frozenset({"state", "round", "known_in"})
"""Attributes by whose values trials are found."""


class TrialCache:
    """Keeps what was read, so that a study of many trials does not read all of them again and again.

    Args:
        db: Connection of the writer. What others than `refresh` change through it is noticed.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._trials: dict[int, Trial] = {}
        self._numbers: dict[tuple[str, object], set[int]] = {}  # of the trials with a state, or of a round
        self._changes = -1

    @property
    def is_current(self) -> bool:
        """Whether it has what the file has."""
        return self._changes == self._db.total_changes

    def read(self, filters: Mapping[str, Collection[Any] | None]) -> list[Trial]:
        """The trials that pass all filters, in the order of proposing.

        Args:
            filters: By the name of an attribute the values that pass; None for all.
        """
        if not self.is_current:
            self._trials, self._numbers = {}, {}
            self._keep(select_trials(self._db, {}))
        asked = {name: set(allowed) for name, allowed in filters.items() if allowed is not None}
        return [
            trial
            for trial in self._list_candidates(asked)
            if all(getattr(trial, name) in allowed for name, allowed in asked.items())
        ]

    def find_unknown(self) -> list[int]:
        """The numbers of the trials that are done and that no round knew when it was proposed."""
        return [trial.number for trial in self.read({"state": DONE, "known_in": [None]})]

    def refresh(self, numbers: Iterable[int]) -> None:
        """Reads the trials again that were changed, of which there are no others."""
        changed = sorted(numbers)
        for start in range(0, len(changed), _AT_A_TIME):
            self._keep(select_trials(self._db, {"number": changed[start : start + _AT_A_TIME]}))
        self._changes = self._db.total_changes

    def _keep(self, trials: Iterable[Trial]) -> None:
        for trial in trials:
            if (before := self._trials.get(trial.number)) is not None:
                for name in _INDEXED:
                    self._numbers[name, getattr(before, name)].discard(trial.number)
            self._trials[trial.number] = trial
            for name in _INDEXED:
                self._numbers.setdefault((name, getattr(trial, name)), set()).add(trial.number)
        self._changes = self._db.total_changes

    def _list_candidates(self, asked: Mapping[str, Collection[Any]]) -> Iterable[Trial]:
        """All trials that can pass, in the order of proposing; of a few, nothing else is looked at."""
        if "number" in asked:
            return [self._trials[number] for number in sorted(asked["number"]) if number in self._trials]
        found = {
            name: [self._numbers[name, value] for value in allowed if (name, value) in self._numbers]
            for name, allowed in asked.items()
            if name in _INDEXED
        }
        fewest = min(found.values(), key=lambda sets: sum(map(len, sets)), default=None)
        if fewest is None or 4 * sum(map(len, fewest)) > len(self._trials):
            return self._trials.values()
        numbers = set[int]().union(*fewest)
        return [self._trials[number] for number in sorted(numbers)]


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

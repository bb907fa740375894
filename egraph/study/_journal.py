"""The journal of a study: one SQLite file, one writer, any number of readers."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from egraph.architecture import Architecture
from egraph.errors import JournalError
from egraph.evaluation.base import Evaluation
from egraph.journals import find_place
from egraph.study._columns import MEASURED, TABLES, TRIAL, fetch_rows, frame_trials, write
from egraph.study._journal_file import JournalFile
from egraph.study._trial import State, Trial
from egraph.study._trial_cache import TrialCache, select_trials

__all__ = ["Journal", "open_journal"]


def open_journal(path: str | os.PathLike[str], *, read_only: bool = True, wait: float = 0) -> Journal:
    """Opens the journal of a study; by default only to read it, which does not disturb a running study.

    Args:
        path: The file.
        read_only: Whether it is opened only to read it.
        wait: Seconds to wait, to write it, for another process that does.

    Raises:
        JournalError: There is no such file, it is no journal, damaged, of a newer version, or, to write, held
            by another process.
    """
    path = find_place(path)
    if not os.path.exists(path) and (read_only or wait):
        raise JournalError(f"no journal at {path}; a study writes one where its storage= says")
    return Journal(path, read_only=read_only, wait=wait)


class Journal:
    """Everything that a study has done, on disk after every step, so that an interruption loses nothing.

    Args:
        path: The file, made where it does not exist; None keeps everything in memory.
        read_only: Whether it is never written, and no writer is waited for.
        wait: Seconds to wait for another process that writes it.

    Raises:
        JournalError: The file is no journal, damaged, of a newer version, cannot be written, or is held by
            another process.
    """

    def __init__(
        self, path: str | os.PathLike[str] | None = None, *, read_only: bool = False, wait: float = 0
    ) -> None:
        self.path = None if path is None else find_place(path)
        self.read_only = read_only
        self._file = JournalFile(self.path, read_only=read_only, wait=wait)
        self._db = self._file.db
        self._cache = None if read_only else TrialCache(self._db)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Releases the file; may be called twice."""
        self._file.close()

    # For readers.

    @property
    def settings(self) -> dict[str, Any]:
        """The values that are written once: space, seed, evaluator, settings, versions, command, created."""
        with self._file.errors():
            rows = self._db.execute("SELECT name, value FROM study").fetchall()
        return {name: json.loads(value) for name, value in rows}

    @property
    def trials(self) -> pd.DataFrame:
        """One row a trial, in the order of proposing; the columns are the fields of `Trial`."""
        return self.read_columns(*(column.name for column in TRIAL))

    @property
    def rounds(self) -> pd.DataFrame:
        """One row a round: sizes, times, and what the ranker promised and delivered for its trials."""
        return self._frame("round", "round")

    @property
    def retrains(self) -> pd.DataFrame:
        """One row an evaluation with a fresh seed."""
        return self._frame("retrain", "key, evaluator, repeat")

    @property
    def sessions(self) -> pd.DataFrame:
        """One row each time that it was opened for writing: time, process, command, settings and versions."""
        return self._frame("session", "number")

    def read_trials(
        self,
        *,
        states: Collection[State] | None = None,
        origins: Collection[str] | None = None,
        round: int | None = None,
        number: int | None = None,
    ) -> list[Trial]:
        """The trials that pass all filters, in the order of proposing.

        Args:
            states: States of the trials; None for all.
            origins: Origins of the trials; None for all.
            round: Number of their round; None for all rounds.
            number: Number of the one trial; None for all.
        """
        filters: dict[str, Collection[Any] | None] = {
            "state": states,
            "origin": origins,
            "round": None if round is None else [round],
            "number": None if number is None else [number],
        }
        with self._file.errors():
            if self._cache is None:
                return select_trials(self._db, filters)
            return self._cache.read(filters)

    def read_columns(self, *names: str) -> pd.DataFrame:
        """Some of the columns of `trials`; without the architecture it takes a fraction of the time."""
        with self._file.errors():
            there = {name for _, name, *_ in self._db.execute("PRAGMA table_info(trial)")}
            known = ", ".join(name for name in names if name in there)
            return frame_trials(self._db.execute(f"SELECT {known} FROM trial ORDER BY number"), names)

    def read_rounds(self, most: int | None = None, *, until: int | None = None) -> list[dict[str, Any]]:
        """The last rounds as rows of `rounds`, the newest first.

        Args:
            most: Largest number of rounds; None for all.
            until: Number of the last one; None for the newest.
        """
        with self._file.errors():
            cursor = self._db.execute(
                "SELECT * FROM round WHERE round <= ? ORDER BY round DESC LIMIT ?",
                [2**62 if until is None else until, -1 if most is None else most],
            )
            return fetch_rows(cursor)

    # For the writer. Each of these is one transaction.

    def describe(self, settings: Mapping[str, object]) -> None:
        """Writes values of the whole study; names that are there already keep their values."""
        with self._changing():
            self._db.executemany(
                "INSERT OR IGNORE INTO study VALUES (?, ?)", [(k, json.dumps(v)) for k, v in settings.items()]
            )

    def keep(self, name: str, value: object) -> None:
        """Writes a value that changes while the study runs into `settings`."""
        with self._changing():
            self._db.execute("INSERT OR REPLACE INTO study VALUES (?, ?)", (name, json.dumps(value)))

    @contextlib.contextmanager
    def working(self, stage: str, **budget: float | None) -> Iterator[None]:
        """Keeps what this process does now, for those who look: the value ``run`` of `settings`."""
        record = {"stage": stage, **budget, "started": time.time(), "pid": os.getpid()}
        self.keep("run", record)
        try:
            yield
        finally:
            self.keep("run", {**record, "ended": time.time()})

    def add_session(self, command: str, settings: object, versions: object) -> None:
        """Records that this process works on the study."""
        texts = {"command": command, "settings": json.dumps(settings), "versions": json.dumps(versions)}
        with self._changing():
            self._insert("session", {"started": time.time(), "pid": os.getpid(), **texts})

    @property
    def losses(self) -> dict[tuple[Any, ...], int]:
        """How often a process ended without a word while it did a job, by the names that `begin` got."""
        with self._file.errors():
            rows = self._db.execute("SELECT job, losses FROM attempt WHERE losses > 0").fetchall()
        return {tuple(json.loads(job)): losses for job, losses in rows}

    @property
    def trial_losses(self) -> dict[int, int]:
        """How often a process ended without a word during a trial, by the number of the trial."""
        return {job[1]: losses for job, losses in self.losses.items() if job[0] == "trial"}

    def begin(self, *job: str | int) -> None:
        """Records that a job begins; its result or `requeue` takes that back.

        Args:
            job: Name of the job in parts, such as ``"trial", 7``.
        """
        with self._changing():
            self._begin(job)

    def requeue(self, *, lost: bool = False) -> int:
        """Puts running trials back into the queue; returns their number.

        Args:
            lost: Whether a process ended without a word while it did the running jobs, which is counted.
        """
        running = [trial.number for trial in self.read_trials(states=["running"])]
        with self._changing(running):
            self._db.execute("UPDATE attempt SET running = 0, losses = losses + ? WHERE running", [lost])
            self._db.execute("UPDATE trial SET state = 'queued', started = NULL WHERE state = 'running'")
        return len(running)

    def propose(self, trials: Sequence[Trial], summary: Mapping[str, object], state: object = None) -> None:
        """Queues the trials of a new round, with its row of `rounds` and the state of the searcher.

        The trials that are done are those that the round knew.
        """
        assert self._cache is not None, "a reader changes nothing"
        with self._file.errors():
            fresh = self._cache.find_unknown()
        with self._changing([*fresh, *(trial.number for trial in trials)]):
            self._db.executemany(
                "UPDATE trial SET known_in = ? WHERE number = ?", [(summary["round"], one) for one in fresh]
            )
            for trial in trials:
                self._insert("trial", {column.name: column.of(trial) for column in TRIAL})
            self._insert("round", summary)
            if state is not None:
                self._db.execute(
                    "INSERT OR REPLACE INTO study VALUES ('searcher state', ?)", [json.dumps(state)]
                )

    def start(self, number: int) -> Trial:
        """Marks a trial as running."""
        with self._changing([number]):
            self._begin(("trial", number))
            self._update("trial", number, {"state": "running", "started": time.time()})
        return self.read_trials(number=number)[0]

    def hand_out(self, number: int) -> Trial:
        """Marks a trial as asked: its score is to be told from outside, whatever becomes of this process."""
        with self._changing([number]):
            self._end(("trial", number))
            self._update("trial", number, {"state": "asked"})
        return self.read_trials(number=number)[0]

    def finish(self, number: int, state: State, evaluation: Evaluation, reason: str = "") -> Trial:
        """Writes the result of a trial."""
        measured = {name: getattr(evaluation, name) for name in MEASURED}
        with self._changing([number]):
            self._end(("trial", number))
            self._update(
                "trial", number, {"state": state, "reason": reason, "finished": time.time(), **measured}
            )
        return self.read_trials(number=number)[0]

    def finish_round(self, number: int, **values: float) -> None:
        """Writes how well the ranker predicted the trials of a round, by the names of columns."""
        with self._changing():
            self._update("round", number, {**values, "finished": time.time()})

    def add_retrain(
        self,
        key: str,
        repeat: int,
        *,
        evaluator: str,
        architecture: Architecture,
        seed: int,
        state: State,
        evaluation: Evaluation,
        reason: str,
    ) -> None:
        """Writes one evaluation with a fresh seed."""
        row = {
            "key": key,
            "evaluator": evaluator,
            "repeat": repeat,
            "architecture": architecture,
            "seed": seed,
            "state": state,
            "reason": reason,
        }
        measured = {
            column.name: getattr(evaluation, column.name) for column in TABLES["retrain"] if column.measured
        }
        with self._changing():
            self._end(("retrain", key, evaluator, repeat))
            self._insert("retrain", row | measured)

    @contextlib.contextmanager
    def _changing(self, numbers: Sequence[int] = ()) -> Iterator[None]:
        """One transaction that changes the trials with these numbers, and no others."""
        assert self._cache is not None, "a reader changes nothing"
        current = self._cache.is_current
        with self._file.transaction():
            yield
        if current:
            self._cache.refresh(numbers)

    def _begin(self, job: tuple[str | int, ...]) -> None:
        self._db.execute(
            "INSERT INTO attempt (job, running) VALUES (?, 1) ON CONFLICT (job) DO UPDATE SET running = 1",
            [json.dumps(job)],
        )

    def _end(self, job: tuple[str | int, ...]) -> None:
        self._db.execute("DELETE FROM attempt WHERE job = ?", [json.dumps(job)])

    def _update(self, table: str, number: int, values: Mapping[str, object]) -> None:
        """Changes the row whose primary key is a number."""
        key = next(column.name for column in TABLES[table] if column.key)
        self._db.execute(
            f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in values)} WHERE {key} = ?",
            [*write(table, values).values(), number],
        )

    def _insert(self, table: str, values: Mapping[str, object]) -> None:
        self._db.execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({_marks(values)})",
            list(write(table, values).values()),
        )

    def _frame(self, table: str, order: str) -> pd.DataFrame:
        with self._file.errors():
            cursor = self._db.execute(f"SELECT * FROM {table} ORDER BY {order}")
            found = [column[0] for column in cursor.description]
            frame = pd.DataFrame(cursor.fetchall(), columns=found)
        for column in TABLES[table]:
            if column.name not in found:  # the file is of an older version
                frame[column.name] = column.kind.missing
        frame = frame[[column.name for column in TABLES[table]]]
        empty = [name for name in frame.columns if len(frame) and frame[name].isna().all()]
        return frame.astype(dict.fromkeys(empty, float))


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))

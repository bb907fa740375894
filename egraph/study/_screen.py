"""Scores untrained networks, in the workers and within a time limit, to choose the first trials."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.evaluation import ZeroCost
from egraph.evaluation.base import Evaluator, Fitness
from egraph.evaluation.wrapping import as_evaluator
from egraph.executors import Executor
from egraph.searchers import RandomSearch
from egraph.spaces import SearchSpace
from egraph.study._evaluating import read_outcome
from egraph.study._events import Event, NetworkScored, Screened, Screening
from egraph.study._jobs import Outcome, Preview
from egraph.study._journal import Journal
from egraph.study._sameness import describe, differences
from egraph.study._seeds import derive

__all__ = ["SHARE", "Screen", "Screener", "draw", "recall"]

SHARE = 0.25
"""Largest share of the time of a run."""

_RECORD = "screening"  # its name among the settings of a journal
_SECONDS_BETWEEN_WRITES = 1.0

_Values = dict[str, list[float | None] | None]  # by the row of the architecture; None where it has no score


@dataclass(frozen=True, slots=True)
class Screen:
    """The score that chooses the first trials, and its limits.

    Attributes:
        fitness: The score. An `egraph.evaluation.Evaluator` works in the worker processes, one architecture
            at a time; another fitness is called once with all architectures, whatever time that takes.
        count: Number of architectures that are scored.
        seconds: Time after which no further architecture is scored.
    """

    fitness: Fitness
    count: int
    seconds: float

    def combine(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """One score an architecture, ``(architectures,)``, from those by each proxy."""
        return self.fitness.combine(table) if isinstance(self.fitness, ZeroCost) else table[:, 0]

    @property
    def preview(self) -> Evaluator | None:
        """The score as an evaluator that can be sent to workers; None where it is only a function."""
        return self.fitness if isinstance(self.fitness, Evaluator) else None

    def describe(self) -> dict[str, Any]:
        """The settings as JSON-ready values."""
        return as_evaluator(self.fitness).describe() | {"count": self.count, "seconds": self.seconds}


def draw(space: SearchSpace, seed: int, count: int) -> list[Architecture]:
    """The first so many of the random architectures that a study screens."""
    return RandomSearch(space, seed=derive(seed, "screen")).ask(count)


def recall(
    journal: Journal, screen: Screen, space: SearchSpace, seed: int
) -> tuple[list[Architecture], NDArray[np.float64]] | None:
    """The architectures that were screened, and their scores, ``(architectures,)``; None if there are none.

    Networks that the score failed for, such as those whose outputs do not depend on their inputs, have the
    least of all scores.
    """
    record = journal.settings.get(_RECORD, {})
    if not record.get("end"):
        return None
    drawn = draw(space, seed, record["count"])
    if not _is_same(record["about"], _identify(screen, drawn)):
        return None
    values: _Values = record["values"]
    rows = sorted(map(int, values))
    scores = screen.combine(_table(values, rows))
    if np.isnan(scores).all():
        return None
    return [drawn[row] for row in rows], np.where(np.isnan(scores), np.nanmin(scores), scores)


class Screener:
    """Scores architectures during a run. All scores are kept in the journal, and so is the end by the clock.

    Args:
        journal: Journal of the study.
        executor: Executor that takes `Preview` jobs.
        deadline: Value of ``time.monotonic`` after which nothing is scored.
        emit: Called with an event for each score.
    """

    def __init__(
        self,
        journal: Journal,
        executor: Executor[Any, Outcome],
        *,
        deadline: float,
        emit: Callable[[Event], object],
    ) -> None:
        self._journal, self._executor = journal, executor
        self._deadline, self._emit = deadline, emit

    def score(self, screen: Screen, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """The scores by each proxy, ``(architectures, proxies)``.

        NaN for those that failed or that there was no time for. Earlier architectures are scored first.

        If the journal has scores of the same architectures, only those that are missing are computed, in the
        time that is left. A screening that has ended is not continued.

        Raises:
            EgraphError: The score cannot be computed at all.
        """
        about = _identify(screen, architectures)
        record = self._journal.settings.get(_RECORD, {})
        if not record or not _is_same(record["about"], about):
            record = {"about": about, "values": {}, "seconds": 0.0, "count": len(architectures), "end": ""}
        if not record["end"]:
            self._complete(screen, architectures, record)
        values: _Values = record["values"]
        return _table(values, range(len(architectures)))

    def _complete(
        self, screen: Screen, architectures: Sequence[Architecture], record: dict[str, Any]
    ) -> None:
        begun = time.monotonic() - record["seconds"]
        self._emit(Screening(len(architectures)))
        if screen.preview is None:
            scores = np.asarray(screen.fitness(architectures), dtype=np.float64)
            record["values"] = {str(row): _write([score]) for row, score in enumerate(scores)}
        else:
            self._work(architectures, record, begun, min(begun + screen.seconds, self._deadline))
        scored, total = len(record["values"]), len(architectures)
        record["end"] = "all scored" if scored == total else "time over"
        record["seconds"] = time.monotonic() - begun
        self._journal.keep(_RECORD, record)
        self._emit(Screened(total, scored, record["seconds"]))

    def _work(
        self, architectures: Sequence[Architecture], record: dict[str, Any], begun: float, end: float
    ) -> None:
        """Scores by the executor what has no score yet, and writes the record from time to time."""
        values: _Values = record["values"]
        waiting = [row for row in reversed(range(len(architectures))) if str(row) not in values]
        running: dict[Future[Outcome], int] = {}
        written = time.monotonic()
        while waiting or running:
            while waiting and len(running) < self._executor.capacity and time.monotonic() < end:
                row = waiting.pop()
                running[self._executor.submit(Preview(architectures[row]))] = row
            if not running:
                return
            for future in self._executor.wait():
                outcome = read_outcome(future)
                if outcome.fatal is not None:
                    raise outcome.fatal
                values[str(running.pop(future))] = _write(outcome.values)
            self._emit(NetworkScored(len(values), len(architectures)))
            if time.monotonic() - written > _SECONDS_BETWEEN_WRITES:
                written = time.monotonic()
                record["seconds"] = written - begun
                self._journal.keep(_RECORD, record)


def _table(values: _Values, rows: Iterable[int]) -> NDArray[np.float64]:
    """The scores of some rows by each proxy, ``(rows, proxies)``; NaN where there is none."""
    missing = [None] * next((len(found) for found in values.values() if found), 1)
    return np.array([values.get(str(row)) or missing for row in rows], dtype=np.float64)


def _identify(screen: Screen, architectures: Sequence[Architecture]) -> dict[str, Any]:
    """Tells a screening from one with another score or other architectures."""
    drawn = hashlib.sha256("\n".join(one.to_json() for one in architectures).encode()).hexdigest()[:16]
    return {"fitness": describe(screen.fitness), "architectures": drawn}


def _is_same(was: dict[str, Any], now: dict[str, Any]) -> bool:
    return was["architectures"] == now["architectures"] and not any(
        differences(was["fitness"], now["fitness"])
    )


def _write(values: Sequence[float]) -> list[float | None] | None:
    return [None if math.isnan(value) else float(value) for value in values] or None

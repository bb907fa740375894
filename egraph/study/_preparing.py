"""The work that searchers need before the first trial, such as the training of a supernet."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from egraph.evaluation.base import Evaluator
from egraph.searchers import MakeSearcher
from egraph.spaces import SearchSpace
from egraph.study._events import Event, PreparationStep, Prepared, Preparing
from egraph.study._journal import Journal
from egraph.study._seeds import derive

__all__ = ["Bindable", "Preparation", "bind", "prepare", "recall"]

RECORD = "preparations"
"""Its name among the settings of a journal."""


@runtime_checkable
class Bindable(Protocol):
    """Makes searchers of a study only when it knows the data of its evaluator."""

    def bind(
        self, space: SearchSpace, evaluator: Evaluator, *, seed: int, journal: Path | None
    ) -> MakeSearcher:
        """What makes the searchers of one study.

        Args:
            space: Where to search.
            evaluator: Evaluator of the study.
            seed: Seed of what happens before the first trial.
            journal: File of the journal, beside which files may be kept; None where it is in memory.

        Raises:
            UsageError: The evaluator or the space does not suit.
        """


@runtime_checkable
class Preparation(Protocol):
    """Makes searchers after long work, which is done before the first trial."""

    @property
    def title(self) -> str:
        """What is done, in words."""

    @property
    def total(self) -> int:
        """Number of steps."""

    @property
    def about(self) -> str:
        """All that the result depends on."""

    def describe(self) -> dict[str, Any]:
        """Name and options as JSON-ready values."""

    def prepare(self, step: Callable[[int, float, str], object]) -> dict[str, Any]:
        """Does the work, or the rest of it; returns the result as JSON-ready values.

        Args:
            step: Called after each step with the number of steps done, the duration of this one in seconds,
                and a note. An exception that it raises ends the work, which goes on there later.
        """

    def recall(self, result: Mapping[str, Any]) -> None:
        """Takes a result of `prepare`, so that searchers can be made."""

    def __call__(self, space: SearchSpace, *, seed: int = 0) -> Any:
        """Makes a searcher."""


def bind(
    makers: Mapping[str, MakeSearcher],
    space: SearchSpace,
    evaluator: Evaluator,
    seed: int,
    storage: str | os.PathLike[str] | None,
) -> dict[str, MakeSearcher]:
    """The makers of a study's searchers, those bound that need its data.

    Raises:
        UsageError: The evaluator or the space does not suit one of them.
    """
    journal = None if storage is None else Path(storage)
    return {
        name: make.bind(space, evaluator, seed=derive(seed, "preparation"), journal=journal)
        if isinstance(make, Bindable)
        else make
        for name, make in makers.items()
    }


def recall(journal: Journal, makers: Mapping[str, MakeSearcher]) -> dict[str, Preparation]:
    """Gives the makers the results that the journal has; returns those that still need their work."""
    records = journal.settings.get(RECORD, {})
    missing = {}
    for name, make in makers.items():
        if not isinstance(make, Preparation):
            continue
        record = records.get(name)
        if record and record["about"] == make.about and record["result"] is not None:
            make.recall(record["result"])
        else:
            missing[name] = make
    return missing


def prepare(
    journal: Journal, makers: Mapping[str, MakeSearcher], deadline: float, emit: Callable[[Event], object]
) -> str:
    """Does what searchers need before the first trial and is not done yet.

    The journal keeps steps and seconds after each step, and the result.

    Args:
        journal: Journal of the study.
        makers: Functions that make the searchers, by the names of these.
        deadline: Value of ``time.monotonic`` after which no further step begins.
        emit: Called with an event for each step.

    Returns:
        The reason to stop; empty if all is done.

    Raises:
        EgraphError: The work cannot be done.
    """
    for name, make in recall(journal, makers).items():
        work = _Work(journal, name, make, deadline, emit)
        try:
            work.run()
        except _TimeOverError:
            return (
                f"the time is over: {make.title} has done {work.done} of {make.total} epochs; run the same "
                "command again to go on"
            )
    return ""


class _TimeOverError(Exception):
    """No time is left for another step."""


class _Work:
    """The work for one searcher, which notes every step."""

    def __init__(
        self, journal: Journal, name: str, make: Preparation, deadline: float, emit: Callable[[Event], object]
    ) -> None:
        self._journal, self._name, self._make = journal, name, make
        self._deadline, self._emit = deadline, emit
        known = journal.settings.get(RECORD, {}).get(name, {})
        same = known.get("about") == make.about
        self.done: int = known["done"] if same else 0
        self._seconds: float = known["seconds"] if same else 0.0

    def run(self) -> None:
        self._emit(Preparing(self._name, self._make.title, self.done, self._make.total))
        result = self._make.prepare(self._step)
        self._seconds = result.get("seconds", self._seconds)
        self._keep(result)
        self._make.recall(result)
        self._emit(Prepared(self._name, self._make.title, self._seconds))

    def _step(self, done: int, seconds: float, note: str) -> None:
        self.done = done
        self._seconds += seconds
        self._keep(None)
        self._emit(PreparationStep(self._name, self._make.title, done, self._make.total, note))
        if done < self._make.total and time.monotonic() >= self._deadline:
            raise _TimeOverError

    def _keep(self, result: Mapping[str, Any] | None) -> None:
        record = {
            "about": self._make.about,
            "done": self.done,
            "total": self._make.total,
            "seconds": self._seconds,
            "result": result,
        }
        self._journal.keep(RECORD, {**self._journal.settings.get(RECORD, {}), self._name: record})

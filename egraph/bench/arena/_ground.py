"""A benchmark made ready for searching: where to search, what a query gives, what is reported."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from egraph import datasets
from egraph.architecture import Architecture
from egraph.bench.arena._rows import RowSpace
from egraph.datasets import Table
from egraph.errors import UsageError
from egraph.evaluation import TableLookup
from egraph.spaces import SearchSpace

__all__ = ["Ground", "Task", "prepare", "read_task"]


@dataclass(frozen=True, slots=True)
class Task:
    """What is searched for.

    Attributes:
        benchmark: the table's name, or the path of its file.
        metric: what a query gives, and by which the best is chosen.
        test: what is reported of it.
    """

    benchmark: str
    metric: str
    test: str


@dataclass(frozen=True)
class Ground:
    """A task with its table in memory.

    Attributes:
        space: the whole search space where the table has all of it, else its rows.
        lookup: gives score, test score and seconds of one training, NaN where the table knows no cost.
        best: the best score there is.
        optimum: the best test score there is.
        chosen: the test score of what has the best score: where a perfect search ends.
        members: by its key, the architecture that stands for all that are the same network.
        root: where to look for data first.
        scores: an SQLite file that keeps what is computed of untrained networks; None keeps nothing.
    """

    space: SearchSpace
    lookup: TableLookup
    best: float
    optimum: float
    chosen: float
    members: Mapping[str, Architecture] = field(default_factory=dict)
    root: str | None = None
    scores: str | None = None

    def represent(self, architecture: Architecture) -> Architecture:
        """The one of `members` that is the same network: twins may draw other first weights."""
        return self.members.get(self.space.key(architecture), architecture)

    def test(self, architecture: Architecture) -> float:
        """What is reported of an architecture."""
        return self.lookup.evaluate(architecture).test_score


def read_task(text: str, root: str | os.PathLike[str] | None = None) -> Task:
    """Reads ``TABLE:METRIC:TEST``, ``TABLE:METRIC`` where both are one, or ``TABLE``.

    A table alone is enough where it has one metric, or one of validation and one of test data.

    Raises:
        UsageError: it has several, or lower is better for one of those named.
        UnknownNameError: there is no such table or metric.
        DataError: the table is absent or damaged.
    """
    name, *metrics = text.rsplit(":", 2)
    if not name or "" in metrics:
        raise UsageError(f"a benchmark is TABLE:METRIC:TEST, TABLE:METRIC or TABLE, got {text!r}")
    table = datasets.load(name, root)
    if not metrics:
        metrics = _choose_metrics(name, table)
    for metric in metrics:
        table[metric]
        if not table.metrics[metric].higher_is_better:
            raise UsageError(f"lower is better for {metric!r} of table {table.name!r}; name one to maximise")
    return Task(name, metrics[0], metrics[-1])


def prepare(
    task: Task, root: str | os.PathLike[str] | None = None, scores: str | os.PathLike[str] | None = None
) -> Ground:
    """Loads the table of a task; rows without a finite value of both metrics are left out.

    Args:
        task: what is searched for.
        root: where to look for data first.
        scores: see `Ground`.
    """
    table = datasets.load(task.benchmark, root)
    usable = np.isfinite(table[task.metric]) & np.isfinite(table[task.test])
    distinct = table.take(np.flatnonzero(usable)).distinct()
    whole = _count(distinct.space) == len(distinct)
    seconds = _put_seconds(distinct, task.metric)
    lookup = TableLookup(distinct, task.metric, task.test, seconds)
    space = distinct.space if whole else RowSpace(distinct)
    seen, tests = distinct[task.metric], distinct[task.test]
    return Ground(
        space,
        lookup,
        best=float(seen.max()),
        optimum=float(tests.max()),
        chosen=float(tests[seen.argmax()]),
        members=dict(zip(distinct.keys, distinct.architectures, strict=True)),
        root=None if root is None else os.fspath(root),
        scores=None if scores is None else os.fspath(scores),
    )


def _choose_metrics(name: str, table: Table) -> list[str]:
    if len(table.metrics) == 1:
        return list(table.metrics)
    by_split = [
        [metric for metric, about in table.metrics.items() if about.split == split and about.higher_is_better]
        for split in ("validation", "test")
    ]
    if any(len(found) != 1 for found in by_split):
        metrics = list(table.metrics)
        raise UsageError(
            f"table {table.name!r} has several metrics; say what a query gives and what is reported, such as "
            f"{name}:{(by_split[0] or metrics)[0]}:{(by_split[1] or metrics)[0]}; known: {', '.join(metrics)}"
        )
    return [found[0] for found in by_split]


def _put_seconds(table: Table, metric: str) -> str | None:
    """The column with the cost of one query, in place of the cost of one whole training; None if unknown.

    It is the first in seconds whose name begins with ``train``, and of the longest training of the table: a
    metric of fewer epochs costs in proportion.
    """
    names = [n for n, m in table.metrics.items() if n.startswith("train") and m.unit == "seconds"]
    if not names:
        return None
    epochs = [each.budget for each in table.metrics.values() if each.budget is not None]
    own = table.metrics[metric].budget
    if own is not None:
        table.columns[names[0]] = table[names[0]] * (own / max(epochs))
    return names[0]


def _count(space: SearchSpace) -> int | None:
    try:
        return len(space)
    except TypeError:
        return None

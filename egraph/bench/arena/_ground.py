"""A benchmark prepared for searches: space, queries and reported scores."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from egraph.architecture import Architecture
from egraph.bench._tables import Tables
from egraph.datasets import Table
from egraph.datasets._options import split_metrics
from egraph.errors import UsageError
from egraph.evaluation import TableLookup
from egraph.spaces import SearchSpace

__all__ = ["Ground", "Task", "prepare", "read_task"]


@dataclass(frozen=True, slots=True)
class Task:
    """A benchmark and its metrics.

    Attributes:
        benchmark: Name of the table, or path of its file.
        metric: Metric that a query returns and that chooses the best.
        test: Metric that is reported.
        content: Digest of a file of the user's own and of how it is read; None for tables.
    """

    benchmark: str
    metric: str
    test: str
    content: str | None = None


@dataclass(frozen=True)
class Ground:
    """A task with its table in memory.

    Attributes:
        benchmark: Name of the table, or path of its file.
        space: The search space if the table has all of it, else the space of its rows.
        lookup: Returns score, test score and seconds of one training; NaN if the table has no cost.
        best: Best score of the table.
        optimum: Best test score of the table.
        chosen: Test score of the architecture with the best score: the result of a perfect search.
        members: One architecture for each key.
        root: Folder in which data is looked for first.
        scores: SQLite file that keeps scores of untrained networks; None keeps nothing.
        reading: How a file of the user's own is read: arguments of `egraph.datasets.load`.
    """

    benchmark: str
    space: SearchSpace
    lookup: TableLookup
    best: float
    optimum: float
    chosen: float
    members: Mapping[str, Architecture] = field(default_factory=dict)
    root: str | None = None
    scores: str | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)

    def represent(self, architecture: Architecture) -> Architecture:
        """The architecture of `members` with the same key; initial weights depend on the numbering."""
        return self.members.get(self.space.key(architecture), architecture)

    def load(self, *metrics: str) -> Table:
        """The whole table, with these metrics of a file of the user's own."""
        return Tables(self.root, self.reading).load(self.benchmark, *metrics)

    def test(self, architecture: Architecture) -> float:
        """The reported score of an architecture."""
        return self.lookup.evaluate(architecture).test_score


def read_task(
    text: str, root: str | os.PathLike[str] | None = None, reading: Mapping[str, Any] | None = None
) -> Task:
    """Reads ``TABLE:METRIC:TEST``, ``TABLE:METRIC`` for one metric in both roles, or ``TABLE``.

    The table suffices if it has one metric, or one of validation and one of test data.

    Raises:
        UsageError: The metrics are ambiguous.
        UnknownNameError: There is no such table or metric.
        DataError: The table is absent or damaged.
    """
    tables = Tables.of(root, reading)
    name, metrics = split_metrics(text, 2)
    if not name or "" in metrics:
        raise UsageError(f"a benchmark is TABLE:METRIC:TEST, TABLE:METRIC or TABLE, got {text!r}")
    table = tables.load(name, *metrics)
    if not metrics:
        metrics = _choose_metrics(name, table)
    for metric in metrics:
        table[metric]
    return Task(name, metrics[0], metrics[-1], tables.identify(name, table))


def prepare(
    task: Task,
    root: str | os.PathLike[str] | None = None,
    scores: str | os.PathLike[str] | None = None,
    reading: Mapping[str, Any] | None = None,
) -> Ground:
    """Loads the table of a task without rows whose metrics are not finite.

    Args:
        task: Benchmark and metrics.
        root: Folder in which data is looked for first.
        scores: SQLite file for scores of untrained networks, see `Ground`.
        reading: How a file of your own is read: arguments of `egraph.datasets.load`.
    """
    tables = Tables.of(root, reading)
    table = tables.load(task.benchmark, *dict.fromkeys([task.metric, task.test]))
    distinct = table.measured(task.metric, task.test).distinct()
    seconds = _put_seconds(distinct, task.metric)
    lookup = TableLookup(distinct, task.metric, task.test, seconds)
    seen, tests = distinct.scores(task.metric), distinct.scores(task.test)
    return Ground(
        task.benchmark,
        distinct.search_space(),
        lookup,
        best=float(seen.max()),
        optimum=float(tests.max()),
        chosen=float(tests[seen.argmax()]),
        members=dict(zip(distinct.keys, distinct.architectures, strict=True)),
        root=None if root is None else os.fspath(root),
        scores=None if scores is None else os.fspath(scores),
        reading=tables.reading,
    )


def _choose_metrics(name: str, table: Table) -> list[str]:
    chosen = [table.default_metric(split) for split in ("validation", "test")]
    if None in chosen:
        examples = ":".join(metric or next(iter(table.metrics), "METRIC") for metric in chosen)
        raise UsageError(
            f"table {table.name!r} has several metrics; name that of a query and that to report, such as "
            f"{name}:{examples}; known: {', '.join(table.metrics)}"
        )
    return [metric for metric in chosen if metric is not None]


def _put_seconds(table: Table, metric: str) -> str | None:
    """Scales the column of training costs to the cost of one query and returns its name; None if unknown.

    The column is the first in seconds whose name begins with ``train``. It holds the cost of the longest
    training of the table; a metric of fewer epochs costs in proportion.
    """
    names = [n for n, m in table.metrics.items() if n.startswith("train") and m.unit == "seconds"]
    if not names:
        return None
    epochs = [each.budget for each in table.metrics.values() if each.budget is not None]
    own = table.metrics[metric].budget
    if own is not None:
        table.columns[names[0]] = table[names[0]] * (own / max(epochs))
    return names[0]

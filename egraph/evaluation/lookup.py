"""Table look-up in place of training."""

from __future__ import annotations

import functools
import hashlib
import math
import statistics
from collections.abc import Mapping
from typing import Any

import numpy as np

from egraph.architecture import Architecture
from egraph.datasets import Metric, Table
from egraph.errors import EvaluationError, UsageError
from egraph.evaluation.base import Evaluation, Evaluator, Fidelity

__all__ = ["ColumnCost", "TableLookup"]


class TableLookup(Evaluator):
    """Looks architectures up in a table, by their key.

    Scores keep the unit of their column: an accuracy in percent stays in percent. Where lower is better, a
    score is the negative of its column. Rows with the same key are averaged; the seed has no effect.

    Args:
        table: Table of measured architectures.
        metric: Column of the scores.
        test_metric: Column to report as test score; None reports none.
        seconds_metric: Column of the cost of an evaluation, in seconds; None leaves the cost unknown. At a
            fidelity, it counts in proportion to the cost.

    Raises:
        UnknownNameError: The table lacks a column.
    """

    def __init__(
        self, table: Table, metric: str, test_metric: str | None = None, seconds_metric: str | None = None
    ) -> None:
        distinct = table.distinct()
        unknown = np.full(len(distinct), np.nan)
        columns = [unknown if column is None else distinct.scores(column) for column in (metric, test_metric)]
        columns.append(unknown if seconds_metric is None else distinct[seconds_metric])
        self.negated = tuple(
            column
            for column in dict.fromkeys((metric, test_metric))
            if column is not None and not table.metrics[column].higher_is_better
        )
        self.space = table.space
        self.name = table.name
        self._table: Any = table
        self.columns = {"score": metric, "test_score": test_metric, "seconds": seconds_metric}
        self._metrics = {name: table.metrics[name] for name in self.columns.values() if name is not None}
        self._rows: dict[str, tuple[float, float, float]] = {
            key: tuple(row) for key, row in zip(distinct.keys, np.column_stack(columns).tolist(), strict=True)
        }

    @property
    def takes_seed(self) -> bool:
        """False: a table has one number."""
        return False

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The columns in use."""
        return self._metrics

    def evaluate(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        """The numbers of the table; the seed has no effect.

        Raises:
            EvaluationError: The table lacks the architecture, or its score is not a finite number.
            ArchitectureError: The architecture is not in the table's space.
        """
        row = self._rows.get(self.space.key(architecture))
        if row is None:
            raise EvaluationError(
                f"the table {self.name!r} has no architecture {self.space.format(architecture)}"
            )
        score, test_score, seconds = row
        if not math.isfinite(score):
            raise EvaluationError(f"{self.columns['score']!r} of table {self.name!r} is {score} there")
        return Evaluation(score, test_score, seconds, source=f"table {self.name}")

    def at(self, fidelity: str) -> Fidelity:
        """The same networks after a shorter training: another column, which costs its share of the budget.

        Args:
            fidelity: Name of the column. Its budget and that of the metric, such as 12 and 200 epochs, give
                the cost.

        Raises:
            UnknownNameError: The table lacks the column.
            UsageError: The table names no budget of it or of the metric, or a larger one.
        """
        whole = self.columns["score"]
        assert whole is not None
        if fidelity == whole:
            return Fidelity(fidelity, 1.0, self)
        self._table[fidelity]  # an unknown column is refused with the known ones
        budgets = [
            getattr(self._table.metrics.get(name), "budget", None) or math.nan for name in (fidelity, whole)
        ]
        cost = budgets[0] / budgets[1]
        if not cost < 1:
            epochs = ("an unknown budget" if math.isnan(each) else f"{each:g} epochs" for each in budgets)
            raise UsageError(
                f"{fidelity!r} of table {self.name!r} has {next(epochs)} and {whole!r} {next(epochs)}; a "
                "fidelity is a column of a smaller budget than the metric"
            )
        shorter = TableLookup(self._table, fidelity)
        row_of, own = self._rows, shorter._rows
        shorter._rows = {key: (own[key][0], math.nan, cost * row_of[key][2]) for key in own}
        return Fidelity(fidelity, cost, shorter)

    def __getstate__(self) -> dict[str, Any]:
        """Worker processes need no more than the rows."""
        rows = np.array(list(self._rows.values()), dtype=np.float64).reshape(-1, 3)
        return {**self.__dict__, "_table": None, "_rows": (list(self._rows), rows)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        keys, rows = state["_rows"]
        self.__dict__.update(state, _rows=dict(zip(keys, map(tuple, rows.tolist()), strict=True)))

    def describe(self) -> dict[str, object]:
        """Name of the table, its space, the columns in use, those negated, and a digest of their numbers."""
        described: dict[str, object] = {
            "kind": "table",
            "table": self.name,
            "digest": self._digest,
            "space": self.space.name,
            "columns": dict(self.columns),
        }
        return described | ({"negated": list(self.negated)} if self.negated else {})

    @functools.cached_property
    def _digest(self) -> str:
        """Digest of the numbers by their keys; the order of the rows does not matter."""
        keys = sorted(self._rows)
        sha = hashlib.sha256("\n".join(keys).encode())
        sha.update(np.array([self._rows[key] for key in keys], dtype="<f4").tobytes())
        return sha.hexdigest()[:16]

    def __len__(self) -> int:
        return len(self._rows)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<look-up of {self.columns['score']} in table {self.name}>"


class ColumnCost:
    """A cost that is a column of a table: a function from an architecture to its number, lower is better.

    Rows with the same key are averaged. An architecture whose rows have no finite number has the cost NaN.

    Args:
        table: Table of measured architectures.
        column: Column of numbers.

    Raises:
        UnknownNameError: The table lacks the column.
        UsageError: The column holds no numbers, none that is finite, or higher is better.
    """

    def __init__(self, table: Table, column: str) -> None:
        values = table.numbers(column)
        about = table.metrics.get(column)
        if about is not None and about.higher_is_better:
            raise UsageError(
                f"higher is better for {column!r} of table {table.name!r}, and a cost is minimised; name "
                f"another column, or import the table with --lower-is-better {column}"
            )
        if not np.isfinite(values).any():
            raise UsageError(f"{column!r} of table {table.name!r} has no finite number")
        self.space, self.name, self.column = table.space, table.name, column
        self._rows: dict[str, list[float]] = {}
        for key, value in zip(table.keys, values.tolist(), strict=True):
            self._rows.setdefault(key, [])
            if math.isfinite(value):
                self._rows[key].append(value)

    def __call__(self, architecture: Architecture) -> float:
        """The cost of an architecture.

        Raises:
            EvaluationError: The table lacks the architecture.
        """
        values = self._rows.get(self.space.key(architecture))
        if values is None:
            raise EvaluationError(
                f"the table {self.name!r} has no architecture {self.space.format(architecture)}"
            )
        return statistics.fmean(values) if values else math.nan

    def __repr__(self) -> str:
        return f"<cost {self.column} of table {self.name}>"

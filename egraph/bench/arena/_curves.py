"""The best score so far as a function of queries or simulated seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TASK", "band", "checkpoints", "group", "incumbents", "summarise"]

TASK = ("benchmark", "metric", "test", "queries")
"""Fields in which comparable searches agree."""

Rows = Sequence[Mapping[str, Any]]


def group(rows: Iterable[Mapping[str, Any]], by: Sequence[str]) -> dict[tuple[Any, ...], list[Any]]:
    """Groups of rows that agree in some fields, in order of first appearance."""
    found: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in by), []).append(row)
    return found


def incumbents(row: Mapping[str, Any], at: ArrayLike, by: str = "queries") -> NDArray[np.float64]:
    """The test score of the best architecture so far, ``(points,)``; NaN before the first result.

    Args:
        row: Result of `measure`.
        at: Numbers of queries, or simulated seconds, ``(points,)``.
        by: ``queries`` or ``seconds``.
    """
    column = {"queries": 0, "seconds": 1}[by]
    reached = np.array([step[column] for step in row["steps"]], dtype=np.float64)
    tests = np.array([np.nan, *(step[3] for step in row["steps"])], dtype=np.float64)
    return tests[np.searchsorted(reached, at, side="right")]


def band(rows: Rows, at: ArrayLike, by: str = "queries") -> NDArray[np.float64]:
    """Lower quartile, median and upper quartile over the searches, ``(3, points)``.

    NaN if a search has no result yet.
    """
    values = np.array([incumbents(row, at, by) for row in rows])  # (searches, points)
    return np.quantile(values, [0.25, 0.5, 0.75], axis=0)


def checkpoints(queries: int) -> list[int]:
    """Numbers of queries in the tables: 10, 20, 50, 100 and so on, and the budget."""
    rounded = [factor * 10**power for power in range(1, 12) for factor in (1, 2, 5)]
    return [*(count for count in rounded if count < queries), queries]


def summarise(rows: Rows, at: Sequence[int] | None = None) -> pd.DataFrame:
    """One row for each benchmark, contestant and number of queries.

    Args:
        rows: Results of `measure`.
        at: Numbers of queries; None takes those of `checkpoints`.

    Returns:
        The columns ``benchmark``, ``metric``, ``test``, ``queries`` (the budget), ``searcher``, ``fitness``,
        ``at``, ``seeds`` (their number), and statistics of the test score of the best so far: ``median``,
        ``low`` and ``high`` (quartiles), ``mean``, ``sd`` (with n - 1; NaN for one seed), ``optimum`` (best
        of the table) and ``found`` (share of the seeds that reached it).
    """
    import pandas as pd

    lines = []
    for key, part in group(rows, [*TASK, "searcher", "fitness"]).items():
        points = list(at) if at is not None else checkpoints(key[TASK.index("queries")])
        values = np.array([incumbents(row, points) for row in part])  # (seeds, points)
        optimum = part[0]["optimum"]
        for point, column in zip(points, values.T, strict=True):
            low, median, high = np.quantile(column, [0.25, 0.5, 0.75]).tolist()
            sd = float(column.std(ddof=1)) if len(column) > 1 else np.nan
            found = float(np.mean(column >= optimum))
            figures = (median, low, high, float(column.mean()), sd, optimum, found)
            lines.append((*key, point, len(part), *figures))
    figures_of = ("median", "low", "high", "mean", "sd", "optimum", "found")
    return pd.DataFrame(lines, columns=[*TASK, "searcher", "fitness", "at", "seeds", *figures_of])

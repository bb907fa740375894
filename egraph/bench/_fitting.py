"""A ranker fitted on one part of a table and scored on the rest."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph import metrics
from egraph.bench._card import (
    FINGERPRINTS,
    describe_fit,
    describe_table,
    fingerprint,
)
from egraph.errors import UsageError

if TYPE_CHECKING:
    from egraph.datasets import Table
    from egraph.ranker import Ranker

__all__ = [
    "Estimate",
    "TableFit",
    "TableScores",
    "find_learned",
    "fit_on_table",
    "measure_on",
    "measured_networks",
    "score_on_table",
]

Progress = Callable[[str, int, int], None]
"""Called with the stage, ``"fit"`` or ``"measure"``, the steps done, and the steps in all or 0."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measure with its 95 % bootstrap interval; NaN where it is undefined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class TableScores:
    """How well a ranker orders networks that it did not learn from.

    Attributes:
        rows: Number of networks measured on.
        excluded: Number of networks left out because the ranker learned from them.
        measures: ``"kendall tau-b"``, ``"spearman"`` and ``"precision@10"``; k is smaller for fewer rows.
    """

    rows: int
    excluded: int
    measures: Mapping[str, Estimate]

    def to_dict(self) -> dict[str, Any]:
        """The rows and measures as JSON-ready values, None in place of NaN."""
        return {"rows": self.rows} | {
            name: {
                each: value if math.isfinite(value := getattr(estimate, each)) else None
                for each in ("value", "low", "high")
            }
            for name, estimate in self.measures.items()
        }


@dataclass(frozen=True, eq=False, slots=True)
class TableFit:
    """A ranker fitted on a table.

    Attributes:
        ranker: The fitted ranker.
        table: The table.
        metric: The metric whose scores the ranker learned.
        train: The networks learned from.
        scores: Measures on all other distinct networks of the table.
        seconds: Duration of the fit.
        seed: Seed of the choice of the training networks.
    """

    ranker: Ranker
    table: Table
    metric: str
    train: Table
    scores: TableScores
    seconds: float
    seed: int

    @property
    def coverage(self) -> Mapping[float, float]:
        """Share of held-out scores inside the ranker's intervals, by level."""
        return self.ranker.coverage_

    def card(self, command: str | None = None) -> dict[str, Any]:
        """The model card as JSON-ready values.

        Args:
            command: Command line that repeats the fit.
        """
        return {
            **describe_table(self.table, self.metric),
            "split": {
                "networks learned from": len(self.train),
                "measured on": self.scores.rows,
                "seed": self.seed,
                "by": "key, all distinct networks",
            },
            "scores": self.scores.to_dict(),
            **describe_fit(self.ranker, self.seconds, command),
            FINGERPRINTS: sorted(map(fingerprint, self.train.keys)),
        }


def fit_on_table(
    table: Table,
    metric: str,
    samples: int = 100,
    *,
    ranker: Ranker | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> TableFit:
    """Fits a ranker on some networks of a table and scores it on all others.

    Where lower is better for the metric, the ranker learns its negative. Networks without a value, whose
    trainings failed, are left out.

    Args:
        table: Measured architectures; each network counts once.
        metric: The metric to learn.
        samples: Number of networks to learn from.
        ranker: The ranker to fit; None takes ``Ranker(seed=seed)``.
        seed: Seed of the choice of networks and of the bootstrap intervals.
        progress: Callback of the stages.

    Raises:
        UnknownNameError: The table has no such metric.
        UsageError: No network is left to measure on, or a value of the metric is infinite.
    """
    from egraph.ranker import Ranker

    emit = progress or _ignore
    distinct = measured_networks(table, metric)
    if samples >= len(distinct):
        raise UsageError(
            f"samples must leave networks to measure on: {table.name!r} has {len(distinct):,} distinct ones, "
            f"got {samples:,}"
        )
    train, rest = distinct.split(samples, seed)
    model = Ranker(seed=seed) if ranker is None else ranker
    emit("fit", 0, 0)
    started = time.perf_counter()
    model.fit(
        train.architectures,
        train.scores(metric),
        progress=lambda done, steps: emit("fit", done, steps),
    )
    seconds = time.perf_counter() - started
    emit("measure", 0, len(rest))
    scores = TableScores(len(rest), len(train), measure_on(model, rest, rest.scores(metric), seed))
    return TableFit(model, table, metric, train, scores, seconds, seed)


def score_on_table(
    ranker: Any, table: Table, metric: str, *, seed: int = 0, progress: Progress | None = None
) -> TableScores:
    """Scores a ranker on the networks of a table that it did not learn from, as far as its card names them.

    Args:
        ranker: A fitted ranker with a ``card``, such as `egraph.Ranker` or `egraph.export.OnnxRanker`.
        table: Measured architectures; each network counts once.
        metric: The metric to compare with.
        seed: Seed of the bootstrap intervals.
        progress: Callback of the stages.

    Raises:
        UnknownNameError: The table has no such metric.
        UsageError: Fewer than two networks are left, or a value of the metric is infinite.
    """
    distinct = measured_networks(table, metric)
    fresh = np.flatnonzero(~find_learned(ranker, distinct))
    if len(fresh) < 2:
        raise UsageError(
            f"{len(fresh)} of {len(distinct)} networks of {table.name!r} are left that the ranker has not "
            "learned from; at least two are needed"
        )
    rest = distinct.take(fresh)
    scores = rest.scores(metric)
    (progress or _ignore)("measure", 0, len(rest))
    return TableScores(len(rest), len(distinct) - len(rest), measure_on(ranker, rest, scores, seed))


def find_learned(ranker: Any, table: Table) -> NDArray[np.bool_]:
    """Which networks of a table a ranker has learned from, as far as its card names them, ``(rows,)``.

    Args:
        ranker: A fitted ranker; one without a ``card`` has learned from none.
        table: Measured architectures.
    """
    card = getattr(ranker, "card", None) or {}
    known = card.get("spaces", [card.get("space")])
    seen = set(card.get(FINGERPRINTS, ())) if table.space.name in known else set()
    return np.array([fingerprint(key) in seen for key in table.keys], dtype=bool)


def measure_on(
    predict: Callable[[Any], NDArray[Any]], table: Table, scores: NDArray[Any], seed: int
) -> dict[str, Estimate]:
    """Measures of a ranker on networks that it did not learn from, each with its interval."""
    predicted = predict(table.architectures)
    k = min(10, len(table))
    found = {}
    for name, metric, options in (
        ("kendall tau-b", metrics.kendall_tau, {}),
        ("spearman", metrics.spearman, {}),
        (f"precision@{k}", metrics.precision_at_k, {"k": k}),
    ):
        low, high = metrics.bootstrap_interval(metric, scores, predicted, seed=seed, **options)
        found[name] = Estimate(float(metric(scores, predicted, **options)), low, high)
    return found


def measured_networks(table: Table, metric: str) -> Table:
    """The distinct networks of a table with a value of a metric; failed measurements, NaN, are left out.

    Raises:
        UnknownNameError: The table has no such metric.
        UsageError: A value is infinite, or none is measured.
    """
    distinct = table.distinct()
    values = distinct[metric]
    if len(bad := np.flatnonzero(np.isinf(table[metric]))):
        raise UsageError(
            f"metric {metric!r} of table {table.name!r} is infinite in {len(bad):,} of {len(table):,} rows, "
            f"first in row {bad[0] + 1}; choose another metric, or import the table without these rows"
        )
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        raise UsageError(
            f"metric {metric!r} of table {table.name!r} is measured in none of {len(table):,} rows; "
            "choose another"
        )
    return distinct if len(known) == len(distinct) else distinct.take(known)


def _ignore(stage: str, done: int, total: int) -> None:
    pass

"""A ranker fitted on several tables, each with scores of its own, and scored on the rest of each."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph.bench._card import FINGERPRINTS, describe_fit, describe_table, fingerprint
from egraph.bench._fitting import Progress, TableScores, measure_on, measured_networks
from egraph.errors import UsageError

if TYPE_CHECKING:
    from egraph.datasets import Table
    from egraph.ranker import Ranker

__all__ = ["Source", "SourcesFit", "fit_on_tables"]


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """One of the sources of a ranker.

    Attributes:
        name: Name of the source: table and metric.
        table: The table.
        metric: The metric whose scores the ranker learned.
        train: The networks learned from.
        scores: Measures on the distinct networks of the table that no source of the ranker has in its
            training data; None where fewer than two are left.
    """

    name: str
    table: Table
    metric: str
    train: Table
    scores: TableScores | None


@dataclass(frozen=True, eq=False, slots=True)
class SourcesFit:
    """A ranker fitted on several sources.

    Attributes:
        ranker: The fitted ranker.
        sources: The sources.
        seconds: Duration of the fit.
        seed: Seed of the choice of the training networks.
    """

    ranker: Ranker
    sources: Sequence[Source]
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
        spaces = list(dict.fromkeys(source.table.space.name for source in self.sources))
        keys = {key for source in self.sources for key in source.train.keys}
        return {
            **({"space": spaces[0]} if len(spaces) == 1 else {"spaces": spaces}),
            "sources": [_describe(source) for source in self.sources],
            **describe_fit(self.ranker, self.seconds, command),
            "seed": self.seed,
            FINGERPRINTS: sorted(map(fingerprint, keys)),
        }


def fit_on_tables(
    sources: Sequence[tuple[Table, str]],
    samples: int = 100,
    *,
    ranker: Ranker | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> SourcesFit:
    """Fits one ranker on some networks of several tables, and scores it on the others of each.

    Each source is a group of its own: scores of two sources are never compared. Where lower is better for a
    metric, the ranker learns its negative.

    Args:
        sources: Tables with the metric to learn of each. A table may occur twice, with two metrics.
        samples: Number of networks to learn from in each table; a table with too few gives four fifths of its
            networks.
        ranker: The ranker to fit; None takes ``Ranker(seed=seed)``.
        seed: Seed of the choice of networks and of the bootstrap intervals.
        progress: Callback of the stages.

    Raises:
        UnknownNameError: A table has no such metric.
        UsageError: There are fewer than two sources, a source occurs twice, has fewer than two networks, or a
            value of its metric is infinite.
    """
    from egraph.ranker import Ranker

    names = [f"{table.name}:{metric}" for table, metric in sources]
    if len(names) < 2:
        raise UsageError(f"expected at least two sources, got {len(names)}; fit_on_table takes one")
    if twice := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"the source {twice[0]} is given twice; leave one out, or rename one of two files")
    splits = [_split(table, metric, samples, seed) for table, metric in sources]
    model = Ranker(seed=seed) if ranker is None else ranker
    emit = progress or _ignore
    emit("fit", 0, 0)
    started = time.perf_counter()
    trains = [train for train, _ in splits]
    model.fit(
        [a for train in trains for a in train.architectures],
        np.concatenate([t.scores(metric) for t, (_, metric) in zip(trains, sources, strict=True)]),
        groups=[name for name, train in zip(names, trains, strict=True) for _ in range(len(train))],
        progress=lambda done, steps: emit("fit", done, steps),
    )
    seconds = time.perf_counter() - started
    learned = {(table.space.name, key) for table in trains for key in table.keys}
    found = []
    for name, (table, metric), (train, rest) in zip(names, sources, splits, strict=True):
        fresh = np.flatnonzero([(table.space.name, key) not in learned for key in rest.keys])
        emit("measure", 0, len(fresh))
        scores = None
        if len(fresh) > 1:
            unseen = rest.take(fresh)
            measures = measure_on(model, unseen, unseen.scores(metric), seed)
            scores = TableScores(len(fresh), len(train) + len(rest) - len(fresh), measures)
        found.append(Source(name, table, metric, train, scores))
    return SourcesFit(model, found, seconds, seed)


def _split(table: Table, metric: str, samples: int, seed: int) -> tuple[Table, Table]:
    distinct = measured_networks(table, metric)
    if len(distinct) < 2:
        raise UsageError(f"table {table.name!r} has {len(distinct)} networks, expected at least two")
    train, rest = distinct.split(min(samples, max(4 * len(distinct) // 5, 1)), seed)
    return train, rest


def _describe(source: Source) -> dict[str, Any]:
    return {
        **describe_table(source.table, source.metric),
        "networks learned from": len(source.train),
        "scores": None if source.scores is None else source.scores.to_dict(),
    }


def _ignore(stage: str, done: int, total: int) -> None:
    pass

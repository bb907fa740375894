"""Protocols: the choice of training and test networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from egraph.datasets import Table
from egraph.errors import UsageError
from egraph.registry import Registry

__all__ = ["PROTOCOLS", "Protocol", "Split"]

TAGATES_CELLS = 14_580
THESIS_TEST = 1_050
THESIS_EPS = {"fraction": 0.003, "percent": 0.3}


@dataclass(frozen=True, slots=True)
class Split:
    """The training and test networks of one measurement.

    Attributes:
        train: Networks that the predictor is fitted on.
        test: Networks that it scores.
        eps: Margin in units of the metric below which two true values count as about equal; None where the
            protocol has no margin.
    """

    train: Table
    test: Table
    eps: float | None = None


@dataclass(frozen=True, slots=True)
class Protocol:
    """A way to divide a benchmark into training and test networks.

    Attributes:
        name: Name of the protocol.
        description: One sentence.
        by_key: Whether rows of the same network are first averaged into one row. If not, one network can be
            on both sides under two names.
        split: ``(table, metric, samples, seed) -> Split``; raises `UsageError` where the table has too few
            rows.
    """

    name: str
    description: str
    by_key: bool
    split: Callable[[Table, str, int, int], Split]

    def prepare(self, table: Table, metric: str) -> Table:
        """The rows to draw from: those with a finite metric, one for each key where ``by_key`` is set."""
        measured = table.take(np.flatnonzero(np.isfinite(table[metric])))
        return measured.distinct() if self.by_key else measured


def _split_by_key(table: Table, metric: str, samples: int, seed: int) -> Split:
    _check_room(table, samples, len(table) - 1)
    return Split(*table.split(samples, seed))


def _split_rows(table: Table, metric: str, samples: int, seed: int) -> Split:
    _check_room(table, samples, len(table) - 1)
    rows = np.random.default_rng(seed).permutation(len(table))
    return Split(table.take(np.sort(rows[:samples])), table.take(np.sort(rows[samples:])))


def _split_halves(table: Table, metric: str, samples: int, seed: int) -> Split:
    rows = np.random.default_rng(seed).permutation(len(table))
    if table.space.name == "nasbench101":
        rows = rows[:TAGATES_CELLS]
    pool = (len(rows) + 1) // 2
    _check_room(table, samples, pool)
    return Split(table.take(np.sort(rows[:samples])), table.take(np.sort(rows[pool:])))


def _split_thesis(table: Table, metric: str, samples: int, seed: int) -> Split:
    unit = table.metrics[metric].unit
    if unit not in THESIS_EPS:
        raise UsageError(
            f"the protocol 'thesis' has a margin of accuracy and needs a metric in {' or '.join(THESIS_EPS)},"
            f" got {metric!r} in {unit!r}; use the protocol 'key'"
        )
    _check_room(table, samples, len(table) - THESIS_TEST)
    rows = np.random.default_rng(seed).permutation(len(table))[: samples + THESIS_TEST]
    train, test = table.take(np.sort(rows[:samples])), table.take(np.sort(rows[samples:]))
    return Split(train, test, THESIS_EPS[unit])


def _check_room(table: Table, samples: int, most: int) -> None:
    if not 1 <= samples <= most:
        raise UsageError(
            f"samples must be from 1 to {max(most, 0)} for this protocol, got {samples}: "
            f"table {table.name!r} has {len(table)} rows to draw from"
        )


PROTOCOLS: Registry[Protocol] = Registry("protocol")
"""The protocols by name; ``docs/how-to/compare-predictors.md`` has their sources and weaknesses."""

for _protocol in (
    Protocol("key", "split by key: tested on every other network", True, _split_by_key),
    Protocol("pinat", "random rows; tested on all other rows, isomorphic ones included", False, _split_rows),
    Protocol(
        "tagates", "random rows of one half of the space; tested on the other half", False, _split_halves
    ),
    Protocol("thesis", f"tested on {THESIS_TEST:,} random networks, margin 0.003", True, _split_thesis),
):
    PROTOCOLS.register(_protocol.name, _protocol)

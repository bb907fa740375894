"""Three parts of a table: to train rankers, to choose one, and to report its accuracy."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from egraph.datasets import Table
from egraph.errors import UsageError

__all__ = ["Split", "split_table"]


@dataclass(frozen=True, eq=False)
class Split:
    """A table in three parts; no network, by its key, is in two of them.

    Attributes:
        train: Networks that rankers learn from.
        validation: Networks that genomes are selected by.
        test: Networks that only the outcome is reported on.
        metric: Metric of the scores; where lower is better, its negative is learnt.
        seed: Seed of the split.
    """

    train: Table
    validation: Table
    test: Table
    metric: str
    seed: int

    def describe(self) -> dict[str, object]:
        """The table, metric, sizes and digest of the split as JSON-ready values."""
        return {
            "table": self.train.name,
            "metric": self.metric,
            "train": len(self.train),
            "validation": len(self.validation),
            "test": len(self.test),
            "seed": self.seed,
            "digest": _digest([*self.train.keys, "", *self.validation.keys]),
        }


def split_table(
    table: Table, metric: str, *, train: int = 150, validation: int = 350, test: int = 2000, seed: int = 0
) -> Split:
    """Splits the distinct networks of a table at random; rows without a finite score are left out.

    Args:
        table: Measured networks.
        metric: Metric that rankers learn.
        train: Number of networks to train on.
        validation: Number of networks to choose by.
        test: Largest number of networks to report on.
        seed: Seed of the split.

    Raises:
        UnknownNameError: The table has no such metric.
        UsageError: The table, or a part, has too few networks.
    """
    if min(train, validation, test) < 2:
        raise UsageError(
            f"each part needs at least 2 networks, got train={train}, validation={validation}, test={test}"
        )
    distinct = table.distinct()
    finite = np.flatnonzero(np.isfinite(distinct.scores(metric)))
    measured = distinct.take(finite)
    if len(measured) < train + validation + 2:
        raise UsageError(
            f"{train} networks to train on and {validation} to choose by leave none to report on: table "
            f"{table.name!r} has {len(measured):,} distinct ones with a finite {metric!r}"
        )
    labelled, rest = measured.split(train + validation, seed)
    parts = labelled.split(train, seed)
    if len(rest) > test:
        rest, _ = rest.split(test, seed)
    return Split(*parts, rest, metric, seed)


def _digest(keys: list[str]) -> str:
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:16]

"""The best architectures that a journal holds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from egraph.study._columns import read_trial
from egraph.study._retrain import FINALISTS
from egraph.study._trial import Trial

__all__ = ["Best", "find_best"]


@dataclass(frozen=True, slots=True)
class Best:
    """An architecture that stands out by its score.

    Attributes:
        trial: Its trial; the best one where the network was tried several times.
        score: Score that selected it: the mean of its trials.
        retrained: Test scores of trainings from scratch with fresh seeds.
        repeats: Number of trainings from scratch that succeeded.
        confirmed: Their mean score; NaN where there were none.
    """

    trial: Trial
    score: float
    retrained: tuple[float, ...]
    repeats: int
    confirmed: float

    @property
    def final_score(self) -> float:
        """The mean test score of trainings from scratch; that of its own trial where there were none."""
        return float(np.mean(self.retrained)) if self.retrained else self.trial.test_score

    @property
    def chosen_by(self) -> float:
        """The mean score of trainings from scratch; that of its own trial where there were none."""
        return self.confirmed if math.isfinite(self.confirmed) else self.score


def find_best(trials: pd.DataFrame, retrains: pd.DataFrame, most: int = FINALISTS) -> list[Best]:
    """The best architectures, each network once.

    They are ordered by their confirmed scores where all of them were trained again, and else by the scores
    of their trials.

    Args:
        trials: Rows of `Journal.trials`; only those of successful trials count.
        retrains: Rows of `Journal.retrains`.
        most: Largest number of architectures.
    """
    complete = trials[trials["state"] == "complete"].dropna(subset=["score"])
    # As in the selection of finalists: by the mean where a network came again, the first of equals first.
    means = complete.groupby("key", sort=False)["score"].mean()
    means = means.sort_values(ascending=False, kind="stable").head(most)
    own = complete.sort_values("score", ascending=False, kind="stable").drop_duplicates("key")
    ordered = own.set_index("key").loc[means.index].reset_index()
    fresh = dict(iter(retrains[retrains["state"] == "complete"].groupby("key")))
    none = retrains.iloc[:0]
    finalists = [
        Best(
            trial=read_trial(row),
            score=float(means[row["key"]]),
            retrained=tuple(fresh.get(row["key"], none)["test_score"].dropna().astype(float)),
            repeats=len(fresh.get(row["key"], none)),
            confirmed=float(fresh.get(row["key"], none)["score"].astype(float).mean()),
        )
        for row in cast(list[dict[str, Any]], ordered.to_dict("records"))
    ]
    # An interrupted run may have trained only some of them again: no fair comparison.
    if set(ordered["key"]) <= set(retrains["key"]):
        finalists.sort(key=lambda one: -one.confirmed if math.isfinite(one.confirmed) else math.inf)
    return finalists

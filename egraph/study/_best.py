"""The best architectures that a journal holds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from egraph.architecture import Architecture
from egraph.study._retrain import FINALISTS

__all__ = ["Best", "find_best"]


@dataclass(frozen=True, slots=True)
class Best:
    """An architecture that stands out by its score.

    Attributes:
        number: of its trial.
        architecture: what was evaluated.
        seed: of that trial.
        score: what selected it; the mean where it was evaluated several times.
        test_score: of the same training; NaN where there is none.
        retrained: test scores of trainings from scratch with fresh seeds.
        repeats: how many trainings from scratch succeeded.
        confirmed: their mean score; NaN where there were none.
        seconds: cost of its evaluation; NaN where unknown.
        params: trainable parameters; 0 where unknown.
        flops: multiply-adds of one forward pass; 0 where unknown.
        origin: why it was tried.
    """

    number: int
    architecture: Architecture
    seed: int
    score: float
    test_score: float
    retrained: tuple[float, ...]
    repeats: int
    confirmed: float
    seconds: float
    params: int
    flops: int
    origin: str

    @property
    def final_score(self) -> float:
        """The mean test score of trainings from scratch; that of its own trial where there were none."""
        return float(np.mean(self.retrained)) if self.retrained else self.test_score

    @property
    def chosen_by(self) -> float:
        """The mean score of trainings from scratch; that of its own trial where there were none."""
        return self.confirmed if math.isfinite(self.confirmed) else self.score


def find_best(trials: pd.DataFrame, retrains: pd.DataFrame, most: int = FINALISTS) -> list[Best]:
    """The best architectures, each network once.

    They are ordered by their confirmed scores where all of them were trained again, and else by the scores
    of their trials.

    Args:
        trials: Rows of `Journal.trials`; trials that did not succeed are left out.
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
            number=int(row.number),
            architecture=Architecture.from_json(row.architecture),
            seed=int(row.seed),
            score=float(means[row.key]),
            test_score=float(row.test_score),
            retrained=tuple(fresh.get(row.key, none)["test_score"].dropna().astype(float)),
            repeats=len(fresh.get(row.key, none)),
            confirmed=float(fresh.get(row.key, none)["score"].astype(float).mean()),
            seconds=float(row.seconds),
            params=int(row.params),
            flops=int(row.flops),
            origin=str(row.origin),
        )
        for row in cast(Any, ordered.itertuples())
    ]
    # Half of them trained again, by a run that was broken off, would be no fair comparison.
    if set(ordered["key"]) <= set(retrains["key"]):
        finalists.sort(key=lambda one: -one.confirmed if math.isfinite(one.confirmed) else math.inf)
    return finalists

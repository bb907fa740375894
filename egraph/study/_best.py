"""The best architectures that a journal holds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from egraph.study._columns import read_trial
from egraph.study._retrain import FINALISTS
from egraph.study._trial import REFERENCE, WHOLE_COST, Trial

__all__ = ["Best", "Final", "find_best", "find_finals", "split_retrains"]


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


@dataclass(frozen=True, slots=True)
class Final:
    """A training of the winner by another evaluator than that of the study, such as a longer one.

    Attributes:
        evaluator: Description of the evaluator.
        changes: Fields of its recipe that differ from the study's, with their values; None where one is
            left out.
        scores: Scores of the trainings that succeeded, ``(repeats,)``.
        test_scores: Their test scores, ``(repeats,)``.
        seeds: Their seeds, ``(repeats,)``.
        reasons: Reasons of those that failed.
    """

    evaluator: dict[str, Any]
    changes: dict[str, Any]
    scores: tuple[float, ...]
    test_scores: tuple[float, ...]
    seeds: tuple[int, ...]
    reasons: tuple[str, ...]


def split_retrains(
    retrains: pd.DataFrame, evaluator: Mapping[str, Any] | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of `Journal.retrains` by the evaluator of the study, and those by others.

    Args:
        retrains: Rows of `Journal.retrains`.
        evaluator: Description of the study's evaluator in the settings of the journal.
    """
    own = retrains["evaluator"].map(lambda text: json.loads(text) == evaluator).astype(bool)
    return retrains[own], retrains[~own]


def find_finals(key: str, others: pd.DataFrame, evaluator: Mapping[str, Any]) -> list[Final]:
    """The trainings of one network by other evaluators than the study's.

    Args:
        key: Key of the network.
        others: Rows of `Journal.retrains` by other evaluators.
        evaluator: Description of the study's evaluator.
    """
    finals = []
    for text, rows in others[others["key"] == key].groupby("evaluator"):
        described = json.loads(str(text))
        was, now = evaluator.get("recipe", {}), described.get("recipe", {})
        complete = rows[rows["state"] == "complete"]
        finals.append(
            Final(
                evaluator=described,
                changes={name: now.get(name) for name in {**now, **was} if was.get(name) != now.get(name)},
                scores=tuple(complete["score"].astype(float)),
                test_scores=tuple(complete["test_score"].astype(float)),
                seeds=tuple(complete["seed"].astype(int)),
                reasons=tuple(rows.loc[rows["state"] == "failed", "reason"]),
            )
        )
    return finals


def find_best(trials: pd.DataFrame, retrains: pd.DataFrame, most: int = FINALISTS) -> list[Best]:
    """The best architectures, each network once.

    They are ordered by their confirmed scores where all of them were trained again, and else by the scores
    of their trials.

    Args:
        trials: Rows of `Journal.trials`; those of successful whole trials within the limits count.
        retrains: Rows of `Journal.retrains` by the evaluator of the study; see `split_retrains`.
        most: Largest number of architectures.
    """
    whole = trials["fidelity"] == WHOLE_COST
    counts = whole & (trials["origin"] != REFERENCE)
    complete = trials[(trials["state"] == "complete") & counts].dropna(subset=["score"])
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

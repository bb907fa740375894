"""What the journal of a study tells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from egraph.architecture import Architecture
from egraph.study import FINALISTS

if TYPE_CHECKING:
    from egraph.study import Journal

__all__ = ["Best", "Findings", "find"]

BASELINE = ("initial", "baseline")
"""Origins of the trials of random search: the study begins with random ones, which count for both."""

WORDS = {"training": ("network", "validation accuracy"), "ranker": ("ranker", "tau on validation")}
"""By kind of the evaluator: what is searched for, and what its score is. Others are networks with a score."""


@dataclass(frozen=True, slots=True)
class Best:
    """An architecture that stands out by its score.

    Attributes:
        number: of its trial.
        architecture: what was evaluated.
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


@dataclass(frozen=True, eq=False)
class Findings:
    """All that report and command line say about a study.

    Attributes:
        settings: what the journal wrote down once.
        trials: one row a trial of the search; those of the baseline alone left out.
        baseline: one row a trial of random search: the study's random start, and the trials run beside it.
        rounds: one row a round, with the number ``fresh`` of trials that its tau was computed on.
        sessions: one row each time that a process worked on the study.
        best: the best architectures, each network once: by their confirmed scores where all of them were
            trained again, and else by the scores of their trials.
        random_best: the best one of random search; None where none succeeded.
    """

    settings: dict[str, Any]
    trials: pd.DataFrame
    baseline: pd.DataFrame
    rounds: pd.DataFrame
    sessions: pd.DataFrame
    best: tuple[Best, ...]
    random_best: Best | None

    @property
    def complete(self) -> pd.DataFrame:
        """The trials of the search that succeeded."""
        return self.trials[self.trials["state"] == "complete"]

    @property
    def front(self) -> pd.DataFrame:
        """The best trial of each size: those that no other of the search beats with as few parameters.

        Smallest first. Trials of unknown size are left out; test scores decide nothing.
        """
        known = self.complete[self.complete["params"] > 0]
        ordered = known.sort_values(["params", "score", "number"], ascending=[True, False, True])
        best = ordered["score"].cummax().shift(fill_value=-math.inf)
        return ordered[ordered["score"] > best]

    @property
    def failed(self) -> pd.DataFrame:
        """All trials that failed, those of the baseline included."""
        both = pd.concat([self.trials, self.baseline]).drop_duplicates("number").sort_values("number")
        return both[both["state"] == "failed"]

    @property
    def unfinished(self) -> int:
        """Trials queued or running."""
        both = pd.concat([self.trials, self.baseline]).drop_duplicates("number")
        return int(both["state"].isin(["queued", "running"]).sum())

    @property
    def has_baseline(self) -> bool:
        """Whether random search ran beside the study, beyond its random start."""
        return bool((self.baseline["origin"] == "baseline").any())

    @property
    def is_accuracy(self) -> bool:
        """Whether scores are accuracies in [0, 1]."""
        return self.settings.get("evaluator", {}).get("kind") == "training"

    @property
    def thing(self) -> str:
        """What was searched for, in one word."""
        return self._words[0]

    @property
    def measure(self) -> str:
        """What a score is."""
        return self._words[1]

    @property
    def _words(self) -> tuple[str, str]:
        return WORDS.get(self.settings.get("evaluator", {}).get("kind"), ("network", "score"))

    def show(self, score: float) -> str:
        """A score as a person reads it."""
        if not math.isfinite(score):
            return "–"
        return f"{100 * score:.2f} %" if self.is_accuracy else f"{score:.4g}"


def find(journal: Journal, most: int = FINALISTS) -> Findings:
    """Reads a journal, whether the study is finished or not.

    Args:
        journal: of the study.
        most: how many of the best architectures are named.
    """
    trials, retrains = journal.trials, journal.retrains
    mine = trials[trials["origin"] != "baseline"]
    baseline = trials[trials["origin"].isin(BASELINE)]
    rounds = journal.rounds.copy()
    measured = mine[(mine["state"] == "complete") & mine["predicted"].notna()]
    rounds["fresh"] = [int((measured["round"] == number).sum()) for number in rounds["round"]]
    best, random_best = _best(mine, retrains, most), _best(baseline, retrains, most)
    return Findings(
        settings=journal.settings,
        trials=mine,
        baseline=baseline,
        rounds=rounds,
        sessions=journal.sessions,
        best=tuple(best),
        random_best=random_best[0] if random_best else None,
    )


def _best(trials: pd.DataFrame, retrains: pd.DataFrame, most: int) -> list[Best]:
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

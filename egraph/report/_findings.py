"""What the journal of a study tells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from egraph.study import FINALISTS, Best, find_best

if TYPE_CHECKING:
    from egraph.study import Journal

__all__ = ["Findings", "find"]

BASELINE = ("initial", "baseline")
"""Origins of the trials of random search: the study begins with random ones, which count for both."""

WORDS = {"training": ("network", "validation accuracy"), "ranker": ("ranker", "tau on validation")}
"""By kind of the evaluator: what is searched for, and what its score is. Others are networks with a score."""


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
    best, random_best = find_best(mine, retrains, most), find_best(baseline, retrains, most)
    return Findings(
        settings=journal.settings,
        trials=mine,
        baseline=baseline,
        rounds=rounds,
        sessions=journal.sessions,
        best=tuple(best),
        random_best=random_best[0] if random_best else None,
    )

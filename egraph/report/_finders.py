"""Counts what each searcher contributed to a study."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import pandas as pd

from egraph.study._trial import WHOLE_COST

__all__ = ["Finder", "count_finders"]


@dataclass(frozen=True, slots=True)
class Finder:
    """What one searcher contributed.

    Attributes:
        name: Name of the searcher; the origin of trials that no searcher found.
        candidates: Number of candidates that it supplied to the ranker.
        share: Their share of all candidates, in [0, 1]; NaN without any.
        trials: Number of its trials.
        best: Its best score; NaN where none of its whole trials has succeeded.
    """

    name: str
    candidates: int
    share: float
    trials: int
    best: float


def count_finders(trials: pd.DataFrame, rounds: pd.DataFrame) -> list[Finder]:
    """The finders of a search in the order of their first appearance.

    Args:
        trials: Trials of the search, one row each.
        rounds: Rounds, one row each.
    """
    supplied: dict[str, int] = {}
    for text in rounds["supplied"]:
        for name, count in (json.loads(text) if text else {}).items():
            supplied[name] = supplied.get(name, 0) + count
    names = trials["finder"].where(trials["finder"] != "", trials["origin"])
    total = sum(supplied.values())
    finders = []
    for name in dict.fromkeys([*names, *supplied]):
        own = trials[names == name]
        whole = own[own["fidelity"] == WHOLE_COST]
        candidates = supplied.get(name, 0)
        share = candidates / total if total else math.nan
        finders.append(Finder(name, candidates, share, len(own), float(whole["score"].max())))
    return finders

"""One real evaluation, as the journal keeps it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields

import pandas as pd

from egraph.architecture import Architecture

__all__ = ["BASELINE", "FAR", "INITIAL", "RANDOM", "SCREENED", "SEARCH", "TOP", "Trial", "to_frame"]

INITIAL = "initial"
"""Random, before there is a ranker; belongs to the random baseline too."""
SCREENED = "screened"
"""The best of many random ones by a score that needs no training, before there is a ranker."""
TOP = "top"
"""Among the best predicted of its round."""
FAR = "far"
"""Promising, and far from everything tried before."""
SEARCH = "search"
"""Proposed by the searcher itself, in a study without a ranker."""
RANDOM = "random"
"""Random, because too few trials had succeeded to fit the ranker."""
BASELINE = "baseline"
"""Random; neither the ranker nor the searcher ever sees it."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One real evaluation of one architecture.

    Attributes:
        number: counts from 0, in the order of proposing.
        round: the round that proposed it.
        origin: why it was proposed: initial, screened, top, far, search, random or baseline.
        state: queued, running, complete or failed.
        key: of the architecture in its search space.
        architecture: what is evaluated.
        seed: of its evaluation.
        predicted: what the ranker said before the evaluation; NaN where there was no ranker.
        score: what the search maximises; NaN until complete.
        test_score: only ever reported; NaN where there is none.
        seconds: cost of the evaluation; NaN where unknown.
        params: trainable parameters; 0 where unknown.
        flops: multiply-adds of one forward pass; 0 where unknown.
        source: where the score came from.
        reason: why it failed.
        started: seconds since 1970; NaN until it runs.
        finished: seconds since 1970; NaN until complete or failed.
    """

    number: int
    round: int
    origin: str
    state: str
    key: str
    architecture: Architecture
    seed: int
    predicted: float = math.nan
    score: float = math.nan
    test_score: float = math.nan
    seconds: float = math.nan
    params: int = 0
    flops: int = 0
    source: str = ""
    reason: str = ""
    started: float = math.nan
    finished: float = math.nan


def to_frame(trials: Iterable[Trial]) -> pd.DataFrame:
    """A table with one row a trial and one column a field; architectures as JSON."""
    names = [field.name for field in fields(Trial)]
    rows = [[_plain(getattr(trial, name)) for name in names] for trial in trials]
    return pd.DataFrame(rows, columns=names)


def _plain(value: object) -> object:
    return value.to_json() if isinstance(value, Architecture) else value

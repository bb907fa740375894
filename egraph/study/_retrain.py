"""Evaluates architectures again, with fresh seeds."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from egraph.architecture import Architecture
from egraph.evaluation.base import Evaluator
from egraph.study._evaluating import Job, open_evaluation, read_outcome
from egraph.study._events import Event, RetrainFinished
from egraph.study._journal import Journal
from egraph.study._seeds import derive

__all__ = ["FINALISTS", "Confirmed", "Retrained", "retrain"]

FINALISTS = 5
"""How many of the best are evaluated again before one of them is called the winner."""


@dataclass(frozen=True, slots=True)
class Retrained:
    """One architecture, evaluated several times with fresh seeds; failed repeats are left out.

    Attributes:
        architecture: what was evaluated.
        scores: ``(repeats,)`` of what the search maximised.
        test_scores: ``(repeats,)``; NaN where there is no test.
    """

    architecture: Architecture
    scores: tuple[float, ...]
    test_scores: tuple[float, ...]

    @property
    def score(self) -> float:
        """Mean of the scores; NaN where each repeat failed."""
        return float(np.mean(self.scores)) if self.scores else math.nan

    @property
    def test_score(self) -> float:
        """Mean of the test scores; NaN where each repeat failed or there is no test."""
        return float(np.mean(self.test_scores)) if self.test_scores else math.nan


class Confirmed(NamedTuple):
    """The winners after fresh evaluations.

    Attributes:
        best: of the search.
        baseline: of random search; None where it did not run.
    """

    best: Retrained
    baseline: Retrained | None


def retrain(
    journal: Journal,
    evaluator: Evaluator,
    architectures: Mapping[str, Architecture],
    *,
    repeats: int,
    seed: int,
    workers: int,
    tell: Callable[[Event], object],
) -> dict[str, Retrained]:
    """Evaluates as often as the journal does not yet say, and writes each result as soon as it is there.

    Args:
        journal: remembers what was evaluated before.
        evaluator: measures.
        architectures: by their keys.
        repeats: evaluations of each.
        seed: of the study; the seeds of the repeats follow from it, the same ones for each architecture.
        workers: evaluations at a time.
        tell: called with a `RetrainFinished` after each.
    """
    evaluated_by = json.dumps(evaluator.describe(), sort_keys=True, default=str)
    known = _read(journal, evaluated_by)
    done = set(zip(known["key"], known["repeat"], strict=True))
    left = [(key, repeat) for key in architectures for repeat in range(repeats) if (key, repeat) not in done]
    executor = open_evaluation(evaluator, min(workers, max(len(left), 1)))
    try:
        running = {
            executor.submit(Job(architectures[key], derive(seed, "retrain", repeat))): (key, repeat)
            for key, repeat in left
        }
        while running:
            for future in executor.wait():
                key, repeat = running.pop(future)
                outcome = read_outcome(future)
                if outcome.fatal is not None:
                    raise outcome.fatal
                journal.add_retrain(
                    key,
                    repeat,
                    evaluator=evaluated_by,
                    architecture=architectures[key],
                    seed=derive(seed, "retrain", repeat),
                    state=outcome.state,
                    evaluation=outcome.measured,
                    reason=outcome.reason,
                )
                tell(RetrainFinished(len(left) - len(running), len(left)))
    finally:
        executor.close()
    known = _read(journal, evaluated_by)
    known = known[(known["repeat"] < repeats) & (known["state"] == "complete")].astype(
        {"score": float, "test_score": float}
    )
    by_key = {key: known[known["key"] == key] for key in architectures}
    return {
        key: Retrained(architectures[key], tuple(rows["score"]), tuple(rows["test_score"]))
        for key, rows in by_key.items()
    }


def _read(journal: Journal, evaluated_by: str) -> pd.DataFrame:
    rows = journal.retrains
    return rows[rows["evaluator"] == evaluated_by]

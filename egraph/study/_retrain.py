"""Evaluates architectures again, with fresh seeds."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from egraph.architecture import Architecture
from egraph.errors import UsageError
from egraph.evaluation.base import Evaluator
from egraph.executors import Engine
from egraph.study._evaluating import evaluate, open_evaluation
from egraph.study._events import Event, RetrainFinished, RetrainStarted
from egraph.study._jobs import Job, Outcome
from egraph.study._journal import Journal
from egraph.study._sameness import describe, find_equal
from egraph.study._seeds import derive

__all__ = ["FINALISTS", "Confirmed", "Retrained", "check_repeats", "retrain"]

FINALISTS = 5
"""Number of the best networks that are evaluated again to find the winner."""


@dataclass(frozen=True, slots=True)
class Retrained:
    """One architecture, evaluated several times with fresh seeds; failed repeats are left out.

    Attributes:
        architecture: Architecture that was evaluated.
        scores: Scores that the search maximises, ``(repeats,)``.
        test_scores: Test scores, ``(repeats,)``; NaN where there is no test.
    """

    architecture: Architecture
    scores: tuple[float, ...]
    test_scores: tuple[float, ...]

    @property
    def score(self) -> float:
        """The mean of the scores; NaN if each repeat failed."""
        return float(np.mean(self.scores)) if self.scores else math.nan

    @property
    def test_score(self) -> float:
        """The mean of the test scores; NaN if each repeat failed or there is no test."""
        return float(np.mean(self.test_scores)) if self.test_scores else math.nan


class Confirmed(NamedTuple):
    """The winners after fresh evaluations.

    Attributes:
        best: Winner of the search.
        baseline: Winner of random search; None if it did not run.
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
    emit: Callable[[Event], object],
    seconds: float | None = None,
    engine: Engine | None = None,
) -> dict[str, Retrained]:
    """Evaluates architectures as often as the journal lacks; each result is written as soon as it is there.

    Args:
        journal: Journal with the results of earlier calls.
        evaluator: Evaluator that measures.
        architectures: Architectures by their keys.
        repeats: Number of evaluations of each.
        seed: Seed of the study. The seeds of the repeats follow from it, the same ones for each architecture.
        workers: Number of evaluations at a time.
        emit: Called with a `RetrainStarted` before the first evaluation, and a `RetrainFinished` after each.
        seconds: Time limit of an evaluation; None is none.
        engine: Engine of the executor.

    Returns:
        The results of all calls by the keys.

    Raises:
        UsageError: There are repeats, and the evaluator takes no seed; or a score would come later.
    """
    evaluated_by = find_equal(describe(evaluator), _list_evaluators(journal))
    known = _read(journal, evaluated_by)
    done = set(zip(known["key"], known["repeat"], strict=True))
    left = [(key, repeat) for key in architectures for repeat in range(repeats) if (key, repeat) not in done]
    check_repeats(evaluator, 1 + max((repeat for _, repeat in left), default=0))
    seeds = [derive(seed, "retrain", repeat) for repeat in range(repeats)]
    jobs = {(key, repeat): Job(architectures[key], seeds[repeat]) for key, repeat in left}
    known_losses = journal.losses
    losses = {(key, n): known_losses.get(("retrain", key, evaluated_by, n), 0) for key, n in jobs}

    def begin(of: tuple[str, int]) -> None:
        journal.begin("retrain", of[0], evaluated_by, of[1])

    finished = 0
    if jobs:
        emit(RetrainStarted(len(jobs)))
    # With several workers also a single evaluation has a process of its own, which can be ended or die.
    opened = open_evaluation(evaluator, workers if jobs else 1, seconds=seconds, engine=engine)
    with closing(opened) as executor, journal.working("training the best again"):
        try:
            for outcomes in evaluate(executor, jobs, losses, begin=begin):
                for (key, repeat), outcome in outcomes.items():
                    _check(outcome)
                    _write(journal, evaluated_by, key, repeat, jobs[key, repeat], outcome)
                    finished += 1
                    emit(RetrainFinished(finished, len(jobs)))
        finally:
            journal.requeue()
    return _gather(_read(journal, evaluated_by), architectures, repeats)


def _check(outcome: Outcome) -> None:
    """Raises what ends all evaluations.

    Raises:
        EgraphError: Every other evaluation would fail too.
        UsageError: The score would come later.
    """
    if outcome.fatal is not None:
        raise outcome.fatal
    if outcome.later:
        raise UsageError(
            f"trials cannot be repeated here: {outcome.reason}; repeats need an evaluation that returns a "
            "score at once (evaluate=)"
        )


def check_repeats(evaluator: Evaluator, repeats: int) -> None:
    """Refuses to repeat what gives the same again.

    Raises:
        UsageError: There is more than one evaluation, and the evaluator takes no seed.
    """
    if repeats > 1 and not evaluator.takes_seed:
        name = evaluator.describe().get("function", type(evaluator).__name__)
        raise UsageError(
            f"repeats need a seed: {name} takes none, so that each would be the same evaluation; give your "
            "function a parameter with the name seed, or use repeats=1"
        )


def _list_evaluators(journal: Journal) -> list[str]:
    """Descriptions in the journal: that of the study, and those of earlier calls."""
    own = journal.settings.get("evaluator")
    earlier = journal.retrains["evaluator"].unique().tolist()
    return [*([] if own is None else [json.dumps(own, sort_keys=True)]), *earlier]


def _write(journal: Journal, evaluator: str, key: str, repeat: int, job: Job, outcome: Outcome) -> None:
    journal.add_retrain(
        key,
        repeat,
        evaluator=evaluator,
        architecture=job.architecture,
        seed=job.seed,
        state=outcome.state,
        evaluation=outcome.measured,
        reason=outcome.reason,
    )


def _read(journal: Journal, evaluated_by: str) -> pd.DataFrame:
    """The fresh evaluations by one evaluator."""
    rows = journal.retrains
    return rows[rows["evaluator"] == evaluated_by]


def _gather(
    rows: pd.DataFrame, architectures: Mapping[str, Architecture], repeats: int
) -> dict[str, Retrained]:
    """The scores of the architectures, of the first repeats only."""
    complete = rows[(rows["repeat"] < repeats) & (rows["state"] == "complete")].astype(
        {"score": float, "test_score": float}
    )
    by_key = {key: complete[complete["key"] == key] for key in architectures}
    return {
        key: Retrained(architectures[key], tuple(own["score"]), tuple(own["test_score"]))
        for key, own in by_key.items()
    }

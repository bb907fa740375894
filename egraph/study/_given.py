"""Results and wishes that a study is given: networks measured before, and networks to evaluate next."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from egraph.architecture import Architecture
from egraph.encoding import as_architectures
from egraph.errors import ArchitectureError, UsageError, shorten
from egraph.evaluation import CostMeter
from egraph.evaluation.base import Evaluation
from egraph.spaces import SearchSpace
from egraph.study._journal import Journal
from egraph.study._seeds import derive
from egraph.study._trial import BASELINE, DONE, ENQUEUED, GIVEN, KNOWN, REFERENCE, TOLD, State, Trial

__all__ = ["add_given", "add_known", "add_results", "enqueue", "tell"]

NO_SCORE = "told without a score"
"""Reason of a failure without a reason."""


def add_known(
    journal: Journal,
    space: SearchSpace,
    seed: int,
    meter: CostMeter | None,
    architectures: Iterable[Architecture],
    scores: ArrayLike,
) -> int:
    """Writes networks with their scores as trials that are complete; see `Study.add`."""
    graphs = as_architectures(architectures)
    values = _read_scores(scores, len(graphs))
    known = {(trial.key, trial.score) for trial in journal.read_trials(origins=[KNOWN])}
    chosen: list[tuple[str, Architecture, Evaluation]] = []
    for key, graph, score in zip(_read_keys(space, graphs), graphs, values.tolist(), strict=True):
        if (key, score) not in known:
            known.add((key, score))
            chosen.append((key, graph, Evaluation(score, source="measured before")))
    _write(journal, seed, meter, chosen, KNOWN, "complete")
    return len(chosen)


def add_results(
    journal: Journal, space: SearchSpace, architectures: Iterable[Architecture], scores: ArrayLike
) -> int:
    """Adds results to the journal of a study that is not open, as `Study.add` does.

    Args:
        journal: Journal, opened to write.
        space: The study's space, or the whole one of which it is a part.
        architectures: Architectures of the space.
        scores: Their scores, ``(architectures,)``, finite, higher is better.

    Returns:
        The number of results that are new.

    Raises:
        ArchitectureError: An architecture is not of the space; the text has its position.
        UsageError: The study weighs costs; or scores are not finite, or not one for each architecture.
    """
    settings = journal.settings
    if settings.get("costs"):
        raise UsageError(
            f"{journal.path} weighs costs, which only the command that searches can measure; give it the "
            "results by --known (Study.add)"
        )
    return add_known(journal, space, settings["seed"], None, architectures, scores)


def enqueue(
    journal: Journal,
    space: SearchSpace,
    seed: int,
    meter: CostMeter | None,
    architectures: Iterable[Architecture],
) -> int:
    """Queues networks as the next trials; see `Study.enqueue`."""
    graphs = as_architectures(architectures)
    tried = {trial.key for trial in journal.read_trials() if trial.origin != BASELINE}
    chosen: list[tuple[str, Architecture, Evaluation]] = []
    for key, graph in zip(_read_keys(space, graphs), graphs, strict=True):
        if key not in tried:
            tried.add(key)
            chosen.append((key, graph, Evaluation(math.nan)))
    _write(journal, seed, meter, chosen, ENQUEUED, "queued")
    return len(chosen)


def add_given(journal: Journal, space: SearchSpace, seed: int, meter: CostMeter | None) -> None:
    """Queues the network that the space is about, if it has no trial yet; beyond limits as a reference."""
    given = space.given
    if given is None:
        return
    key = space.key(given)
    if all(trial.key != key or trial.origin == BASELINE for trial in journal.read_trials()):
        origin = GIVEN if given in space else REFERENCE
        _write(journal, seed, meter, [(key, given, Evaluation(math.nan))], origin, "queued")


def tell(journal: Journal, number: int, score: float | Evaluation | None, reason: str = "") -> Trial:
    """Takes the score of a trial that was evaluated outside into the journal of a study; see `Study.tell`.

    Args:
        journal: Journal, opened to write.
        number: Number of the trial.
        score: Score, higher is better; an `egraph.evaluation.Evaluation`; or None for a failure.
        reason: Reason of the failure.

    Raises:
        UsageError: There is no such trial, it has another result already, or the score is not finite.
    """
    evaluation = _read_told(score)
    found = journal.read_trials(number=number)
    if not found:
        raise UsageError(f"there is no trial {number} in {journal.path or 'this study'}")
    trial = found[0]
    state: State = "failed" if math.isnan(evaluation.score) else "complete"
    if trial.state in DONE:
        if (trial.state, repr(trial.score)) == (state, repr(evaluation.score)):
            return trial  # told twice
        known = f"has the score {trial.score:.6g}" if trial.state == "complete" else f"failed: {trial.reason}"
        raise UsageError(f"trial {number} is done, it {known}; a result is not changed")
    return journal.finish(number, state, evaluation, (reason or NO_SCORE) if state == "failed" else "")


def _read_told(score: float | Evaluation | None) -> Evaluation:
    """A result from outside; without a score for a failure."""
    if score is None:
        return Evaluation(math.nan, source=TOLD)
    if not isinstance(score, Evaluation):
        try:
            score = Evaluation(float(score))
        except (TypeError, ValueError):
            raise UsageError(f"a score must be a number, got {shorten(score)}") from None
    if not math.isfinite(score.score):
        raise UsageError(f"a score must be finite, got {score.score}; tell a failure without a score")
    return replace(score, source=score.source or TOLD)


def _read_scores(scores: ArrayLike, count: int) -> NDArray[np.float64]:
    try:
        numbers = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError(f"scores must be numbers, got {shorten(scores)}") from None
    if numbers.shape != (count,):
        raise UsageError(f"scores must be one for each of {count} architectures, got shape {numbers.shape}")
    if not np.isfinite(numbers).all():
        row = int((~np.isfinite(numbers)).argmax())
        raise UsageError(f"scores must be finite, got {numbers[row]} for architecture {row}; leave it out")
    return numbers


def _read_keys(space: SearchSpace, graphs: Sequence[Architecture]) -> list[str]:
    keys = []
    for row, graph in enumerate(graphs):
        try:
            space.validate(graph)
            keys.append(space.key(graph))
        except ArchitectureError as error:
            raise ArchitectureError(f"architecture {row}: {error}") from None
    return keys


def _write(
    journal: Journal,
    seed: int,
    meter: CostMeter | None,
    chosen: Sequence[tuple[str, Architecture, Evaluation]],
    origin: str,
    state: State,
) -> None:
    """Writes trials and their round in one transaction, so that an interruption leaves all or none."""
    if not chosen:
        return
    before, rounds = journal.read_trials(), journal.read_rounds(1)
    number = max((trial.round for trial in before), default=-1) + 1
    own = sum(trial.origin != BASELINE for trial in before)
    trials = [
        Trial(
            number=len(before) + row,
            round=number,
            origin=origin,
            state=state,
            key=key,
            architecture=graph,
            seed=derive(seed, "trial", own + row),
            evaluation=evaluation,
            finished=time.time() if state == "complete" else math.nan,
            costs={} if meter is None else meter.measure(graph),
        )
        for row, (key, graph, evaluation) in enumerate(chosen)
    ]
    # The next round asks the last one for what its ranker had learned from, and for an alarm.
    learned = rounds[0]["learned_from"] if rounds else 0
    alarm = bool(rounds[0]["alarm"]) if rounds else False
    row = {"round": number, "trials": len(trials), "baseline_trials": 0, "learned_from": learned}
    done = {"finished": time.time()} if state == "complete" else {}
    empty = {"fit_seconds": math.nan, "candidates": 0, "search_seconds": 0.0, "alarm": alarm}
    journal.propose(trials, row | empty | done)

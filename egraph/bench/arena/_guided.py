"""A study with a table in place of training, as a kind of fitness that searchers are compared with."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.bench.arena._ground import Ground
from egraph.bench.arena._query import Query, look_up
from egraph.errors import SpaceExhaustedError, UsageError
from egraph.evaluation import TableLookup
from egraph.ranker import Ranker
from egraph.searchers import MakeSearcher, RandomSearch
from egraph.spaces import SearchSpace
from egraph.study import Study

__all__ = ["search_with_ranker"]


def search_with_ranker(
    ground: Ground,
    make: MakeSearcher,
    queries: int,
    seed: int,
    *,
    members: int = 5,
    initial: int = 16,
    batch: int = 8,
    far: int = 2,
    candidates: int = 2000,
    shares: str | None = None,
    prior: str | None = None,
) -> list[Query]:
    """A study with the table in place of training: the searcher is told predictions of a ranker.

    After the best score of the table is found, the remaining queries are random, which saves the fits.

    Args:
        ground: The benchmark.
        make: Makes the searcher whose proposals the ranker scores. It is not used if ``candidates`` is at
            least the size of the space and no shares are given: the space is then scored as a whole.
        queries: Number of trainings.
        seed: Seed of study and ranker.
        members: Number of networks in the ranker's ensemble.
        initial: Number of random trainings before the first fit.
        batch: Number of trainings per round.
        far: Number of trainings per round that are chosen to be different.
        candidates: Number of architectures that the ranker scores per round.
        shares: Percentages of the candidates from the searcher, from mutants of the best and from random
            samples, joined by ``+``, such as ``60+30+10``; None takes the default of a study.
        prior: Metric of the table that is the ranker's prior; None for no prior.

    Raises:
        UsageError: The shares are not three percentages that sum to 100.
        UnknownNameError: The table has no metric of the prior's name.
    """
    parts = None if shares is None else _read_shares(shares)
    whole = parts is None and _count(ground.space) <= candidates
    with Study(
        ground.space,
        ground.lookup,
        seed=seed,
        ranker=_make_ranker(ground, seed, members, prior),
        searcher=None if whole else make,
        shares=parts,
        initial=initial,
        batch=batch,
        far=far,
        candidates=candidates,
    ) as study:
        for goal in (*range(initial, queries, batch), queries):  # rounds are as in one long run
            study.run(trials=goal)
            trials = study.journal.read_trials()
            found = any(trial.score >= ground.best for trial in trials)
            if found or len(trials) < goal:
                break
    history = [Query(trial.architecture, trial.score, trial.seconds) for trial in trials]
    return history + _draw_others(ground, history, queries - len(history), seed) if found else history


def _make_ranker(ground: Ground, seed: int, members: int, prior: str | None) -> Ranker:
    if prior is None:
        return Ranker(seed=seed, members=members, folds=0)
    known = _Known(TableLookup(ground.load(prior), prior))
    # Folds weigh the prior.
    return Ranker(seed=seed, members=members, prior=known).fit([], [])


@dataclass(frozen=True, eq=False)
class _Known:
    """A look-up as a model: what is known of each architecture before a search."""

    lookup: TableLookup

    def predict(self, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """The scores of the table, ``(architectures,)``."""
        return self.lookup(architectures)


def _draw_others(ground: Ground, history: list[Query], count: int, seed: int) -> list[Query]:
    """Random queries that are not in the history."""
    rest = RandomSearch(ground.space, seed=seed)
    rest.tell([query.architecture for query in history], [query.score for query in history])
    with contextlib.suppress(SpaceExhaustedError):
        return [look_up(ground, each) for each in rest.ask(count)] if count > 0 else []
    return []


def _read_shares(text: str) -> list[float]:
    try:
        return [float(part) for part in str(text).split("+")]
    except ValueError:
        raise UsageError(f"shares must be percentages such as 60+30+10, got {text!r}") from None


def _count(space: SearchSpace) -> float:
    try:
        return len(space)
    except TypeError:
        return math.inf

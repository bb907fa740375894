"""The kinds of fitness that searches are compared with."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.bench.arena._ground import Ground
from egraph.bench.arena._untrained import score_untrained
from egraph.errors import SpaceExhaustedError, UsageError
from egraph.registry import Registry
from egraph.searchers import MakeSearcher, RandomSearch, run
from egraph.spaces import SearchSpace

__all__ = ["FITNESS", "Query", "Search"]


class Query(NamedTuple):
    """One evaluation that counts against the budget.

    Attributes:
        architecture: Architecture.
        score: Score by which the best is chosen, higher is better; NaN if it failed.
        seconds: Simulated cost in seconds; NaN if unknown.
    """

    architecture: Architecture
    score: float
    seconds: float = math.nan


Search = Callable[..., list[Query]]
"""Maps ``(ground, make_searcher, queries, seed, **options)`` to the queries made, in order."""

FITNESS: Registry[Search] = Registry("fitness")
"""The kinds of fitness; their keyword-only arguments are the options."""


def search_table(ground: Ground, make: MakeSearcher, queries: int, seed: int) -> list[Query]:
    """The searcher is told the scores of the table."""
    history = run(make(ground.space, seed=seed), ground.lookup, queries).history
    return [_look_up(ground, step.architecture) for step in history]


def search_blindly(ground: Ground, make: MakeSearcher, queries: int, seed: int) -> list[Query]:
    """A control: the searcher is told one constant score, so it cannot beat random search."""

    def constant(architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        return np.zeros(len(architectures))

    history = run(make(ground.space, seed=seed), constant, queries).history
    return [_look_up(ground, step.architecture) for step in history]


def search_untrained(
    ground: Ground,
    make: MakeSearcher,
    queries: int,
    seed: int,
    *,
    proxies: str = "naswot",
    data: str = "noise",
    batch_size: int = 32,
    channels: int | None = None,
) -> list[Query]:
    """The searcher is told zero-cost scores of untrained networks, which also choose the best.

    Nothing is trained: a query costs no simulated seconds.

    Args:
        ground: The benchmark; the search does not see its table.
        make: Makes the searcher.
        queries: Number of networks scored.
        seed: Seed of the searcher. Initial weights and images are the same for every seed.
        proxies: One of `egraph.evaluation.zero_cost.proxies`, or several joined by ``+``.
        data: Images, as for `egraph.datasets.images`.
        batch_size: Number of images.
        channels: Width of the networks; None takes the default of the space.
    """
    fitness = score_untrained(ground, proxies, data, batch_size, channels)
    history = run(make(ground.space, seed=seed), fitness, queries).history
    return [Query(step.architecture, step.score, 0.0) for step in history]


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
) -> list[Query]:
    """A study with the table in place of training: the searcher is told predictions of a ranker.

    After the best score of the table is found, the result cannot change; the remaining queries are then
    random, which saves the fits.

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

    Raises:
        UsageError: The shares are not three percentages that sum to 100.
    """
    from egraph.ranker import Ranker
    from egraph.study import Study

    parts = None if shares is None else _read_shares(shares)
    whole = parts is None and _count(ground.space) <= candidates
    with Study(
        ground.space,
        ground.lookup,
        seed=seed,
        ranker=Ranker(seed=seed, members=members, folds=0),
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


def _draw_others(ground: Ground, history: list[Query], count: int, seed: int) -> list[Query]:
    """Random queries that are not in the history."""
    rest = RandomSearch(ground.space, seed=seed)
    rest.tell([query.architecture for query in history], [query.score for query in history])
    with contextlib.suppress(SpaceExhaustedError):
        return [_look_up(ground, each) for each in rest.ask(count)] if count > 0 else []
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


def _look_up(ground: Ground, architecture: Architecture) -> Query:
    found = ground.lookup.evaluate(architecture)
    return Query(architecture, found.score, found.seconds)


FITNESS.register("table", search_table)
FITNESS.register("constant", search_blindly)
FITNESS.register("ranker", search_with_ranker)
FITNESS.register("zero-cost", search_untrained)

"""What a searcher is told: the kinds of fitness that searches are compared with."""

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
from egraph.errors import SpaceExhaustedError
from egraph.registry import Registry
from egraph.searchers import RandomSearch, Searcher, run

__all__ = ["FITNESS", "MakeSearcher", "Query", "Search"]

MakeSearcher = Callable[..., Searcher]
"""Takes a space and ``seed=`` and gives a searcher."""


class Query(NamedTuple):
    """One architecture that was paid for.

    Attributes:
        architecture: which.
        score: by which the best is chosen, higher is better; NaN where it failed.
        seconds: what it cost; NaN where unknown.
    """

    architecture: Architecture
    score: float
    seconds: float = math.nan


Search = Callable[..., list[Query]]
"""``(ground, make_searcher, queries, seed, **options)`` to at most so many queries, in their order."""

FITNESS: Registry[Search] = Registry("fitness")
"""The kinds of fitness. Their keyword-only arguments are the options that can be asked for."""


def search_table(ground: Ground, make: MakeSearcher, queries: int, seed: int) -> list[Query]:
    """Each proposal is looked up, and the searcher told what the table says."""
    history = run(make(ground.space, seed=seed), ground.lookup, queries).history
    return [_look_up(ground, step.architecture) for step in history]


def search_blindly(ground: Ground, make: MakeSearcher, queries: int, seed: int) -> list[Query]:
    """A control: the searcher is told the same of everything, and can do no better than random search."""

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
    """The searcher is told what zero-cost proxies say of the untrained network, and so is the best chosen.

    Nothing is trained: a query costs no simulated seconds.

    Args:
        ground: where to search; what its table says is not seen.
        make: the searcher.
        queries: networks that are scored.
        seed: of the searcher. First weights and images are the same for each.
        proxies: one of `egraph.evaluation.zero_cost.proxies`, or several joined by ``+``.
        data: images, as for `egraph.datasets.images`.
        batch_size: how many of them.
        channels: width of the networks; None takes the space's own.
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
) -> list[Query]:
    """A study in which the table plays the training: the searcher is told what a ranker predicts.

    Once the best score of the table is seen nothing can change any more: the rest of the queries is then
    random, which saves the fits.

    Args:
        ground: where to search.
        make: the searcher among whose proposals the ranker chooses; idle where ``candidates`` are no fewer
            than the table's architectures, for then all are scored.
        queries: trainings in all.
        seed: of study and ranker.
        members: networks in the ranker's ensemble.
        initial: random trainings before the first fit.
        batch: trainings a round.
        far: how many of them are chosen to be different.
        candidates: architectures that the ranker scores in a round.
    """
    from egraph.ranker import Ranker
    from egraph.study import Study

    with Study(
        ground.space,
        ground.lookup,
        seed=seed,
        ranker=Ranker(seed=seed, members=members, folds=0),
        searcher=make,
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
    if found and len(history) < queries:
        rest = RandomSearch(ground.space, seed=seed)
        rest.tell([query.architecture for query in history], [query.score for query in history])
        with contextlib.suppress(SpaceExhaustedError):
            history += [_look_up(ground, each) for each in rest.ask(queries - len(history))]
    return history


def _look_up(ground: Ground, architecture: Architecture) -> Query:
    found = ground.lookup.evaluate(architecture)
    return Query(architecture, found.score, found.seconds)


FITNESS.register("table", search_table)
FITNESS.register("constant", search_blindly)
FITNESS.register("ranker", search_with_ranker)
FITNESS.register("zero-cost", search_untrained)

"""The kinds of fitness that searches are compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.bench.arena._ground import Ground
from egraph.bench.arena._guided import search_with_ranker
from egraph.bench.arena._query import Query, look_up
from egraph.bench.arena._untrained import score_untrained
from egraph.registry import Registry
from egraph.searchers import MakeSearcher, run

__all__ = ["FITNESS", "Search"]


Search = Callable[..., list[Query]]
"""Maps ``(ground, make_searcher, queries, seed, **options)`` to the queries made, in order."""

FITNESS: Registry[Search] = Registry("fitness")
"""The kinds of fitness; their keyword-only arguments are the options."""


def search_table(ground: Ground, make: MakeSearcher, queries: int, seed: int) -> list[Query]:
    """The searcher is told the scores of the table."""
    history = run(make(ground.space, seed=seed), ground.lookup, queries).history
    return [look_up(ground, step.architecture) for step in history]


def search_blindly(ground: Ground, make: MakeSearcher, queries: int, seed: int) -> list[Query]:
    """A control: the searcher is told one constant score, so it cannot beat random search."""

    def constant(architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        return np.zeros(len(architectures))

    history = run(make(ground.space, seed=seed), constant, queries).history
    return [look_up(ground, step.architecture) for step in history]


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


FITNESS.register("table", search_table)
FITNESS.register("constant", search_blindly)
FITNESS.register("ranker", search_with_ranker)
FITNESS.register("zero-cost", search_untrained)

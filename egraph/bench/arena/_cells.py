"""One search: a searcher with a fitness on a benchmark."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from egraph.bench.arena._fitness import FITNESS
from egraph.bench.arena._ground import Ground
from egraph.bench.arena._query import Query
from egraph.errors import FailedError
from egraph.searchers import MakeSearcher
from egraph.specs import parse

__all__ = ["Cell", "measure"]


@dataclass(frozen=True, slots=True)
class Cell:
    """All that one search depends on; equal cells are the same search.

    Attributes:
        searcher: Name of the searcher, with options.
        fitness: Kind of fitness, with options.
        benchmark: Name of the table, or path of its file.
        metric: Metric that a query returns and that chooses the best.
        test: Metric that is reported.
        queries: Budget of queries.
        seed: Seed of the search.
        settings: All options of the searcher, defaults included, JSON-ready.
        content: Digest of a file of the user's own and of how it is read; None for tables.
    """

    searcher: str
    fitness: str
    benchmark: str
    metric: str
    test: str
    queries: int
    seed: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    content: str | None = None


def measure(cell: Cell, make_searcher: MakeSearcher, ground: Ground) -> dict[str, Any]:
    """Runs a search and records its improvements.

    Args:
        cell: The search.
        make_searcher: Makes the searcher, its options included.
        ground: The benchmark.

    Returns:
        The fields of the cell and ``steps``. For each query with the best score so far, a step is its number
        from 1 on, the simulated seconds up to its end (None if the table has no cost), its score and its test
        score. Further ``asked`` (fewer than the budget if the space ran out), ``final`` (the last test
        score), ``optimum`` (the best test score of the table), ``chosen`` (the test score of the
        architecture with the best score), ``seconds`` (simulated, of all queries) and ``search_seconds`` (of
        this machine).

    Raises:
        UsageError: An option is out of range.
        FailedError: No query returned a score.
    """
    kind, options = parse(cell.fitness)
    begun = time.perf_counter()
    queries = FITNESS[kind](ground, make_searcher, cell.queries, cell.seed, **options)
    took = time.perf_counter() - begun
    steps, seconds = _trace(queries, ground)
    if not steps:
        raise FailedError(f"{cell.searcher!r} got no score for any of its {len(queries)} queries")
    return {
        **asdict(cell),
        "steps": steps,
        "asked": len(queries),
        "final": steps[-1][3],
        "optimum": ground.optimum,
        "chosen": ground.chosen,
        "seconds": seconds,
        "search_seconds": took,
    }


def _trace(queries: Sequence[Query], ground: Ground) -> tuple[list[list[Any]], float | None]:
    best, spent = -math.inf, 0.0
    steps: list[list[Any]] = []
    for number, query in enumerate(queries, 1):
        spent += query.seconds
        if query.score > best:  # the first of equals counts
            best = query.score
            steps.append([number, _finite(spent), query.score, ground.test(query.architecture)])
    return steps, _finite(spent)


def _finite(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) else None

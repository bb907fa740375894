"""One search: a searcher, told by a fitness, on a benchmark."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from egraph.bench.arena._fitness import FITNESS, MakeSearcher, Query
from egraph.bench.arena._ground import Ground
from egraph.errors import FailedError
from egraph.specs import parse

__all__ = ["Cell", "measure"]


@dataclass(frozen=True, slots=True)
class Cell:
    """What one search depends on; two equal cells ask the same.

    Attributes:
        searcher: its name, with options.
        fitness: what tells it: the kind's name, with options.
        benchmark: the table's name, or the path of its file.
        metric: what a query gives, and by which the best is chosen.
        test: what is reported.
        queries: the budget.
        seed: of everything.
        settings: all options of the searcher, those not given included, JSON-ready.
    """

    searcher: str
    fitness: str
    benchmark: str
    metric: str
    test: str
    queries: int
    seed: int
    settings: Mapping[str, Any] = field(default_factory=dict)


def measure(cell: Cell, make_searcher: MakeSearcher, ground: Ground) -> dict[str, Any]:
    """Runs a search, and writes down whenever it found something better.

    Args:
        cell: what is searched, and how.
        make_searcher: makes the searcher, its options included.
        ground: the benchmark.

    Returns:
        The fields of the cell and ``steps``: for each query whose score was the best so far, its number from
        1 on, the simulated seconds up to its end (None where the table knows no cost), its score and its
        test score; ``asked`` (fewer than the budget where the space ran out), ``final`` (the last test
        score), ``optimum`` (the best there is), ``chosen`` (that of what has the best score in the table),
        ``seconds`` (simulated, of all queries) and ``search_seconds`` (of this machine).

    Raises:
        UsageError: an option is out of range.
        FailedError: not one query gave a score.
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
        if query.score > best:  # the first of equals stays
            best = query.score
            steps.append([number, _finite(spent), query.score, ground.test(query.architecture)])
    return steps, _finite(spent)


def _finite(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) else None

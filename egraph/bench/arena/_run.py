"""Plans searches and runs those without a result."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from egraph import searchers as registry
from egraph import study
from egraph.bench._measuring import Measured, Progress, measure_all
from egraph.bench._tables import Tables
from egraph.bench.arena._cells import Cell, measure
from egraph.bench.arena._compare import compare
from egraph.bench.arena._curves import summarise
from egraph.bench.arena._fitness import FITNESS
from egraph.bench.arena._ground import Ground, Task, prepare, read_task
from egraph.checks import check_whole
from egraph.errors import UnknownNameError, UsageError
from egraph.searchers import MakeSearcher
from egraph.spaces import SearchSpace
from egraph.specs import check_options, parse

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BASELINES",
    "Contestant",
    "Result",
    "check_fitness",
    "find_searcher",
    "plan",
    "run",
    "searchers",
]

BASELINES = {
    "random": "random",
    # The default of a hundred members would use up most of the usual budgets.
    "regularized-evolution": "regularized-evolution:population=20,sample=5",
}
"""Contestants added, with the table as fitness, unless one of that name takes part."""

Searchers = Mapping[str, MakeSearcher]
"""Factories of searchers by name, in addition to the registry; each takes a space and ``seed=``."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A searcher and its fitness, each a name with options, such as ``ranker:members=1``."""

    searcher: str
    fitness: str = "table"


class Result(Measured):
    """The results of a run."""

    __slots__ = ()

    @property
    def summary(self) -> pd.DataFrame:
        """Statistics after some numbers of queries; see `summarise`."""
        return summarise(self.rows)

    @property
    def comparison(self) -> pd.DataFrame:
        """Pairwise tests of the final test scores; see `compare`."""
        return compare(self.rows)


def searchers(
    searchers: Sequence[str] | Searchers,
    benchmarks: Sequence[str],
    *,
    fitness: Sequence[str] = ("table",),
    queries: int = 150,
    seeds: int = 50,
    out: str | os.PathLike[str] | None = None,
    processes: int = 1,
    root: str | os.PathLike[str] | None = None,
    reading: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Result:
    """Runs all searchers with all kinds of fitness, on all benchmarks, with all seeds.

    Args:
        searchers: Names of registered searchers, optionally with options, such as
            ``"regularized-evolution:population=20,sample=5"``; a predictor is named as in
            ``egraph.ranker.predictors``. Or a mapping from names to factories that take a space and
            ``seed=``; with several processes, they must be at the top level of a module. `BASELINES` are
            added.
        benchmarks: Benchmarks, such as ``"nasbench201:cifar10_val_12:cifar10_test_200"``: a table or its
            file, the metric that a query returns and that chooses the best, and the metric that is reported.
            With one metric, both are the same.
        fitness: Names in `FITNESS`, optionally with options, such as ``"ranker:members=1"``.
        queries: Budget of a search.
        seeds: Number of seeds; they count from 0.
        out: File of results to resume from; searches in it are not run again. Scores of untrained networks
            are kept beside it, in a file whose name ends in ``.scores.sqlite``.
        processes: Number of searches at a time.
        root: Folder in which data is looked for first.
        reading: How files of your own are read: arguments of `egraph.datasets.load`, such as
            ``{"space": "darts"}``.
        progress: Called after each search.

    Raises:
        UsageError: An argument is wrong.
        DataError: A table is absent or damaged, or ``out`` is not a file of results.
        FailedError: A process died, or ``out`` cannot be written. Results in ``out`` are kept.
    """
    own = searchers if isinstance(searchers, Mapping) else {}
    contestants = [Contestant(*pair) for pair in itertools.product(searchers, fitness)]
    where: dict[str, Any] = {"searchers": own, "root": root, "reading": reading}
    cells = plan(contestants, benchmarks, queries=queries, seeds=seeds, **where)
    return run(cells, out=out, processes=processes, progress=progress, **where)


def plan(
    contestants: Iterable[Contestant],
    benchmarks: Sequence[str],
    *,
    queries: int = 150,
    seeds: int = 50,
    searchers: Searchers | None = None,
    root: str | os.PathLike[str] | None = None,
    reading: Mapping[str, Any] | None = None,
) -> list[Cell]:
    """The cells of all searches, `BASELINES` first; arguments as for `searchers`.

    Raises:
        UsageError: A searcher, fitness, option or metric is unknown, or there is nothing to run.
        DataError: A table is absent or damaged.
    """
    check_whole(1, queries=queries, seeds=seeds)
    if not benchmarks:
        raise UsageError("name at least one benchmark")
    entered = list(dict.fromkeys(contestants))
    names = {parse(each.searcher)[0] for each in entered if each.fitness == "table"}
    entered = [Contestant(text) for name, text in BASELINES.items() if name not in names] + entered
    cells, tables = [], Tables.of(root, reading)
    for task in dict.fromkeys(read_task(benchmark, root, reading) for benchmark in benchmarks):
        space = tables.load(task.benchmark, task.metric).space
        settings = {each: _describe(each, space, searchers or {}) for each in entered}
        for seed, each in itertools.product(range(seeds), entered):
            where = (task.benchmark, task.metric, task.test)
            cells.append(
                Cell(each.searcher, each.fitness, *where, queries, seed, settings[each], task.content)
            )
    return cells


def run(
    cells: Iterable[Cell],
    *,
    searchers: Searchers | None = None,
    out: str | os.PathLike[str] | None = None,
    processes: int = 1,
    root: str | os.PathLike[str] | None = None,
    reading: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Result:
    """Runs the searches without a result in ``out``; arguments and errors as for `searchers`."""
    # Scores of untrained networks are shared by many searches.
    scores = None if out is None else Path(out).with_suffix(".scores.sqlite")
    cells, arena = list(cells), _Arena(searchers or {}, Tables.of(root, reading), scores)
    for text in {cell.searcher for cell in cells}:
        find_searcher(text, searchers or {})
    return Result(*measure_all(Cell, cells, arena, out=out, processes=processes, progress=progress))


def find_searcher(text: str, own: Searchers) -> MakeSearcher:
    """A factory of the searcher with this name and options.

    Raises:
        UnknownNameError: No searcher, or no predictor, has that name.
        UsageError: The searcher has no such option.
    """
    if text in own:
        return own[text]
    name, _ = parse(text)
    if name not in registry.names():
        raise UnknownNameError("searcher", name, [*own, *registry.names()])
    return study.find_searcher(text)


def check_fitness(text: str) -> None:
    """Checks the name and the options of a fitness.

    Raises:
        UnknownNameError: No fitness has that name.
        UsageError: The fitness has no such option.
    """
    name, options = parse(text)
    check_options(text, options, FITNESS[name])


def _describe(each: Contestant, space: SearchSpace, own: Searchers) -> dict[str, Any]:
    """All options of a contestant's searcher, as JSON-ready values."""
    check_fitness(each.fitness)
    described = registry.describe(find_searcher(each.searcher, own), space)
    return {name: value for name, value in described.items() if name != "searcher"}


class _Arena:
    """Runs searches one by one and keeps the table of the last one in memory."""

    def __init__(self, own: Searchers, tables: Tables, scores: Path | None) -> None:
        self._own, self._tables, self._scores = dict(own), tables, scores
        self._ground: tuple[Task, Ground] | None = None

    def __call__(self, cell: Cell) -> dict[str, Any]:
        task = Task(cell.benchmark, cell.metric, cell.test, cell.content)
        if self._ground is None or self._ground[0] != task:
            self._ground = task, prepare(task, self._tables.root, self._scores, self._tables.reading)
        return measure(cell, find_searcher(cell.searcher, self._own), self._ground[1])

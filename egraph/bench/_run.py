"""Plans cells of predictors, and measures those without a result."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from egraph.bench._cells import Cell, Factory, measure, read_settings
from egraph.bench._measuring import Measured, Progress, measure_all
from egraph.bench._protocols import PROTOCOLS
from egraph.bench._summary import summarise
from egraph.bench._tables import Tables
from egraph.datasets import Table
from egraph.datasets._options import split_metrics
from egraph.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Result", "plan", "predictors", "run"]

Predictors = Sequence[str] | Mapping[str, Factory]


class Result(Measured):
    """The outcome of a run over predictors."""

    __slots__ = ()

    @property
    def summary(self) -> pd.DataFrame:
        """Means and standard deviations over the seeds; see `summarise`."""
        return summarise(self.rows)


def predictors(
    predictors: Predictors,
    benchmarks: Sequence[str],
    samples: Sequence[int],
    *,
    seeds: int = 5,
    protocol: str = "key",
    k: int = 10,
    shuffled: bool = False,
    out: str | os.PathLike[str] | None = None,
    processes: int = 1,
    root: str | os.PathLike[str] | None = None,
    reading: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Result:
    """Measures all predictors on all benchmarks, with all numbers of labels and seeds.

    Args:
        predictors: Names in the registry ``egraph.ranker.predictors``; or a mapping from names to functions
            that take ``seed=`` and return an unfitted predictor. With several processes, the functions must
            be defined at the top of a module.
        benchmarks: Tables or their files, each with a metric, such as ``"nasbench201:cifar10_test_200"``. The
            metric can be omitted where the table has only one.
        samples: Numbers of training labels.
        seeds: Number of seeds, counted from 0.
        protocol: A name in `PROTOCOLS`.
        k: The k of precision@k and regret@k.
        shuffled: Whether to shuffle the training labels. Every tau must then be 0 within noise.
        out: File of results to resume; cells with a result in it are not measured again.
        processes: Number of cells at a time. They share the cores evenly, so the seconds of a fit depend on
            it.
        root: Folder in which data is searched for first.
        reading: How files of your own are read: arguments of `egraph.datasets.load`, such as
            ``{"space": "darts"}``; the metric is that of the benchmark.
        progress: Callback after each cell.

    Raises:
        UsageError: An argument is invalid.
        DataError: A table is absent or damaged, or ``out`` is not a file of results.
        FailedError: A process died, or ``out`` cannot be written. The results in ``out`` are kept.
    """
    cells = plan(
        predictors,
        benchmarks,
        samples,
        seeds=seeds,
        protocol=protocol,
        k=k,
        shuffled=shuffled,
        root=root,
        reading=reading,
    )
    return run(cells, predictors, out=out, processes=processes, root=root, reading=reading, progress=progress)


def plan(
    predictors: Predictors,
    benchmarks: Sequence[str],
    samples: Sequence[int],
    *,
    seeds: int = 5,
    protocol: str = "key",
    k: int = 10,
    shuffled: bool = False,
    root: str | os.PathLike[str] | None = None,
    reading: Mapping[str, Any] | None = None,
) -> list[Cell]:
    """The cells of a comparison, those of one split next to each other; arguments as for `predictors`.

    Raises:
        UsageError: A predictor, metric or protocol is unknown, or there is nothing to measure.
        DataError: A table is absent or damaged.
    """
    if seeds < 1 or k < 1 or any(n < 1 for n in samples):
        raise UsageError(f"seeds, k and samples must be at least 1, got {seeds}, {k} and {list(samples)}")
    if not (predictors and benchmarks and samples):
        raise UsageError("name at least one predictor, one benchmark and one number of samples")
    PROTOCOLS[protocol]
    factories = _find_factories(predictors)
    settings = {name: read_settings(factory(seed=0)) for name, factory in factories.items()}
    cells, tables = [], Tables.of(root, reading)
    for benchmark in benchmarks:
        table, metric, content = _read_benchmark(benchmark, tables)
        for count, seed, name in itertools.product(sorted(set(samples)), range(seeds), factories):
            cells.append(
                Cell(name, table, metric, protocol, count, seed, k, shuffled, settings[name], content)
            )
    return cells


def run(
    cells: Iterable[Cell],
    predictors: Predictors,
    *,
    out: str | os.PathLike[str] | None = None,
    processes: int = 1,
    root: str | os.PathLike[str] | None = None,
    reading: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Result:
    """Measures the cells without a result in ``out``; arguments and errors as for `predictors`."""
    cells = list(cells)
    factories = _find_factories(predictors)
    for cell in cells:
        if cell.predictor not in factories:
            raise UnknownNameError("predictor", cell.predictor, factories)
    bench = _Bench(factories, Tables.of(root, reading))
    return Result(*measure_all(Cell, cells, bench, out=out, processes=processes, progress=progress))


def _find_factories(predictors: Predictors) -> dict[str, Factory]:
    if isinstance(predictors, Mapping):
        return dict(predictors)
    from egraph.baselines import predictors as registry

    return {name: registry.find(name, "--predictor") for name in predictors}


def _read_benchmark(benchmark: str, tables: Tables) -> tuple[str, str, str | None]:
    """Table, metric and content of ``TABLE:METRIC``, or of a table with a default metric."""
    name, named = split_metrics(benchmark)
    table = tables.load(name, *filter(None, named))
    example = f"{name}:{next(iter(table.metrics), 'METRIC')}"
    metric = table.choose_metric(named[0] if named else None, f"choose one, such as {example}; known")
    return name, metric, tables.identify(name, table)


class _Bench:
    """Measures cells one after the other, and keeps the table of the last one in memory."""

    def __init__(self, factories: Mapping[str, Factory], tables: Tables) -> None:
        self._factories = factories
        self._tables = tables
        self._table: tuple[tuple[str, str, str], Table] | None = None

    def __call__(self, cell: Cell) -> dict[str, Any]:
        return measure(cell, self._factories[cell.predictor], self._prepare(cell))

    def _prepare(self, cell: Cell) -> Table:
        wanted = (cell.benchmark, cell.metric, cell.protocol)
        if self._table is None or self._table[0] != wanted:
            table = self._tables.load(cell.benchmark, cell.metric)
            self._table = wanted, PROTOCOLS[cell.protocol].prepare(table, cell.metric)
        return self._table[1]

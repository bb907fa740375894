"""The arena: searchers compared on tables of measured architectures.

A `Cell` is one search: a searcher, its fitness, a benchmark, a budget of queries and a seed. `plan` lists
cells. `run` runs them in parallel processes and appends each finished one to a file; if a run is interrupted,
run it again to resume. `searchers` does both:

    result = egraph.bench.searchers(["random"], ["nasbench201:cifar10_val_12:cifar10_test_200"], seeds=50)
    result.summary
    result.comparison

A searcher sees one metric, and the best architecture is chosen by it; another metric of that architecture is
reported. With zero-cost proxies as fitness, the search sees no metric and the proxies choose. Random search
and regularized evolution always take part. `FITNESS` has the kinds of fitness; to add one, write a function
in ``_fitness.py`` and register it there. `Scores` keeps zero-cost scores on disk. `read_config` reads a
comparison from a file. `arrange`, `to_markdown` and `plot` render a result; `incumbents` and `band` compute
its curves.
"""

from __future__ import annotations

from egraph.bench.arena._cells import Cell, measure
from egraph.bench.arena._compare import compare
from egraph.bench.arena._config import Config, read_config
from egraph.bench.arena._curves import band, checkpoints, incumbents, summarise
from egraph.bench.arena._fitness import FITNESS
from egraph.bench.arena._ground import Ground, Task, prepare, read_task
from egraph.bench.arena._plot import plot
from egraph.bench.arena._query import Query
from egraph.bench.arena._run import BASELINES, Contestant, Result, plan, run, searchers
from egraph.bench.arena._tables import arrange, name, to_markdown
from egraph.bench.arena._untrained import Scores

__all__ = [
    "BASELINES",
    "FITNESS",
    "Cell",
    "Config",
    "Contestant",
    "Ground",
    "Query",
    "Result",
    "Scores",
    "Task",
    "arrange",
    "band",
    "checkpoints",
    "compare",
    "incumbents",
    "measure",
    "name",
    "plan",
    "plot",
    "prepare",
    "read_config",
    "read_task",
    "run",
    "searchers",
    "summarise",
    "to_markdown",
]

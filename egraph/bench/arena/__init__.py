"""The arena: searchers compared on tables of measured architectures.

A `Cell` is one search: a searcher, what tells it (its fitness), a benchmark, a budget of queries and a seed.
`plan` lists cells, `run` runs them in parallel processes and keeps each finished one as a line of a file, so
that a run that was killed goes on where it was. `searchers` does both:

    result = egraph.bench.searchers(["random"], ["nasbench201:cifar10_val_12:cifar10_test_200"], seeds=50)
    result.summary
    result.comparison

A searcher sees one metric, and the best is chosen by it; another is reported, which nobody looks at before.
What is told by zero-cost proxies sees none, and is chosen by them. Random search and regularized evolution
always take part. `FITNESS` has the kinds of fitness; to add one: a function in ``_fitness.py`` and its entry
there. `Scores` keeps zero-cost scores on disk. `read_config` reads a comparison from a file. `arrange`,
`to_markdown` and `plot` render a result, `incumbents` and `band` give its curves.
"""

from __future__ import annotations

from egraph.bench.arena._cells import Cell, measure
from egraph.bench.arena._compare import compare
from egraph.bench.arena._config import Config, read_config
from egraph.bench.arena._curves import band, checkpoints, incumbents, summarise
from egraph.bench.arena._fitness import FITNESS, Query
from egraph.bench.arena._ground import Ground, Task, prepare, read_task
from egraph.bench.arena._plot import plot
from egraph.bench.arena._rows import RowSpace
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
    "RowSpace",
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

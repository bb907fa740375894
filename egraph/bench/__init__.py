"""Benchmarks: how well predictors order networks that they have not seen, and what searchers find.

A `Cell` is one predictor, fitted once: on a benchmark, with so many labels, chosen by a seed and divided from
the test side by a protocol. `plan` lists cells, `run` measures them in parallel processes and keeps each
finished one as a line of a file, so that a run that was killed goes on where it was. `predictors` does both:

    result = egraph.bench.predictors(["egraph"], ["nasbench201:cifar10_test_200"], [78, 156], seeds=5)
    result.summary

`PROTOCOLS` says who is trained and who is tested, each by the name and the source of a publication; the
default ``key`` keeps every network on one side. `published` gives the figures that others have reported.
`arrange`, `to_markdown` and `plot` render a result. `searchers` compares searchers in the same way; its parts
are in `egraph.bench.arena`.

To add a protocol: a function in ``_protocols.py`` and its entry in `PROTOCOLS`. To add a predictor: the
registry ``egraph.ranker.predictors``, or a mapping from names to what takes ``seed=`` and gives one.
"""

from __future__ import annotations

from egraph.bench._card import describe_table, save_with_card
from egraph.bench._cells import Cell, measure
from egraph.bench._fitting import Estimate, TableFit, TableScores, fit_on_table, score_on_table
from egraph.bench._measuring import Failure
from egraph.bench._plot import plot
from egraph.bench._protocols import PROTOCOLS, Protocol, Split
from egraph.bench._published import Published, published
from egraph.bench._run import Result, plan, predictors, run
from egraph.bench._summary import Section, arrange, summarise, to_markdown
from egraph.bench.arena import searchers

__all__ = [
    "PROTOCOLS",
    "Cell",
    "Estimate",
    "Failure",
    "Protocol",
    "Published",
    "Result",
    "Section",
    "Split",
    "TableFit",
    "TableScores",
    "arrange",
    "describe_table",
    "fit_on_table",
    "measure",
    "plan",
    "plot",
    "predictors",
    "published",
    "run",
    "save_with_card",
    "score_on_table",
    "searchers",
    "summarise",
    "to_markdown",
]

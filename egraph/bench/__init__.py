"""Benchmarks: how well predictors order unseen networks, and what searchers find.

A `Cell` is one fit of one predictor: a benchmark, a number of labels, a protocol that separates training from
test networks, and a seed. `plan` lists cells. `run` measures them in parallel processes and appends each
result to a file as one line, so that an interrupted run can be resumed. `predictors` does both:

    result = egraph.bench.predictors(["egraph"], ["nasbench201:cifar10_test_200"], [78, 156], seeds=5)
    result.summary

`PROTOCOLS` are the ways to choose training and test networks; most follow a publication. The default ``key``
never puts one network on both sides. `published` returns the figures of other publications. `arrange`,
`to_markdown` and `plot` render a result. `searchers` compares searchers in the same way; its parts are in
`egraph.bench.arena`. `egraph.bench.studies` measures how well cheap measurements keep the order of networks.

`fit_on_table` fits one ranker on a table and scores it on the rest, `fit_on_tables` on several,
`score_on_table` scores a fitted one, and `save_with_card` writes a ranker with its model card.

To add a protocol: a function in ``_protocols.py`` and its entry in `PROTOCOLS`. To add a predictor: the
registry ``egraph.ranker.predictors``, or a mapping from names to functions that take
``seed=`` and return one.
"""

from __future__ import annotations

from egraph.bench._card import describe_table, save_with_card
from egraph.bench._cells import Cell, measure
from egraph.bench._fitting import (
    Estimate,
    TableFit,
    TableScores,
    find_learned,
    fit_on_table,
    score_on_table,
)
from egraph.bench._measuring import Failure
from egraph.bench._plot import plot
from egraph.bench._protocols import PROTOCOLS, Protocol, Split
from egraph.bench._published import Published, published
from egraph.bench._run import Result, plan, predictors, run
from egraph.bench._sources import Source, SourcesFit, fit_on_tables
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
    "Source",
    "SourcesFit",
    "Split",
    "TableFit",
    "TableScores",
    "arrange",
    "describe_table",
    "find_learned",
    "fit_on_table",
    "fit_on_tables",
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

"""Evolution of the ranker itself: which graph neural network ranks best?

The space is ``graphsage`` and the searcher regularized evolution. The fitness of a genome, by
`RankerEvaluator`, is how well its ranker orders some networks after a short training on others.

`split_table` sets apart the networks on which the outcome is reported. `make_study` returns a `egraph.Study`,
so an evolution has workers and a journal, and can be resumed. `run` runs it, takes the best genome (`choose`)
and compares it with the default ranker (`compare`). `draw` makes a picture of the evolution.

References:
    "The thesis" in this package is G. Kyriakides, "Parallel and Distributed Methods for Autonomous Design of
    Artificial Neural Networks", PhD thesis, University of Macedonia, 2022, chapter 7.
"""

from __future__ import annotations

from egraph.evolve._evaluator import RankerEvaluator, reduced_training, single_training
from egraph.evolve._evolution import (
    CYCLES,
    POPULATION,
    SAMPLE,
    Finalist,
    Measured,
    choose,
    compare,
    make_study,
)
from egraph.evolve._picture import draw
from egraph.evolve._run import Evolution, run
from egraph.evolve._split import Split, split_table

__all__ = [
    "CYCLES",
    "POPULATION",
    "SAMPLE",
    "Evolution",
    "Finalist",
    "Measured",
    "RankerEvaluator",
    "Split",
    "choose",
    "compare",
    "draw",
    "make_study",
    "reduced_training",
    "run",
    "single_training",
    "split_table",
]

"""Evolution of the ranker itself: which graph neural network ranks best?

The space is ``graphsage``, the searcher regularized evolution, and the fitness of a genome is how well its
ranker, trained for a moment on a few measured networks, orders others: `RankerEvaluator`. `make_study` puts
them into a `egraph.Study`, so that an evolution has workers, a journal, and can be broken off. `split_table`
keeps the networks on which the outcome is reported away from all of this; `choose` and `compare` end it, and
`draw` shows how it went.
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

"""Real evaluation: what a trial costs time for.

An *evaluator* measures one architecture and says what that cost. Five exist: `Training` builds the network
and trains it on images, `InheritedTraining` begins with the weights of a network that it trained before,
`ZeroCost` scores it untrained, `TableLookup` reads numbers that others measured, `as_evaluator` wraps any
function. What cannot be measured raises `egraph.errors.EvaluationError` with its
reason; a study records it as a failed trial. `Costs` measures size and speed, without a score.

To add one: write a subclass of `Evaluator` in a file of its own here and export it below.
"""

from __future__ import annotations

from egraph.evaluation.base import Evaluation, Evaluator, Fitness
from egraph.evaluation.costs import Costs
from egraph.evaluation.inheriting import InheritedTraining
from egraph.evaluation.lookup import TableLookup
from egraph.evaluation.ranks import rank_average
from egraph.evaluation.scoring import ZeroCost
from egraph.evaluation.training import Training, default_recipe
from egraph.evaluation.wrapping import as_evaluator
from egraph.training import Augmentation, Recipe

__all__ = [
    "Augmentation",
    "Costs",
    "Evaluation",
    "Evaluator",
    "Fitness",
    "InheritedTraining",
    "Recipe",
    "TableLookup",
    "Training",
    "ZeroCost",
    "as_evaluator",
    "default_recipe",
    "rank_average",
]

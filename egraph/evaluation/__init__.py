"""Evaluators: training, table look-up, zero-cost proxies.

An *evaluator* measures one architecture and the cost of doing so:

- `Training` builds the network and trains it on images (`egraph.training` has the loop);
- `InheritedTraining` starts from the weights of a network that it trained before;
- `OwnTraining` trains it with a function of the user's, which gets an `OwnTrial`;
- `ZeroCost` scores the untrained network;
- `TableLookup` reads a table of measurements;
- `as_evaluator` wraps any function;
- `Outside` stands for evaluations whose scores a study is told.

The registry `evaluators` holds those that installed packages offer for ``egraph search --train``.

`Fused` joins a ranker's prediction with zero-cost scores.

An architecture that cannot be measured raises `egraph.errors.EvaluationError` with the reason; a study
records a failed trial. `Costs` measures size and speed, without a score, and `ColumnCost` looks a cost up
in a table, `ProxyCost` is a zero-cost score as a cost; `CostNames` finds all by name.

`Evaluator.at` gives a cheaper evaluation, such as one with fewer epochs, as a `Fidelity`.

To add an evaluator, write a subclass of `Evaluator` in a module of its own here and export it below. One that
builds networks and shows them images derives from `building.NetworkEvaluator`.
"""

from __future__ import annotations

from egraph.evaluation.base import Evaluation, Evaluator, Fidelity, Fitness
from egraph.evaluation.cost_meter import CostMeter
from egraph.evaluation.cost_names import CostNames
from egraph.evaluation.costs import Costs
from egraph.evaluation.fusing import Fused, fuse
from egraph.evaluation.inheriting import InheritedTraining
from egraph.evaluation.lookup import ColumnCost, TableLookup
from egraph.evaluation.offers import evaluators
from egraph.evaluation.outside import Outside
from egraph.evaluation.own_training import OwnTraining
from egraph.evaluation.own_trial import OwnTrial
from egraph.evaluation.ranks import rank_average
from egraph.evaluation.scoring import ProxyCost, ZeroCost
from egraph.evaluation.training import Training, default_recipe
from egraph.evaluation.wrapping import as_evaluator
from egraph.training import Augmentation, Recipe

__all__ = [
    "Augmentation",
    "ColumnCost",
    "CostMeter",
    "CostNames",
    "Costs",
    "Evaluation",
    "Evaluator",
    "Fidelity",
    "Fitness",
    "Fused",
    "InheritedTraining",
    "Outside",
    "OwnTraining",
    "OwnTrial",
    "ProxyCost",
    "Recipe",
    "TableLookup",
    "Training",
    "ZeroCost",
    "as_evaluator",
    "default_recipe",
    "evaluators",
    "fuse",
    "rank_average",
]

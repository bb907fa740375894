"""Rankers: models that say which of two architectures will train better.

A ranker is fitted on measured architectures and is then a fitness: called with architectures, it gives one
score each, higher is better. The parts, in the order in which data passes through them:

- `egraph.encoding`: architectures to dense arrays that do not depend on numbering;
- `sage`, `readout`, `network`: the graph neural network;
- `heads`, `training`: what is learnt from pairs, and how;
- `columns`: columns of the caller beside the analytic features;
- `tabular`: a Gaussian process and randomised trees from `egraph.surrogates`, averaged with the networks;
- `scorer`, `scale`: the ensemble, and the map to the user's units;
- `calibration`, `stacking`, `fitting`: held-out folds, prediction intervals and weights of the ensemble;
- `prior`, `weighing`, `voice`: the opinion of a model fitted before, its share and its scale;
- `familiarity`: the distance of an architecture from the training data;
- `ranker`, `learning`, `parameters`, `parts`: the scikit-learn estimator `Ranker`;
- `storage`, `loading`, `model_file`: files of fitted models;
- `genome`: the ranker that a genome of the space ``graphsage`` describes.

Message-passing layers, read-outs and losses are entries of the tables `AGGREGATORS`, `READOUTS` and `HEADS`,
which code outside of the package can add to. CONTRIBUTING.md has the recipe, with the tables of
`egraph.export` and of the space ``graphsage`` that belong to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

# Files of rankers name operations, which the spaces register on import.
import egraph.spaces  # noqa: F401
from egraph._lazy import lazy_names
from egraph.encoding import Encoding
from egraph.ranker.familiarity import Familiarity
from egraph.ranker.genome import Genome, from_genome, shipped_genomes
from egraph.ranker.heads import HEADS, Head, Pairs
from egraph.ranker.loading import load
from egraph.ranker.network import Layer
from egraph.ranker.parameters import TABULAR_MODELS
from egraph.ranker.ranker import Ranker
from egraph.ranker.readout import READOUTS, ReadOut
from egraph.ranker.sage import AGGREGATORS, Aggregator, Linear, Neighbours, SAGELayer
from egraph.ranker.shipped import pretrained

if TYPE_CHECKING:
    from egraph.baselines import predictors

__all__ = [
    "AGGREGATORS",
    "HEADS",
    "READOUTS",
    "TABULAR_MODELS",
    "Aggregator",
    "Encoding",
    "Familiarity",
    "Genome",
    "Head",
    "Layer",
    "Linear",
    "Neighbours",
    "Pairs",
    "Ranker",
    "ReadOut",
    "SAGELayer",
    "from_genome",
    "load",
    "predictors",
    "pretrained",
    "shipped_genomes",
]

# Baselines import the ranker, so their registry is looked up by name.
__getattr__, __dir__ = lazy_names("egraph.ranker", {"predictors": "egraph.baselines"})

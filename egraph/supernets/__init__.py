"""Supernets: networks with all operations of a space at once, whose probabilities gradients train.

- `Supernet` is the network of a space's relaxation (`SearchSpace.relaxation`) with a `Mixed` layer at each
  position, and the logits of the operations.
- `search` trains one: weights on a half of the training examples, logits on the other half, with a
  checkpoint after each epoch. It returns `Found`: probabilities and the derived architecture of every epoch.
- `methods` has the differentiable methods by name, each a small file that changes one thing of `Method`.
- `sample_candidates` draws different architectures by the probabilities; `derive_by_removal` derives one by
  what the removal of operations costs a trained supernet.
- `joined` gives the `Workers` that ``torchrun`` started, which train one supernet together.
- `Settings` says how to train, as a value; `search_recipe` is the recipe of DARTS.
- `SupernetSearcher` makes a method the searcher of a study: the supernet is trained before the first trial.
- `train_alone` trains one without a study, and its architecture beside random ones.
- `Tournament` decides between whole cells, side by side in the layers of one network (`ParallelCells`).
  `RowTraining` trains the survivors in a row, and `Rows` compares them with rows of random cells.
"""

from egraph.supernets.alone import train_alone
from egraph.supernets.derivation import derive_by_removal, removal_strengths, sample_candidates
from egraph.supernets.methods import Method, methods
from egraph.supernets.mixing import Mixed, Sample
from egraph.supernets.parallel_cells import ParallelCells
from egraph.supernets.results import Epoch, Found
from egraph.supernets.row import Rows, RowTraining
from egraph.supernets.run import Run
from egraph.supernets.search import search
from egraph.supernets.searcher import SupernetSearcher
from egraph.supernets.settings import Settings, search_recipe
from egraph.supernets.supernet import Supernet
from egraph.supernets.tournament import Tournament
from egraph.supernets.workers import Workers, joined

__all__ = [
    "Epoch",
    "Found",
    "Method",
    "Mixed",
    "ParallelCells",
    "RowTraining",
    "Rows",
    "Run",
    "Sample",
    "Settings",
    "Supernet",
    "SupernetSearcher",
    "Tournament",
    "Workers",
    "derive_by_removal",
    "joined",
    "methods",
    "removal_strengths",
    "sample_candidates",
    "search",
    "search_recipe",
    "train_alone",
]

"""Searchers: they propose architectures (`ask`) and learn from scores (`tell`).

A searcher sees a search space and scores. Scores may come from a table, a ranker or a real training, so
every searcher works with every fitness:

    searcher = RegularizedEvolution(space, population=100, sample=25, seed=0)
    result = run(searcher, fitness, budget=1000)

or step by step, with any number of architectures at a time and results from elsewhere in between:

    architectures = searcher.ask(8)
    searcher.tell(architectures, fitness(architectures))

`names` lists all searchers. `SearcherSpec` names and configures a searcher without making it.

To add a searcher, write a subclass of `Searcher` in a file here and register it below; or, in a package of
your own, name the class under the entry point ``egraph.searchers``:

    [project.entry-points."egraph.searchers"]
    my-searcher = "my_package:MySearcher"

If that package is installed, `names` lists the searcher. The conformance checks in
`egraph.searchers.testing` apply to every searcher, and packages can import and run them.
"""

from __future__ import annotations

from egraph.searchers._ant_colony import AntColony
from egraph.searchers._base import MakeSearcher, Searcher
from egraph.searchers._bayesian import BayesianOptimization
from egraph.searchers._classic_evolution import ClassicEvolution
from egraph.searchers._codeepneat import CoDeepNEAT
from egraph.searchers._deepneat import DeepNEAT
from egraph.searchers._denser import DENSER
from egraph.searchers._dqn import DeepQNetwork
from egraph.searchers._drawn import Drawn
from egraph.searchers._genetic import Genetic
from egraph.searchers._hill_climb import HillClimb
from egraph.searchers._local_search import LocalSearch
from egraph.searchers._multi_objective import Compromise, MultiObjective
from egraph.searchers._nas_ea_fa import FitnessApproximation
from egraph.searchers._nsga2 import NSGA2
from egraph.searchers._pareto import hypervolume
from egraph.searchers._pareto_evolution import ParetoEvolution
from egraph.searchers._particle_swarm import ParticleSwarm
from egraph.searchers._random import RandomSearch
from egraph.searchers._registry import get, names, register
from egraph.searchers._regularized_evolution import RegularizedEvolution
from egraph.searchers._reinforce import Reinforce
from egraph.searchers._run import SearchResult, Step, run
from egraph.searchers._spec import SearcherSpec, describe
from egraph.surrogates.graph_process import GraphProcess

__all__ = [
    "DENSER",
    "NSGA2",
    "AntColony",
    "BayesianOptimization",
    "ClassicEvolution",
    "CoDeepNEAT",
    "Compromise",
    "DeepNEAT",
    "DeepQNetwork",
    "Drawn",
    "FitnessApproximation",
    "Genetic",
    "GraphProcess",
    "HillClimb",
    "LocalSearch",
    "MakeSearcher",
    "MultiObjective",
    "ParetoEvolution",
    "ParticleSwarm",
    "RandomSearch",
    "RegularizedEvolution",
    "Reinforce",
    "SearchResult",
    "Searcher",
    "SearcherSpec",
    "Step",
    "describe",
    "get",
    "hypervolume",
    "names",
    "register",
    "run",
]


# In the repository root, `import searchers` would import a second copy of every class.
if __name__ != "egraph.searchers":
    raise ImportError("import egraph.searchers; the repository root shadows `searchers`")

for _searcher in (
    RandomSearch,
    LocalSearch,
    HillClimb,
    RegularizedEvolution,
    ClassicEvolution,
    Genetic,
    NSGA2,
    ParetoEvolution,
    DeepNEAT,
    CoDeepNEAT,
    DENSER,
    AntColony,
    ParticleSwarm,
    Reinforce,
    BayesianOptimization,
    FitnessApproximation,
    DeepQNetwork,
    Drawn,
):
    register(_searcher)

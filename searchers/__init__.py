"""Searchers: they propose architectures (`ask`) and learn from scores (`tell`).

A searcher knows a search space and numbers. Where a number comes from, a table, a ranker or a real training,
it does not know, so each searcher works with each fitness:

    searcher = RegularizedEvolution(space, population=100, sample=25, seed=0)
    result = run(searcher, fitness, budget=1000)

or step by step, any number at a time, with other people's results told in between:

    architectures = searcher.ask(8)
    searcher.tell(architectures, fitness(architectures))

`names` lists those that exist. To add one: write a subclass of `Searcher` in a file of its own here and
register it below. The conformance tests (`egraph.searchers.testing`) then run on it: they hold for every
searcher, and one that lives elsewhere can import and run them too.
"""

from __future__ import annotations

from egraph.registry import Registry
from egraph.searchers._ant_colony import AntColony
from egraph.searchers._base import Searcher
from egraph.searchers._bayesian import BayesianOptimization
from egraph.searchers._classic_evolution import ClassicEvolution
from egraph.searchers._codeepneat import CoDeepNEAT
from egraph.searchers._deepneat import DeepNEAT
from egraph.searchers._denser import DENSER
from egraph.searchers._dqn import DeepQNetwork
from egraph.searchers._genetic import Genetic
from egraph.searchers._graph_process import GraphProcess
from egraph.searchers._hill_climb import HillClimb
from egraph.searchers._local_search import LocalSearch
from egraph.searchers._multi_objective import Compromise
from egraph.searchers._nas_ea_fa import FitnessApproximation
from egraph.searchers._nsga2 import NSGA2
from egraph.searchers._pareto import hypervolume
from egraph.searchers._pareto_evolution import ParetoEvolution
from egraph.searchers._particle_swarm import ParticleSwarm
from egraph.searchers._random import RandomSearch
from egraph.searchers._regularized_evolution import RegularizedEvolution
from egraph.searchers._reinforce import Reinforce
from egraph.searchers._run import SearchResult, Step, run

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
    "FitnessApproximation",
    "Genetic",
    "GraphProcess",
    "HillClimb",
    "LocalSearch",
    "ParetoEvolution",
    "ParticleSwarm",
    "RandomSearch",
    "RegularizedEvolution",
    "Reinforce",
    "SearchResult",
    "Searcher",
    "Step",
    "get",
    "hypervolume",
    "names",
    "register",
    "run",
]

_registry: Registry[type[Searcher]] = Registry("searcher")


def register(searcher: type[Searcher]) -> type[Searcher]:
    """Makes a class of searchers known under its name; can be used as a decorator.

    Raises:
        UsageError: the name is taken.
    """
    return _registry.register(searcher.name, searcher)


def get(name: str) -> type[Searcher]:
    """The class of searchers of that name.

    Raises:
        UnknownNameError: there is none.
    """
    return _registry[name]


def names() -> list[str]:
    """The names of all searchers."""
    return list(_registry)


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
):
    register(_searcher)

# The repository's own folder would otherwise answer `import searchers` with a second copy of every class.
if __name__ != "egraph.searchers":
    raise ImportError("import egraph.searchers; the repository root shadows `searchers`")

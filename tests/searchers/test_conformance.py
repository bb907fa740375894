"""Every registered searcher fulfils the contract, and gives the recorded histories."""

import functools
import json
from pathlib import Path

import pytest

from egraph import searchers
from egraph.searchers import testing

SMALL = {
    "small-evolution": functools.partial(searchers.RegularizedEvolution, population=6, sample=3),
    "small-classic": functools.partial(searchers.ClassicEvolution, population=6, sample=3),
    "small-genetic": functools.partial(searchers.Genetic, population=6),
    "small-swarm": functools.partial(searchers.ParticleSwarm, particles=3),
    "small-colony": functools.partial(searchers.AntColony, ants=2),
}
NAMES = [*searchers.names(), *SMALL]
GOLDEN = Path(__file__).with_name("golden.json")


def make(name, space, *, seed):
    """A searcher; those of installed packages are loaded no sooner than here."""
    return (SMALL.get(name) or searchers.get(name))(space, seed=seed)


@pytest.mark.parametrize("check", testing.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_searcher_conforms(name, check):
    check(functools.partial(make, name))


@pytest.mark.parametrize("name", NAMES)
def test_history_is_the_recorded_one(name):
    if name not in SMALL and not searchers.get(name).__module__.startswith("egraph."):
        pytest.skip("an installed package brings it")
    recorded = json.loads(GOLDEN.read_text())
    hint = f"if the change is meant, run `python {Path(__file__).name}` beside {GOLDEN.name}"
    assert recorded.get(name) == _history(name), hint


@pytest.mark.parametrize("name", NAMES)
def test_optimum_of_a_small_space_is_found(name):
    space = testing.ToySpace(4, 5)
    result = searchers.run(make(name, space, seed=0), space.value, budget=20, batch=3)
    assert space.format(result.best) == "3.4"


def _history(name):
    space = testing.ToySpace(5, 5, 5)
    searcher = make(name, space, seed=7)
    return [
        space.format(step.architecture) for step in searchers.run(searcher, space.value, 40, batch=4).history
    ]


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps({name: _history(name) for name in NAMES}, indent=1) + "\n")

"""What a space offers beside its abstract methods, and that consumers ask for it through the base class."""

import numpy as np
import pytest

from egraph import spaces
from egraph.errors import ArchitectureError, UsageError
from egraph.evaluation import InheritedTraining
from egraph.searchers import DeepQNetwork, ParetoEvolution, run
from egraph.searchers.testing import ToySpace
from egraph.spaces import Limited
from egraph.spaces._cell_episodes import CellEpisodes

CELLS = spaces.get("nasbench101")
CHANNELS = spaces.get("concat-cell")


def unlimited(space):
    """The space within a limit that every architecture keeps."""
    return Limited(space, {"vertices": lambda a: a.num_vertices}, {"vertices": 1000})


def small(space, limit):
    return Limited(space, {"vertices": lambda a: a.num_vertices}, {"vertices": limit})


def history(searcher, budget=60):
    result = run(searcher, lambda archs: [len(a.edges) + 0.1 * len(set(a.ops)) for a in archs], budget=budget)
    return [(searcher.space.key(step.architecture), step.score) for step in result.history]


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201"])
def test_dqn_within_a_limit_that_all_keep_searches_as_in_the_whole_space(name):
    whole = spaces.get(name)
    assert history(DeepQNetwork(unlimited(whole), seed=3)) == history(DeepQNetwork(whole, seed=3))


@pytest.mark.parametrize("name", ["concat-cell", "nasbench201"])
def test_pareto_evolution_within_a_limit_that_all_keep_searches_as_in_the_whole_space(name):
    whole = spaces.get(name)
    found, expected = (
        history(ParetoEvolution(space, seed=3, population=4, children=10))
        for space in (unlimited(whole), whole)
    )
    assert found == expected


def test_limited_cells_grow_vertex_by_vertex_within_the_limit():
    space = small(CELLS, 4)
    episodes = space.episodes()
    assert (episodes.bits, episodes.outputs) == (45, 11)
    cell = CELLS.sample(np.random.default_rng(0))
    assert episodes.trace(cell) == CELLS.episodes().trace(cell)
    large = [(0, 4, 10), (0, 4, 5), (0, 5, 6), (3, 6, 7)]
    assert CELLS.episodes().build(large).num_vertices == 5
    with pytest.raises(ArchitectureError, match="vertices may be 4 at most, this architecture has 5"):
        episodes.build(large)
    asked = DeepQNetwork(space, seed=0).ask(10)
    assert all(a.num_vertices <= 4 for a in asked)


def test_limited_weighted_mutants_and_all_crossovers_keep_the_limit():
    space, rng = small(CHANNELS, 5), np.random.default_rng(0)
    assert list(space.crossovers) == list(CHANNELS.crossovers) == ["crossover", "minimum"]
    assert space.weighted_operations == CHANNELS.weighted_operations
    odds = [1.0] * len(space.weighted_operations)
    for _ in range(20):
        a, b = space.sample(rng), space.sample(rng)
        assert space.amounts(a) == CHANNELS.channels(a)
        assert space.mutate_weighted(a, rng, odds=odds, size=100.0) in space
        for cross in space.crossovers.values():
            assert cross(a, b, rng) in space


def test_a_limited_space_without_morphisms_is_refused_as_the_whole_one():
    assert unlimited(spaces.get("nash")).has_morphisms
    with pytest.raises(UsageError, match=r"'nasbench201, vertices <= 1,000' has no network morphisms"):
        InheritedTraining(unlimited(spaces.get("nasbench201")), "digits")


def test_a_space_that_declares_nothing_has_the_defaults():
    space = ToySpace(2, 3)
    one, other = space.make([0, 1]), space.make([1, 1])
    assert (space.builder, space.builds_networks, space.has_morphisms) == (None, False, False)
    assert space.network_options == {}
    assert space.crossovers == {"crossover": space.crossover}
    assert space.amounts(other) == {"op1": 2}
    assert space.episodes().trace(one) == [(0,), (3,)]
    with pytest.raises(UsageError, match="the space 'toy' has no weighted mutation; use mutate"):
        space.mutate_weighted(one, np.random.default_rng(0), odds=[], size=1.0)


def test_cells_of_nasbench101_declare_their_episodes():
    assert isinstance(CELLS.episodes(), CellEpisodes)


def test_an_unknown_option_of_a_network_is_named_with_those_that_exist():
    space = spaces.get("nasbench201")
    cell = space.sample(np.random.default_rng(0))
    text = "networks of the space 'nasbench201' have no option 'width'; options: channels, cells, seed"
    with pytest.raises(UsageError, match=text):
        space.network(cell, width=3)
    with pytest.raises(UsageError, match=text):
        unlimited(space).network(cell, width=3)


def test_none_stands_for_the_default_of_an_option():
    space = spaces.get("nasbench201")
    cell = space.sample(np.random.default_rng(0))
    assert str(space.network(cell, channels=None, cells=1)) == str(space.network(cell, cells=1))


def test_a_space_that_defines_network_itself_declares_options_by_its_signature():
    class Own(ToySpace):
        def network(self, architecture, input_shape=(3, 32, 32), num_classes=10, *, channels=8, **others):
            return (channels, num_classes)

    space = unlimited(Own(2, 3))
    assert space.builds_networks
    assert space.network_options == {"channels": 8}
    assert space.network(Own(2, 3).make([0, 0]), num_classes=7, channels=2) == (2, 7)

import math

import numpy as np
import pytest

from egraph import spaces
from egraph.datasets import Metric, Table
from egraph.errors import ArchitectureError, UnknownNameError, UsageError
from egraph.searchers import RandomSearch, get, names, run
from egraph.searchers.testing import ToySpace
from egraph.spaces import Limited, Rows

WHOLE = ToySpace(6, 6, 6)


@pytest.fixture
def space():
    """Forty of 216 chains."""
    everything = list(WHOLE)
    chosen = np.random.default_rng(0).permutation(216)[:40]
    architectures = [everything[row] for row in chosen]
    return Table(WHOLE, architectures, {}, {}, name="some").search_space()


def edits(a, b):
    return sum(x != y for x, y in zip(WHOLE.numbers(a), WHOLE.numbers(b), strict=True))


def test_it_has_the_rows_and_no_others(space):
    assert len(space) == len(list(space)) == 40
    assert space.name == "toy, rows of some"
    assert all(architecture in space for architecture in space)
    outside = next(a for a in WHOLE if a not in set(space))
    assert outside not in space
    assert space.key(outside) == WHOLE.key(outside)  # it can be told all the same
    rng = np.random.default_rng(0)
    for verb in (space.validate, space.neighbors, lambda a: space.mutate(a, rng)):
        with pytest.raises(ArchitectureError, match=r"\d\.\d\.\d is not in the space 'toy, rows of some'"):
            verb(outside)
    with pytest.raises(ArchitectureError, match="is not in the space 'toy, rows of some'"):
        space.parse(WHOLE.format(outside))
    assert space.crossover(outside, outside, rng) in space


def test_it_lists_each_network_once_and_at_least_one():
    assert list(Rows(WHOLE, [*list(WHOLE)[:3]] * 2, "twice")) == list(WHOLE)[:3]
    with pytest.raises(UsageError, match="table empty lists no architecture to search among"):
        Rows(WHOLE, [], "table empty")


def test_neighbors_are_the_rows_with_the_fewest_edits(space):
    for architecture in space:
        near = space.neighbors(architecture)
        far = [a for a in space if a not in near and a != architecture]
        assert len(near) >= 8
        assert architecture not in near
        reach = max(edits(architecture, a) for a in near)
        assert sum(edits(architecture, a) < reach for a in near) < 8, "no more edits than are needed"
        assert all(edits(architecture, a) > reach for a in far)


def test_whatever_a_searcher_does_it_stays_within_the_rows(space):
    rng = np.random.default_rng(1)
    seen = set()
    for _ in range(100):
        a, b = space.sample(rng), space.sample(rng)
        made = (space.mutate(a, rng), space.crossover(a, b, rng))
        assert all(one in space for one in made)
        assert made[0] in space.neighbors(a)
        seen.add(made[1])
    assert len(seen) > 10


@pytest.mark.parametrize("name", names())
def test_every_searcher_works_on_the_rows_and_finds_all(space, name):
    history = run(get(name)(space, seed=0), WHOLE.value, 60).history
    assert {space.key(step.architecture) for step in history} == {space.key(a) for a in space}


def test_what_is_decoded_is_the_nearest_row(space):
    assert space.choices == (6, 6, 6)
    for architecture in WHOLE:
        row = space.decode(WHOLE.encode(architecture))
        assert edits(row, architecture) == min(edits(a, architecture) for a in space)
    for architecture in space:
        assert space.decode(space.encode(architecture)) == architecture
        assert space.parse(space.format(architecture)) == architecture


def test_few_rows_are_all_neighbors():
    few = list(WHOLE)[:3]
    space = Table(WHOLE, few, {}, {}).search_space()
    assert space.neighbors(few[0]) == few[1:]
    only = Rows(WHOLE, few[:1], "one")
    assert only.neighbors(few[0]) == []
    assert only.mutate(few[0], np.random.default_rng(0)) == few[0]


def test_networks_are_those_of_the_whole_space(space):
    with pytest.raises(UsageError, match="the space 'toy' cannot build networks"):
        space.network(next(iter(space)))


def test_all_capabilities_of_the_whole_space_are_passed_on():
    """Weighted mutants, all crossovers, stepwise building and limits on top."""
    rng = np.random.default_rng(0)
    whole = spaces.get("concat-cell")
    rows = [whole.sample(rng) for _ in range(30)]
    space = Rows(whole, rows, "sample")
    assert list(space.crossovers) == ["crossover", "minimum"]
    odds = [1.0] * len(whole.weighted_operations)
    for a, b in zip(rows[1:], rows[:-1], strict=True):
        mutant = space.mutate_weighted(a, rng, odds=odds, size=100.0)
        assert mutant in space
        assert space.key(mutant) != space.key(a)
        assert all(cross(a, b, rng) in space for cross in space.crossovers.values())
        assert space.amounts(a) == whole.amounts(a)
    assert (space.builds_networks, space.network_options) == (True, whole.network_options)

    cells = spaces.get("nasbench101")
    few = Rows(cells, [cells.sample(rng) for _ in range(30)], "sample")
    assert few.episodes().build([(0, 4, 10), (0, 4, 5), (0, 5, 6), (3, 6, 7)]) in few
    small = Limited(few, {"vertices": lambda a: a.num_vertices}, {"vertices": 6})
    assert {a.num_vertices for a in RandomSearch(small, seed=0).ask(30)} <= {2, 3, 4, 5, 6}


def test_a_table_with_all_of_its_space_is_searched_as_the_space_itself():
    everything = list(WHOLE)
    assert Table(WHOLE, everything, {}, {}).search_space() is WHOLE
    assert len(Table(WHOLE, everything[1:], {}, {}).search_space()) == 215
    numbers = {"score": [math.nan, *range(215)]}
    table = Table(WHOLE, everything, numbers, {"score": Metric()}, name="some")
    assert set(table.measured("score").search_space()) == set(everything[1:])
    assert table.measured() is table
    with pytest.raises(UnknownNameError, match="unknown column 'scores' in table 'some'"):
        table.measured("scores")
    with pytest.raises(UsageError, match="column 'text' of table 'words' must hold numbers, got"):
        Table(WHOLE, everything[:1], {"text": ["a"]}, {}, name="words").measured("text")

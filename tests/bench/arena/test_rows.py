import numpy as np
import pytest

from egraph.bench.arena import RowSpace
from egraph.datasets import Table
from egraph.errors import ArchitectureError, UsageError
from egraph.searchers import RandomSearch, RegularizedEvolution, run
from egraph.searchers.testing import ToySpace

WHOLE = ToySpace(6, 6, 6)


@pytest.fixture
def space():
    """Forty of 216 chains."""
    everything = list(WHOLE)
    chosen = np.random.default_rng(0).permutation(216)[:40]
    architectures = [everything[row] for row in chosen]
    return RowSpace(Table(WHOLE, architectures, {}, {}, name="some"))


def edits(a, b):
    return sum(x != y for x, y in zip(WHOLE.numbers(a), WHOLE.numbers(b), strict=True))


def test_it_has_the_rows_and_no_others(space):
    assert len(space) == len(list(space)) == 40
    assert space.name == "toy, rows of some"
    assert all(architecture in space for architecture in space)
    outside = next(a for a in WHOLE if a not in set(space))
    assert outside not in space
    for verb in (space.validate, space.key, space.encode, space.neighbors):
        with pytest.raises(ArchitectureError, match=r"no row of the table is \d\.\d\.\d"):
            verb(outside)
    with pytest.raises(ArchitectureError, match="no row of the table is"):
        space.parse(WHOLE.format(outside))
    rng = np.random.default_rng(0)
    for parents in ((outside, space.sample(rng)), (space.sample(rng), outside)):
        with pytest.raises(ArchitectureError, match="no row of the table is"):
            space.crossover(*parents, rng)


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
    for searcher in (RandomSearch, RegularizedEvolution):
        assert run(searcher(space, seed=0), WHOLE.value, 100).exhausted


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
    space = RowSpace(Table(WHOLE, few, {}, {}))
    assert space.neighbors(few[0]) == few[1:]


def test_networks_are_those_of_the_whole_space(space):
    with pytest.raises(UsageError, match="the space 'toy' cannot build networks"):
        space.network(next(iter(space)))

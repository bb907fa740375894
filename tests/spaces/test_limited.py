import math

import numpy as np
import pytest

from egraph import spaces
from egraph.errors import ArchitectureError, EvaluationError, SpaceExhaustedError, UsageError
from egraph.searchers import RandomSearch, RegularizedEvolution, get, names, run
from egraph.searchers.testing import ToySpace
from egraph.spaces import Limited

WHOLE = ToySpace(4, 5)


def total(architecture):
    return sum(WHOLE.numbers(architecture))


def limited(limit=3, cost=total, whole=WHOLE):
    return Limited(whole, {"total": cost}, {"total": limit})


def test_only_what_keeps_the_limit_exists():
    space = limited()
    # of 4 x 5 pairs, those with a sum of at most 3: 4 + 3 + 2 + 1
    assert len(list(space)) == 10
    with pytest.raises(TypeError, match="each architecture must be measured"):
        len(space)
    assert all(total(architecture) <= 3 for architecture in space)
    rng = np.random.default_rng(0)
    child = space.sample(rng)
    for _ in range(100):
        child = space.crossover(space.mutate(child, rng), space.sample(rng), rng)
        assert child in space
    assert {space.format(each) for each in space.neighbors(space.parse("2.1"))} == {"0.1", "1.1", "2.0"}
    assert space.decode((1, 2)) == space.parse("1.2")
    assert space.encode(space.parse("1.2")) == (1, 2)
    assert space.choices == (4, 5)


def test_what_exceeds_it_is_refused_with_its_cost():
    space, large = limited(), WHOLE.make([3, 4])
    for refused in (
        lambda: space.validate(large),
        lambda: space.parse("3.4"),
        lambda: space.decode((3, 4)),
    ):
        with pytest.raises(ArchitectureError, match="total may be 3 at most, this architecture has 7"):
            refused()
    assert large not in space
    assert space.key(large) == "3.4"  # it can be told all the same


def test_a_child_of_what_exceeds_it_keeps_it():
    rng = np.random.default_rng(0)
    large = WHOLE.make([3, 4])
    for space in (limited(3), limited(0.5)):
        assert space.mutate(large, rng) in space
        assert space.crossover(large, large, rng) in space
    only = limited(0.5).sample(rng)
    assert limited(0.5).mutate(only, rng) == only  # there is no other


def test_each_network_is_measured_once():
    calls = []
    space = limited(cost=lambda a: calls.append(a) or total(a))
    run(RegularizedEvolution(space, population=4, sample=2), WHOLE.value, budget=10)
    assert len(list(space)) == 10
    assert len(calls) == len(set(calls)) == 20


def test_a_limit_that_nothing_keeps_is_told_with_the_least_cost():
    text = (
        r"none of 1,000 random .* of the space 'toy, total <= 3'; the least .* is total 10; raise the limit"
    )
    with pytest.raises(SpaceExhaustedError, match=text):
        limited(cost=lambda a: 10 + total(a)).sample(np.random.default_rng(0))


@pytest.mark.parametrize("bad", [math.nan, None])
def test_what_cannot_be_measured_exceeds_it(bad):
    def cost(architecture):
        if total(architecture) < 7:
            return 1.0
        if bad is None:
            raise EvaluationError("too large to build")
        return bad

    assert len(list(limited(cost=cost))) == 19


@pytest.mark.parametrize("name", names())
def test_every_searcher_keeps_it_and_finds_all_that_is_left(name):
    space = limited()
    result = run(get(name)(space, seed=0), WHOLE.value, budget=20)
    assert result.exhausted
    assert {space.key(step.architecture) for step in result.history} == {space.key(a) for a in space}


def test_limits_are_in_the_name_to_the_last_digit():
    assert limited(1_234_567).name == "toy, total <= 1,234,567"
    assert limited(2.5) != limited(2.25)
    assert limited(3) == limited(3.0)
    both = Limited(WHOLE, {"a": total, "b": total, "c": total}, {"a": 3, "b": 2})
    assert both.name == "toy, a <= 3, b <= 2"
    assert both.measure(WHOLE.make([1, 1])) == {"a": 2.0, "b": 2.0}
    assert len(list(both)) == 6


def test_a_space_without_an_end_says_so():
    space = limited(7, cost=lambda a: a.num_vertices, whole=spaces.get("convnet"))
    with pytest.raises(TypeError, match="is not finite"):
        iter(space)
    assert all(a.num_vertices <= 7 for a in RandomSearch(space).ask(20))


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ({}, "a limited space needs at least one limit"),
        ({"total": 0}, "the limit of 'total' must be positive, got 0"),
        ({"total": math.nan}, "the limit of 'total' must be positive, got nan"),
        ({"size": 3}, "there is no cost 'size' to limit; costs: total"),
    ],
)
def test_wrong_limits_are_refused(limits, text):
    with pytest.raises(UsageError, match=text):
        Limited(WHOLE, {"total": total}, limits)


def test_networks_are_those_of_the_whole_space():
    whole = spaces.get("convnet")
    space = limited(8, cost=lambda a: a.num_vertices, whole=whole)
    from egraph.evaluation.building import check_builds

    check_builds(space)
    assert space.network_options == {"channels": 64, "dropout": 0.1, "seed": 0}
    with pytest.raises(UsageError, match="the space 'toy, total <= 3' builds no networks"):
        check_builds(limited())
    assert limited().network_size(WHOLE.make([1, 1])) is None
    rng = np.random.default_rng(0)
    beyond = next(each for each in (whole.sample(rng) for _ in range(99)) if each.num_vertices > 8)
    size = space.network_size(beyond, (1, 8, 8), channels=8)
    assert size is not None
    assert size == whole.network_size(beyond, (1, 8, 8), channels=8)


def test_genes_set_the_training_as_in_the_whole_space():
    whole = spaces.get("deepneat")
    space = Limited(whole, {"vertices": lambda architecture: architecture.num_vertices}, {"vertices": 99})
    one = space.sample(np.random.default_rng(0))
    assert space.settings(one) == whole.settings(one) != {}

"""What a space of choices derives from its positions."""

import collections

import numpy as np
import pytest

from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, SpaceExhaustedError
from egraph.searchers import RegularizedEvolution, run
from egraph.spaces import ChoiceSpace

CONV, WIDE, POOL = "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"


class Pairs(ChoiceSpace):
    """Two layers, not twice the same; ``first`` says which comes first."""

    name = "pairs"
    operations = (CONV, WIDE)
    positions = {"first": ("one", "other"), "one": operations, "other": operations}  # noqa: RUF012

    def build(self, options):
        first, *ops = options
        if ops[0] == ops[1]:
            raise ArchitectureError(f"{self.name} has no architecture of twice {ops[0]}")
        return Architecture(
            ["input", *(ops if first == "one" else ops[::-1]), "output"], [(0, 1), (1, 2), (2, 3)]
        )

    def read(self, architecture):
        return ("one", *architecture.ops[1:-1])


def test_it_counts_and_enumerates_one_architecture_for_each_key(stacks):
    # 2 x 3 x 3 chains, no two of which are the same network
    assert len(stacks) == len(list(stacks)) == 18
    assert stacks.choices == (2, 3, 3)
    assert [Pairs().format(a) for a in Pairs()] == [f"one,{CONV},{WIDE}", f"one,{WIDE},{CONV}"]


def test_too_many_combinations_are_iterated_but_not_counted():
    class Large(ChoiceSpace):
        name = "large"
        operations = (CONV, WIDE)
        positions = dict.fromkeys(map(str, range(20)), operations)

        def build(self, options):
            return Architecture(["input", *options, "output"], [(i, i + 1) for i in range(21)])

    with pytest.raises(TypeError, match="to count 'large', 1,048,576 combinations of options must be built"):
        len(Large())
    assert next(iter(Large())).ops[1:-1] == (CONV,) * 20


def test_encoding_notation_and_options_agree(stacks):
    one = stacks.parse(f" {WIDE},{POOL} ,{CONV}")
    assert one.ops == ("input", WIDE, POOL, CONV, "output")
    assert stacks.encode(one) == (1, 2, 0)
    assert stacks.decode((1, 2, 0)) == one
    assert stacks.format(one) == f"{WIDE},{POOL},{CONV}"


def test_neighbors_have_one_other_option_in_order(stacks):
    found = [stacks.encode(a) for a in stacks.neighbors(stacks.decode((0, 1, 2)))]
    assert found == [(1, 1, 2), (0, 0, 2), (0, 2, 2), (0, 1, 0), (0, 1, 1)]


def test_mutations_reach_every_neighbour_as_often(stacks):
    rng, one = np.random.default_rng(0), stacks.decode((0, 1, 2))
    counts = collections.Counter(stacks.encode(stacks.mutate(one, rng)) for _ in range(2000))
    assert set(counts) == {stacks.encode(a) for a in stacks.neighbors(one)}
    assert min(counts.values()) > 330  # 400 expected, four standard deviations


def test_children_take_each_option_from_a_parent(stacks):
    rng = np.random.default_rng(0)
    a, b = stacks.decode((0, 0, 0)), stacks.decode((1, 1, 2))
    children = {stacks.encode(stacks.crossover(a, b, rng)) for _ in range(100)}
    assert children == {(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 2)}


def test_refused_combinations_are_drawn_again():
    space, rng = Pairs(), np.random.default_rng(0)
    for _ in range(20):
        a, b = space.sample(rng), space.sample(rng)
        for one in (a, space.mutate(a, rng), space.crossover(a, b, rng)):
            assert set(one.ops[1:-1]) == {CONV, WIDE}
    with pytest.raises(ArchitectureError, match=f"pairs has no architecture of twice {CONV}"):
        space.decode((0, 0, 0))


def test_a_space_without_architectures_is_exhausted():
    class Empty(Pairs):
        def build(self, options):
            raise ArchitectureError("there is none")

    text = "none of 1,000 random combinations of options is an architecture of 'pairs'"
    with pytest.raises(SpaceExhaustedError, match=text):
        Empty().sample(np.random.default_rng(0))


def test_what_has_no_valid_replacement_stays_as_it_is():
    class Single(Pairs):
        positions = {"first": ("one",), "one": (CONV,), "other": (WIDE,)}  # noqa: RUF012

    class Lonely(Pairs):
        positions = {"first": ("one",), "one": (CONV, WIDE), "other": (WIDE,)}  # noqa: RUF012

    rng = np.random.default_rng(0)
    for space in (Single(), Lonely()):
        (only,) = space
        assert space.mutate(only, rng) == only
        assert space.neighbors(only) == []


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (
            WIDE,
            f"{WIDE!r} has 1 options; expected 3 options with ',' between, such as '{CONV},{CONV},",
        ),
        (f"{POOL},{POOL},{POOL}", f"has '{POOL}' at position 'first', which has {CONV}, {WIDE}; expected 3"),
    ],
)
def test_wrong_notation_names_the_position(stacks, text, match):
    with pytest.raises(ArchitectureError, match=match):
        stacks.parse(text)


@pytest.mark.parametrize(
    ("ops", "edges", "match"),
    [
        ([CONV], [(0, 1), (1, 2)], "is one option for each of 3 positions; got operations .* has 1 options"),
        ([POOL] * 3, [(i, i + 1) for i in range(4)], f"which has '{POOL}' at position 'first', which has"),
        (
            [CONV] * 3,
            [(0, 1), (1, 2), (0, 3), (2, 3), (3, 4)],
            f"the options {CONV},.* has the edges .* got",
        ),
        (["teleport"], [(0, 1), (1, 2)], "unknown operation 'teleport'"),
    ],
)
def test_what_build_does_not_make_is_refused(stacks, ops, edges, match):
    with pytest.raises(ArchitectureError, match=match):
        stacks.validate(Architecture(["input", *ops, "output"], edges))


def test_searchers_find_the_best(stacks):
    searcher = RegularizedEvolution(stacks, population=6, sample=3, seed=0)
    result = run(searcher, lambda archs: [a.ops.count(WIDE) for a in archs], budget=18)
    assert result.best_score == 3

"""What every registered search space must do."""

import functools
import itertools
import random

import numpy as np
import pytest

from egraph import spaces
from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, UnknownNameError, UsageError
from egraph.spaces import SearchSpace

ENUMERATED = 4000  # so many of a large space are looked at


@pytest.fixture(params=[*spaces.names(), "stacks", "mine"])
def space(request):
    own = request.param in ("stacks", "mine")
    return request.getfixturevalue(request.param) if own else spaces.get(request.param)


@pytest.fixture
def some(space):
    return draw(space)


@functools.cache
def draw(space):
    """Thirty random architectures and what ten mutations make of each."""
    rng = np.random.default_rng(7)
    found = [space.sample(rng) for _ in range(30)]
    for architecture in found.copy():
        for _ in range(10):
            architecture = space.mutate(architecture, rng)
        found.append(architecture)
    return found


def is_finite(space):
    return type(space).__iter__ is not SearchSpace.__iter__


def shuffled(architecture, rng):
    """The same graph with its interior vertices numbered anew, if only an order that respects the edges."""
    n = architecture.num_vertices
    waiting = {v: sum(j == v for _, j in architecture.edges + architecture.disabled) for v in range(n)}
    order = [0]
    del waiting[0]
    last = waiting.pop(n - 1)
    while len(order) < n - 1:
        done = set(order)
        ready = [
            v
            for v in waiting
            if all(i in done for i, j in architecture.edges + architecture.disabled if j == v)
        ]
        order.append(ready[rng.integers(len(ready))])
        del waiting[order[-1]]
    assert last >= 0
    place = {v: k for k, v in enumerate([*order, n - 1])}
    return Architecture(
        [architecture.ops[v] for v in [*order, n - 1]],
        [(place[i], place[j]) for i, j in architecture.edges],
        [(place[i], place[j]) for i, j in architecture.disabled],
    )


def test_name_and_operations_are_known(space):
    assert spaces.get(space.name) is space
    assert space.operations
    assert set(space.operations) == set(dict.fromkeys(space.operations))
    from egraph import operations

    assert all(op in operations.registry for op in space.operations)


def test_unknown_space_is_named():
    with pytest.raises(
        UnknownNameError, match=r"unknown search space 'nasbench102'; known: .*Did you mean 'nasbench101'"
    ):
        spaces.get("nasbench102")


def test_a_taken_name_is_refused(space):
    with pytest.raises(UsageError, match=f"a search space named '{space.name}' is registered already"):
        spaces.register(space)


def test_samples_and_mutants_are_valid(space, some):
    for architecture in some:
        space.validate(architecture)
        assert architecture in space
        assert set(architecture.ops[1:-1]) <= set(space.operations)


def test_crossover_gives_valid_children(space, some):
    rng = np.random.default_rng(3)
    for a, b in itertools.pairwise(some):
        space.validate(space.crossover(a, b, rng))


def test_crossover_of_twice_the_same_parent_stays_in_the_space(space, some):
    rng = np.random.default_rng(3)
    for a in some[:10]:
        space.validate(space.crossover(a, a, rng))


def test_neighbors_are_valid_and_have_other_keys(space, some):
    for architecture in some[:: len(some) // 5]:
        neighbors = space.neighbors(architecture)
        keys = [space.key(neighbor) for neighbor in neighbors]
        assert keys
        assert len(set(keys)) == len(keys)
        assert space.key(architecture) not in keys
        assert neighbors == space.neighbors(architecture)


def test_notation_round_trips(space, some):
    for architecture in some:
        text = space.format(architecture)
        assert space.parse(text) == architecture
        assert "\n" not in text


def test_json_round_trips(space, some):
    for architecture in some:
        again = Architecture.from_json(architecture.to_json())
        assert again == architecture
        assert space.key(again) == space.key(architecture)


def test_same_generator_state_gives_the_same_architectures(space):
    def history(seed):
        rng = np.random.default_rng(seed)
        a, b = space.sample(rng), space.sample(rng)
        found = [a, b]
        for _ in range(10):
            a, b = space.mutate(a, rng), space.crossover(a, b, rng)
            found += [a, b]
        return found

    assert history(1) == history(1)
    assert history(1) != history(2)


def test_global_generators_are_not_touched(space):
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    rng = np.random.default_rng(0)
    a = space.sample(rng)
    space.neighbors(space.crossover(a, space.mutate(a, rng), rng))
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002


def test_arguments_are_left_as_they_were(space):
    rng = np.random.default_rng(0)
    a, b = space.sample(rng), space.sample(rng)
    before = a.to_json(), b.to_json()
    space.mutate(a, rng), space.crossover(a, b, rng), space.neighbors(a), space.key(a)
    assert (a.to_json(), b.to_json()) == before


def test_key_does_not_depend_on_numbering(space, some):
    rng = np.random.default_rng(11)
    renumbered = 0
    for architecture in some:
        other = shuffled(architecture, rng)
        if other != architecture and other in space:
            renumbered += 1
            assert space.key(other) == space.key(architecture)
    assert renumbered or space.name in (
        "stacks",
        "nasbench201",
        "nasbench_macro",
        "nasbench_graph",
        "nash",
        "grammar-convnet",
        "concat-cell",
        "darts",
        "mnasnet",
        "mine",
    )


def test_keys_differ_somewhere(space, some):
    assert len({space.key(architecture) for architecture in some}) > 10


def test_finite_space_enumerates_as_many_distinct_keys_as_it_says(space):
    if not is_finite(space):
        with pytest.raises(TypeError, match="is not finite"):
            len(space)
        with pytest.raises(TypeError, match="is not finite"):
            iter(space)
        return
    expected = min(len(space), ENUMERATED) if len(space) > 30_000 else len(space)
    found = list(itertools.islice(space, ENUMERATED if len(space) > 30_000 else len(space) + 1))
    assert len(found) == expected
    assert len({space.key(architecture) for architecture in found}) == expected
    assert list(itertools.islice(space, 50)) == found[:50]


def test_space_is_true_and_equal_to_itself_only(space):
    assert space
    assert [spaces.get(name) == space for name in spaces.names()].count(True) == 1
    assert repr(space) == f"<search space {space.name}>"
    assert len({space, spaces.get(space.name)}) == 1


def test_unknown_operation_is_refused(space):
    foreign = Architecture(["input", "teleport", "output"], [(0, 1), (1, 2)])
    assert foreign not in space
    for verb in (space.validate, space.key, space.format, space.neighbors):
        with pytest.raises(ArchitectureError, match="teleport"):
            verb(foreign)


def test_foreign_graph_is_refused_by_every_verb(space):
    rng = np.random.default_rng(0)
    foreign = Architecture(["input", "teleport", "output"], [(0, 1), (1, 2)])
    known = space.sample(rng)
    with pytest.raises(ArchitectureError, match="teleport"):
        space.mutate(foreign, rng)
    for parents in ((foreign, known), (known, foreign)):
        with pytest.raises(ArchitectureError, match="teleport"):
            space.crossover(*parents, rng)


@pytest.mark.parametrize("value", [None, "0110", {"ops": []}, 3])
def test_what_is_no_architecture_is_not_in_the_space(space, value):
    assert value not in space


@pytest.mark.parametrize(
    "text", ["", " ", "junk", "|||", "{}", "0", "0/0 0/0", "ab/cd x,y", "\x00", "٠١٢", "9" * 5000]
)
def test_junk_text_is_refused_in_one_line(space, text):
    with pytest.raises(ArchitectureError, match=r"\bexpected \S") as caught:
        space.parse(text)
    message = str(caught.value)
    assert repr(text[:80]) in message
    assert "\n" not in message
    assert 20 < len(message) < 400

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egraph.errors import UsageError
from egraph.searchers import RegularizedEvolution, run
from egraph.searchers.testing import ToySpace

SPACE = ToySpace(6, 6, 6, 6)


def _distance(a, b):
    return sum(x != y for x, y in zip(SPACE.numbers(a), SPACE.numbers(b), strict=True))


@pytest.mark.parametrize(
    ("population", "sample", "text"),
    [
        (0, 0, "population must be a whole number of at least 1, got 0"),
        (5, 6, "sample must not be larger than population, got sample=6 and population=5"),
        (5, 0, "sample must be a whole number of at least 1, got 0"),
    ],
)
def test_impossible_tournament_is_refused(population, sample, text):
    with pytest.raises(UsageError, match=text):
        RegularizedEvolution(SPACE, population=population, sample=sample)


def test_the_best_of_the_drawn_becomes_the_parent():
    near = 0
    for seed in range(200):
        searcher = RegularizedEvolution(SPACE, seed=seed, population=3, sample=3, distinct=False)
        searcher.tell([SPACE.make([0, 0, 0, 0])] * 2 + [SPACE.make([5, 5, 5, 5])], [0.0, 0.0, 9.0])
        near += _distance(searcher.ask()[0], SPACE.make([5, 5, 5, 5])) == 1
    # The best is drawn at least once in three draws of three: 1 - (2/3)**3 = 0.704 of the time.
    assert abs(near / 200 - 0.704) < 0.13


def test_the_oldest_leave_as_many_as_were_told():
    searcher = RegularizedEvolution(SPACE, seed=0, population=4, sample=4, distinct=False)
    chains = [SPACE.make([0, 0, 0, k]) for k in range(6)]
    searcher.tell(chains[:4], [9.0, 9.0, 1.0, 1.0])  # the two best are the oldest
    searcher.tell(chains[4:], [2.0, 2.0])  # two at once
    members = searcher.state_dict()["members"]
    assert {tuple(m["ops"]) for m in members} == {chain.ops for chain in chains[2:]}


@pytest.mark.parametrize("workers", [1, 4, 7])
def test_workers_at_once_leave_the_newest(workers):
    """Each cycle its W results replace the W oldest, as in section 6.3.2 of the thesis on W workers."""
    searcher = RegularizedEvolution(SPACE, seed=0, population=10, sample=4)
    told = []
    while len(told) < 50:
        asked = searcher.ask(workers)
        searcher.tell(asked, SPACE.value(asked))
        told += asked
        members = [tuple(member["ops"]) for member in searcher.state_dict()["members"]]
        assert sorted(members) == sorted(architecture.ops for architecture in told[-10:])


def test_a_failed_member_never_wins_against_one_that_succeeded():
    won = 0
    for seed in range(200):
        searcher = RegularizedEvolution(SPACE, seed=seed, population=2, sample=2, distinct=False)
        searcher.tell([SPACE.make([0, 0, 0, 0]), SPACE.make([5, 5, 5, 5])], [np.nan, -1e9])
        won += _distance(searcher.ask()[0], SPACE.make([5, 5, 5, 5])) > 1
    assert abs(won / 200 - 0.25) < 0.13  # only where the tournament drew nothing else


def test_outstanding_results_do_not_stop_it():
    """All of the first population is out with workers: more random ones are asked."""
    searcher = RegularizedEvolution(SPACE, seed=0, population=5, sample=2)
    assert len(searcher.ask(20)) == 20


def test_prior_knowledge_replaces_the_random_beginning():
    searcher = RegularizedEvolution(SPACE, seed=0, population=10, sample=10)
    searcher.tell([SPACE.make([5, 5, 5, k % 6]) for k in range(10)], np.arange(10.0))
    assert all(SPACE.numbers(child)[:3].count(5) >= 2 for child in searcher.ask(3))


def test_it_beats_random_search_where_neighbours_are_alike():
    """300 of 1,296 chains; the optimum is found by evolution in nearly every run."""
    found = 0
    for seed in range(10):
        searcher = RegularizedEvolution(SPACE, seed=seed, population=20, sample=5)
        found += run(searcher, SPACE.value, 200).best_score == pytest.approx(20.5)
    assert found >= 9  # random search: 200 / 1,296, about 1.5 of 10


def test_constant_fitness_is_survived():
    result = run(RegularizedEvolution(SPACE, population=5, sample=3), lambda many: np.zeros(len(many)), 200)
    assert result.best == result.history[0].architecture


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.integers(0, 5), st.integers(1, 12))
def test_any_mixture_of_asks_and_tells_restores(batches, seed, population):
    searcher = RegularizedEvolution(SPACE, seed=seed, population=population, sample=1 + population // 3)
    for n in batches:
        asked = searcher.ask(n)
        searcher.tell(asked[: n // 2], SPACE.value(asked[: n // 2]))
    restored = RegularizedEvolution(SPACE, seed=99, population=population, sample=1 + population // 3)
    restored.load_state_dict(searcher.state_dict())
    assert restored.ask(5) == searcher.ask(5)


def test_state_of_other_settings_is_refused():
    state = RegularizedEvolution(SPACE, population=5, sample=2).state_dict()
    with pytest.raises(UsageError, match=r"of options \{'population': 5.*this searcher has .*; use the same"):
        RegularizedEvolution(SPACE, population=6, sample=2).load_state_dict(state)


def test_a_state_that_lacks_a_part_is_refused():
    state = RegularizedEvolution(ToySpace(4, 5), seed=0).state_dict()
    for part in state.keys() - {"searcher", "space", "options"}:
        damaged = {name: value for name, value in state.items() if name != part}
        with pytest.raises(UsageError, match="the state of regularized-evolution is damaged: KeyError"):
            RegularizedEvolution(ToySpace(4, 5), seed=0).load_state_dict(damaged)

import numpy as np
import pytest

from egraph.searchers import ClassicEvolution, RegularizedEvolution, run
from egraph.searchers.testing import ToySpace

SPACE = ToySpace(6, 6, 6, 6)


def scores(searcher):
    return searcher.state_dict()["scores"]


def test_the_worst_leaves_and_the_best_stays():
    searcher = ClassicEvolution(SPACE, population=3, sample=3)
    chains = [SPACE.make([0, 0, 0, k]) for k in range(6)]
    searcher.tell(chains[:3], [9.0, 1.0, 5.0])
    searcher.tell(chains[3:5], [2.0, 0.0])  # 2 takes the place of 1, 0 does not join
    assert scores(searcher) == [9.0, 2.0, 5.0]
    searcher.tell(chains[5:], [2.0])  # a new one that is as good as the worst joins
    assert scores(searcher) == [9.0, 2.0, 5.0]
    members = searcher.state_dict()["members"]
    assert [member["ops"] for member in members] == [list(chains[k].ops) for k in (0, 5, 2)]


def test_failed_members_leave_first():
    searcher = ClassicEvolution(SPACE, population=2, sample=2)
    searcher.tell([SPACE.make([0, 0, 0, k]) for k in range(3)], [np.nan, -7.0, -9.0])
    assert scores(searcher) == [-9.0, -7.0]


def test_lucky_score_stays_with_the_classic_and_leaves_the_regularized():
    """One score that was high by chance, then a hundred honest ones."""
    for make, kept in ((ClassicEvolution, True), (RegularizedEvolution, False)):
        searcher = make(SPACE, population=10, sample=5)
        searcher.tell([SPACE.make([0, 0, 0, 0])], [99.0])
        run(searcher, SPACE.value, 100)
        assert (99.0 in scores(searcher)) == kept


def test_it_beats_random_search_where_neighbours_are_alike():
    found = [
        run(ClassicEvolution(SPACE, seed=seed, population=20, sample=5), SPACE.value, 200).best_score
        for seed in range(6)
    ]
    assert found == [pytest.approx(20.5)] * 6  # random search: 200 / 1,296, about 1 of 6

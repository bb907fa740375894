import numpy as np
import pytest

from egraph.searchers import LocalSearch, run
from egraph.searchers.testing import ToySpace

SPACE = ToySpace(3, 3)
LARGE = ToySpace(6, 6, 6, 6)


def formats(architectures, space=SPACE):
    return {space.format(architecture) for architecture in architectures}


def begin(searcher, *texts, scores):
    searcher.tell([SPACE.parse(text) for text in texts], scores)


def test_all_neighbors_are_asked_before_it_moves_to_the_best():
    searcher = LocalSearch(SPACE, seed=0)
    begin(searcher, "1.1", scores=[0.0])
    around = searcher.ask(4)
    assert formats(around) == {"0.1", "2.1", "1.0", "1.2"}
    searcher.tell(
        around, [{"0.1": 1.0, "2.1": 3.0, "1.0": 2.0, "1.2": -1.0}[SPACE.format(a)] for a in around]
    )
    assert formats(searcher.ask(2)) == {"2.0", "2.2"}  # what is around 2.1 and not known


def test_neighbors_come_in_random_order():
    firsts = set()
    for seed in range(40):
        searcher = LocalSearch(SPACE, seed=seed)
        begin(searcher, "1.1", scores=[0.0])
        firsts |= formats(searcher.ask())
    assert firsts == {"0.1", "2.1", "1.0", "1.2"}


@pytest.mark.parametrize("score", [0.0, -1.0, np.nan])
def test_where_nothing_leads_up_it_begins_anew(score):
    """On a plateau, at an optimum, and among failures."""
    elsewhere = set()
    for seed in range(40):
        searcher = LocalSearch(SPACE, seed=seed)
        begin(searcher, "1.1", scores=[0.0])
        searcher.tell(searcher.ask(4), [score] * 4)
        elsewhere |= formats(searcher.ask())
    assert elsewhere == {"0.0", "0.2", "2.0", "2.2"}


def test_it_begins_at_the_best_of_what_was_told():
    searcher = LocalSearch(SPACE, seed=0)
    begin(searcher, "0.0", "2.2", "0.2", scores=[1.0, 5.0, np.nan])
    assert formats(searcher.ask(3)) == {"1.2", "2.0", "2.1"}


def test_failed_beginnings_are_drawn_again():
    searcher = LocalSearch(LARGE, seed=0)
    for _ in range(5):
        searcher.tell(searcher.ask(), [np.nan])
    assert searcher.state_dict()["waiting"] == []


def test_outstanding_results_do_not_stop_it():
    searcher = LocalSearch(SPACE, seed=0)
    begin(searcher, "1.1", scores=[0.0])
    assert len(searcher.ask(8)) == 8  # four neighbors, then all the others


def test_late_results_are_taken_from_elsewhere():
    searcher = LocalSearch(LARGE, seed=0)
    searcher.tell([LARGE.parse("1.1.1.1")], [0.0])
    around = searcher.ask(20)
    searcher.tell(around[:19], [5.0, *[1.0] * 18])
    moved = searcher.ask()  # the last of the neighbors is still awaited
    searcher.tell(around[19:], [9.0])
    assert searcher.state_dict()["height"] == 5.0
    assert searcher.state_dict()["elsewhere"] == [around[19].to_dict(), 9.0]
    assert sum(x != y for x, y in zip(LARGE.numbers(moved[0]), LARGE.numbers(around[0]), strict=True)) == 1


def test_it_climbs_a_slope_straight():
    """Each move sets one of four places to its best, so the top is among the fourth 20 neighbors."""
    searcher = LocalSearch(LARGE, seed=0)
    searcher.tell([LARGE.parse("0.0.0.0")], [0.0])
    assert run(searcher, LARGE.value, 80).best_score == pytest.approx(20.5)


def test_it_beats_random_search_where_neighbours_are_alike():
    found = [run(LocalSearch(LARGE, seed=seed), LARGE.value, 120).best_score for seed in range(10)]
    assert np.mean(np.isclose(found, 20.5)) >= 0.9  # random search: 120 / 1,296, about 1 of 10

import numpy as np
import pytest

from egraph import spaces
from egraph.errors import UsageError
from egraph.searchers import HillClimb, RandomSearch, run
from egraph.searchers.testing import ToySpace

SPACE = ToySpace(6, 6, 6, 6)


def parse(*texts):
    return [SPACE.parse(text) for text in texts]


def distance(a, b):
    return sum(x != y for x, y in zip(SPACE.numbers(a), SPACE.numbers(b), strict=True))


def begun(**options):
    """A climb that stands at 2.2.2.2 with the score 5."""
    searcher = HillClimb(SPACE, **options)
    searcher.tell(parse("2.2.2.2"), [5.0])
    return searcher


def stands_at(searcher, architecture):
    """What it asks for next are mutants of one architecture."""
    return all(distance(child, architecture) == 1 for child in searcher.ask(3))


def test_all_children_are_mutants_of_the_parent_until_enough_are_told():
    searcher = begun(children=3)
    (parent,) = parse("2.2.2.2")
    for score in (9.0, 7.0):
        (child,) = searcher.ask()
        assert distance(child, parent) == 1
        searcher.tell([child], [score])
    assert stands_at(searcher, parent)


def test_it_moves_to_the_best_child():
    searcher = begun(children=3)
    children = searcher.ask(3)
    searcher.tell(children, [6.0, 9.0, 7.0])
    assert stands_at(searcher, children[1])


@pytest.mark.parametrize("scores", [[4.0, 3.0, 1.0], [5.0, 5.0, 5.0], [np.nan] * 3])
def test_the_parent_competes_and_wins_among_equals(scores):
    searcher = begun(children=3)
    searcher.tell(searcher.ask(3), scores)
    assert stands_at(searcher, *parse("2.2.2.2"))


def test_after_a_step_without_success_the_next_begins_with_new_children():
    searcher = begun(children=2)
    first = searcher.ask(2)
    searcher.tell(first, [1.0, 2.0])
    second = searcher.ask(2)
    assert not set(first) & set(second)
    searcher.tell(second, [6.0, 3.0])
    assert stands_at(searcher, second[0])


def test_children_are_so_many_mutations_away():
    distances = [
        distance(child, *parse("2.2.2.2"))
        for seed in range(9)
        for child in begun(mutations=3, seed=seed).ask(5)
    ]
    assert max(distances) == 3
    assert np.mean(distances) > 2


def test_it_begins_at_the_best_of_what_was_told():
    searcher = HillClimb(SPACE)
    searcher.tell(parse("0.0.0.0", "1.1.1.1", "3.3.3.3", "4.4.4.4"), [1.0, 8.0, np.nan, 2.0])
    assert stands_at(searcher, *parse("1.1.1.1"))


def test_a_better_result_from_elsewhere_is_the_parent_at_once():
    searcher = begun()
    searcher.tell(parse("5.5.5.5", "0.0.0.0"), [6.0, 4.0])
    assert stands_at(searcher, *parse("5.5.5.5"))


def test_late_results_compete():
    searcher = begun(children=2)
    children = searcher.ask(4)
    searcher.tell(children[:2], [6.0, 1.0])
    assert stands_at(searcher, children[0])
    searcher.tell(children[2:], [2.0, 7.0])
    assert stands_at(searcher, children[3])


def test_the_parent_is_asked_for_again_where_repeats_are_allowed():
    """And its newest score counts: it fell from 5 to 3, so a child with 4 is better."""
    searcher = begun(children=3, distinct=False)
    searcher.tell(searcher.ask(3), [1.0, 2.0, 3.0])
    again, first, second = searcher.ask(3)
    assert SPACE.format(again) == "2.2.2.2"
    searcher.tell([first, again, second], [4.0, 3.0, 1.0])
    assert searcher.ask() == [first]


def test_a_parent_that_fails_when_asked_again_keeps_its_score():
    searcher = begun(children=1, distinct=False)
    searcher.tell(searcher.ask(), [1.0])
    for score in (np.nan, 4.0):
        searcher.tell(searcher.ask(), [score])
        assert searcher.ask() == parse("2.2.2.2")


def test_failed_beginnings_are_drawn_again():
    searcher = HillClimb(SPACE)
    for _ in range(5):
        searcher.tell(searcher.ask(), [np.nan])
    searcher.tell(good := searcher.ask(), [1.0])
    assert stands_at(searcher, *good)


def test_it_beats_random_search():
    def mean_best(make):
        return np.mean([run(make(SPACE, seed=seed), SPACE.value, 60).best_score for seed in range(10)])

    assert mean_best(HillClimb) > mean_best(RandomSearch) + 1


def test_it_grows_networks_by_morphisms():
    """Every move of a climb in nash is one that weights can follow: no layer and no skip is ever lost."""
    space = spaces.get("nash")
    searcher = HillClimb(space, children=4, mutations=2, seed=1)
    seen = []

    def edges(architectures):
        seen.extend(a for a in architectures)
        return [len(a.edges) for a in architectures]

    result = run(searcher, edges, budget=60, batch=4)
    assert result.best_score > len(seen[0].edges) + 8


@pytest.mark.parametrize("name", ["children", "mutations"])
def test_options_out_of_range_are_refused(name):
    with pytest.raises(UsageError, match=f"{name} must be a whole number of at least 1, got 0"):
        HillClimb(SPACE, **{name: 0})

import numpy as np
import pytest

from egraph.errors import UsageError
from egraph.searchers import AntColony, run
from egraph.searchers.testing import ToySpace

SPACE = ToySpace(6, 6, 6, 6)
SMALL = ToySpace(2, 3)


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ({"ants": 0}, "ants must be a whole number of at least 1, got 0"),
        ({"greediness": -0.1}, "greediness must be a probability, got -0.1"),
        ({"greediness": np.nan}, "greediness must be a probability, got nan"),
    ],
)
def test_impossible_numbers_are_refused(numbers, text):
    with pytest.raises(UsageError, match=text):
        AntColony(SPACE, **numbers)


def test_depth_grows_by_one_layer_a_generation():
    searcher = AntColony(SPACE, ants=3)
    depths = []
    for _ in range(6):
        searcher.tell(asked := searcher.ask(3), SPACE.value(asked))
        depths.append(searcher.state_dict()["depth"])
    assert depths == [1, 2, 3, 4, 4, 4]


def test_beyond_the_depth_ants_follow_the_best():
    searcher = AntColony(SPACE, ants=2, distinct=False)
    searcher.tell([SPACE.make([1, 2, 3, 4]), SPACE.make([0, 0, 0, 0])], [9.0, 1.0])
    asked = [SPACE.numbers(architecture) for architecture in searcher.ask(60)]
    assert {tuple(numbers[1:]) for numbers in asked} == {(2, 3, 4)}
    assert {numbers[0] for numbers in asked} == set(range(6))


def test_where_nothing_is_new_ants_go_deeper_at_once():
    searcher = AntColony(SPACE, ants=1)
    searcher.tell([SPACE.make([0, 0, 0, 0])], [1.0])
    asked = [SPACE.numbers(architecture) for architecture in searcher.ask(8)]
    assert searcher.state_dict()["depth"] == 2
    assert all(numbers[2:] == [0, 0] for numbers in asked)


def test_pheromone_by_hand():
    """The best trail 1, 2 gets a tenth of what it lacks: 0.1 + 0.09; an ant takes 0.009 of that with it."""
    searcher = AntColony(SMALL, ants=2, greediness=1.0, distinct=False)
    searcher.tell([SMALL.make([1, 2]), SMALL.make([0, 0])], [5.0, np.nan])
    first, second = searcher.state_dict()["pheromone"]
    assert np.allclose(first, [[0.1, 0.19]])
    assert np.allclose(second, [[0.1, 0.1, 0.1], [0.1, 0.1, 0.19]])
    assert searcher.ask() == [SMALL.make([1, 2])]
    assert np.allclose(searcher.state_dict()["pheromone"][0], [[0.1, 0.181]])


def test_failed_results_count_but_leave_no_trail():
    searcher = AntColony(SMALL, ants=2)
    searcher.tell([SMALL.make([0, 0]), SMALL.make([0, 1])], [np.nan, np.nan])
    state = searcher.state_dict()
    assert (state["returned"], state["depth"], state["best"]) == (2, 0, None)
    assert np.allclose(state["pheromone"][0], 0.1)


def test_ants_that_are_not_greedy_choose_in_proportion():
    searcher = AntColony(SMALL, ants=1, greediness=0.0, distinct=False)
    searcher.tell([SMALL.make([0, 0])], [1.0])
    state = searcher.state_dict() | {"pheromone": [[[0.1, 0.3]], [[0.1] * 3, [0.1] * 3]]}
    chosen = []
    for _ in range(300):
        searcher.load_state_dict(state | {"rng": searcher.state_dict()["rng"]})
        chosen.append(SMALL.numbers(searcher.ask()[0])[0])
    assert abs(np.mean(chosen) - 0.75) < 0.1


def test_results_may_be_outstanding():
    assert len(AntColony(SPACE, ants=3).ask(30)) == 30


def test_it_beats_random_search_where_neighbours_are_alike():
    found = [run(AntColony(SPACE, seed=seed), SPACE.value, 200).best_score for seed in range(10)]
    assert np.mean(np.isclose(found, 20.5)) >= 0.5  # random search: 200 / 1,296, about 1.5 of 10

import numpy as np
import pytest

from egraph.errors import UsageError
from egraph.searchers import Genetic, run
from egraph.searchers.testing import ToySpace

SPACE = ToySpace(6, 6, 6, 6)
ZEROS, FIVES = SPACE.make([0] * 4), SPACE.make([5] * 4)


def changed(child, parent):
    return sum(x != y for x, y in zip(SPACE.numbers(child), SPACE.numbers(parent), strict=True))


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ({"tournament": 0}, "tournament must be a whole number of at least 1, got 0"),
        ({"elite": -1}, "elite must be a whole number of at least 0, got -1"),
        (
            {"population": 5, "elite": 5},
            "elite must be smaller than population, got elite=5 and pop",
        ),
        ({"population": 0, "elite": 0}, "population must be a whole number of at least 1, got 0"),
    ],
)
def test_impossible_numbers_are_refused(numbers, text):
    with pytest.raises(UsageError, match=text):
        Genetic(SPACE, **numbers)


@pytest.mark.parametrize("crossover", [-0.1, 1.1, np.nan])
def test_what_is_no_probability_is_refused(crossover):
    with pytest.raises(UsageError, match="crossover must be a probability, got"):
        Genetic(SPACE, crossover=crossover)


def test_a_generation_replaces_all_but_the_elite():
    searcher = Genetic(SPACE, population=4, elite=1)
    chains = [SPACE.make([0, 0, 0, k]) for k in range(6)]
    searcher.tell(chains[:3], [2.0, np.nan, 7.0])
    assert searcher.state_dict()["members"] == []
    searcher.tell(chains[3:], [5.0, 1.0, 3.0])  # completes the first, and gives the second two children
    state = searcher.state_dict()
    assert state["members"] == [
        [7.0, [0, 0, 0, 2]],
        [5.0, [0, 0, 0, 3]],
        [2.0, [0] * 4],
        [None, [0, 0, 0, 1]],
    ]
    assert state["children"] == [[1.0, [0, 0, 0, 4]], [3.0, [0, 0, 0, 5]]]
    searcher.tell([FIVES], [4.0])
    scores = [score for score, _ in searcher.state_dict()["members"]]
    assert scores == [7.0, 4.0, 3.0, 1.0]


def test_the_first_generation_is_random_and_outstanding_results_do_not_stop_it():
    assert len(Genetic(SPACE, population=5, elite=1).ask(20)) == 20


def test_the_best_of_the_drawn_becomes_the_parent():
    near = 0
    for seed in range(200):
        searcher = Genetic(SPACE, seed=seed, population=3, elite=0, tournament=3, crossover=0, distinct=False)
        searcher.tell([ZEROS, ZEROS, FIVES], [0.0, 0.0, 9.0])
        (child,) = searcher.ask()
        near += changed(child, FIVES) < changed(child, ZEROS)
    # The best is drawn at least once in three draws of three: 1 - (2/3)**3 = 0.704 of the time.
    assert abs(near / 200 - 0.704) < 0.13


def test_one_gene_in_the_mean_mutates_to_any_other_option():
    searcher = Genetic(SPACE, seed=0, population=1, elite=0, tournament=1, distinct=False)
    searcher.tell([ZEROS], [0.0])
    children = searcher.ask(400)
    counts = np.bincount([changed(child, ZEROS) for child in children], minlength=5) / 400
    expected = [0.316, 0.422, 0.211, 0.047, 0.004]  # binomial, 4 genes at 1/4
    assert np.allclose(counts, expected, atol=0.1)
    options = np.bincount([number for child in children for number in SPACE.numbers(child)], minlength=6)[1:]
    assert np.allclose(options, 80, atol=36)  # 400 mutations, 5 options, four standard deviations


def test_crossover_takes_each_gene_from_either_parent():
    space = ToySpace(*[50] * 20)
    a, b = space.make([0] * 20), space.make([49] * 20)
    searcher = Genetic(space, seed=0, population=2, elite=0, tournament=1, crossover=1, distinct=False)
    searcher.tell([a, b], [0.0, 0.0])
    shares = [np.mean(np.array(space.numbers(child)) == 49) for child in searcher.ask(300)]
    mixed = np.mean([0.1 < share < 0.9 for share in shares])
    assert abs(mixed - 0.5) < 0.12  # half of the pairs are twice the same parent
    assert abs(np.mean(shares) - 0.475) < 0.09  # a gene in twenty mutates


def test_it_beats_random_search_where_neighbours_are_alike():
    found = [run(Genetic(SPACE, seed=seed), SPACE.value, 200).best_score for seed in range(10)]
    assert np.mean(np.isclose(found, 20.5)) >= 0.8  # random search: 200 / 1,296, about 1.5 of 10

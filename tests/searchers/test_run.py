import numpy as np
import pytest

from egraph.errors import ArchitectureError, FailedError, SpaceExhaustedError, UsageError
from egraph.searchers import RandomSearch, run
from egraph.searchers.testing import ToySpace

SPACE = ToySpace(4, 5)


def test_best_is_the_first_that_reached_the_best_score():
    scores = iter([1.0, np.nan, 3.0, 3.0, 2.0])
    result = run(RandomSearch(SPACE), lambda many: [next(scores) for _ in many], budget=5, batch=2)
    assert result.best == result.history[2].architecture
    assert result.best_score == 3.0
    assert len(result.history) == 5
    assert result.curve.tolist() == [1.0, 1.0, 3.0, 3.0, 3.0]


def test_curve_is_nan_until_one_succeeds():
    scores = iter([np.nan, 2.0])
    curve = run(RandomSearch(SPACE), lambda many: [next(scores) for _ in many], budget=2).curve
    assert np.isnan(curve[0])
    assert curve[1] == 2.0


def test_progress_is_told_after_each_batch():
    told = []
    run(RandomSearch(SPACE), SPACE.value, 7, batch=3, progress=lambda *step: told.append(step))
    assert told == [(3, 7), (6, 7), (7, 7)]


def test_exhausted_space_ends_the_run():
    result = run(RandomSearch(SPACE), SPACE.value, budget=50, batch=6)
    assert result.exhausted
    assert len(result.history) == 20


def test_exhausted_space_cannot_be_searched_again():
    searcher = RandomSearch(SPACE)
    run(searcher, SPACE.value, 20)
    with pytest.raises(
        SpaceExhaustedError, match="the space 'toy' is exhausted: all of its 20 architectures"
    ):
        run(searcher, SPACE.value, 1)


def test_infinite_space_that_gives_nothing_new_says_so():
    class Narrow(ToySpace):
        def __len__(self):
            raise TypeError

        __iter__ = __len__

    with pytest.raises(
        SpaceExhaustedError, match="seems exhausted: 200 samples brought none that is new after 4"
    ):
        run(searcher := RandomSearch(Narrow(2, 2)), SPACE.value, 4) and searcher.ask()


@pytest.mark.parametrize(("budget", "batch"), [(0, 1), (1, 0)])
def test_empty_budget_is_refused(budget, batch):
    with pytest.raises(UsageError, match="budget and batch must be at least 1, got budget="):
        run(RandomSearch(SPACE), SPACE.value, budget, batch)


def test_wrong_number_of_scores_is_refused():
    with pytest.raises(
        UsageError, match=r"the fitness got 2 architectures and returned scores of shape \(1,\)"
    ):
        run(RandomSearch(SPACE), lambda many: [1.0], 2, batch=2)


def test_fitness_that_always_fails_is_an_error():
    with pytest.raises(FailedError, match="the fitness returned NaN for each of 3 architectures"):
        run(RandomSearch(SPACE), lambda many: [np.nan] * len(many), 3)


@pytest.mark.parametrize("n", [0, -1, 1.5, "2"])
def test_ask_for_no_whole_number_is_refused(n):
    with pytest.raises(UsageError, match="n must be a positive whole number of architectures, got"):
        RandomSearch(SPACE).ask(n)


def test_numpy_integers_count_as_whole():
    assert len(RandomSearch(SPACE).ask(np.int64(2))) == 2


def test_wrong_results_are_refused():
    searcher = RandomSearch(SPACE)
    asked = searcher.ask(2)
    with pytest.raises(UsageError, match=r"2 architectures need as many scores, got shape \(3,\)"):
        searcher.tell(asked, [1, 2, 3])
    with pytest.raises(UsageError, match="scores must be finite, or NaN for a failed evaluation"):
        searcher.tell(asked, [1, np.inf])
    with pytest.raises(ArchitectureError, match="not a chain"):
        searcher.tell([ToySpace(3, 3, 3).make([0, 0, 0])], [1.0])

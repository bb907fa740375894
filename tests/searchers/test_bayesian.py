import functools

import numpy as np
import pytest

from egraph.errors import UsageError
from egraph.searchers import BayesianOptimization, RandomSearch, run
from egraph.searchers._bayesian import expected_improvement
from egraph.searchers.testing import ToySpace

SPACE = ToySpace(6, 6, 6, 6)


class Oracle:
    """Predicts the value; with a doubt of the size of the first number."""

    fits = 0
    sizes = ()

    def __init__(self, doubt=0.0):
        self.doubt = doubt

    def fit(self, architectures, scores):
        Oracle.fits += 1
        Oracle.sizes = (*Oracle.sizes, len(scores))

    def predict(self, architectures, return_std=False):
        return SPACE.value(architectures), self.doubt * np.array([SPACE.numbers(a)[0] for a in architectures])


def _best(searcher):
    """The value of the best of the searcher's next pool, and its first number."""
    (asked,) = searcher.ask()
    return SPACE.value([asked])[0], SPACE.numbers(asked)[0]


def test_expected_improvement_is_the_published_integral():
    found = expected_improvement(np.array([0.0, 1.0, 3.0, 1.0]), np.array([1.0, 0.0, 0.0, 2.0]), 2.0)
    # By numerical integration of max(x - 2, 0) under each normal density.
    x = np.linspace(-30, 30, 600_001)
    expected = []
    for mean, std in ((0.0, 1.0), (1.0, 2.0)):
        density = np.exp(-0.5 * ((x - mean) / std) ** 2) / (std * np.sqrt(2 * np.pi))
        expected.append(float((np.maximum(x - 2, 0) * density).sum() * (x[1] - x[0])))
    assert found == pytest.approx([expected[0], 0.0, 1.0, expected[1]], abs=1e-6)


def test_the_most_promising_candidate_is_asked():
    searcher = BayesianOptimization(SPACE, predictor=Oracle, initial=1, candidates=400)
    searcher.tell([SPACE.make([5, 5, 5, 4])], [0.0])
    assert _best(searcher)[0] == pytest.approx(20.5)  # one mutation away


def test_a_pool_is_asked_in_the_order_of_promise():
    searcher = BayesianOptimization(SPACE, predictor=Oracle, initial=1)
    searcher.tell([SPACE.make([2, 2, 2, 2])], [0.0])
    values = SPACE.value(searcher.ask(40))
    assert (np.diff(values) <= 0).all()


def test_doubt_is_worth_a_try():
    sure, doubting = (
        BayesianOptimization(
            SPACE, predictor=functools.partial(Oracle, doubt), initial=1, acquisition=acquisition, seed=1
        )
        for doubt, acquisition in ((0.0, "expected-improvement"), (50.0, "expected-improvement"))
    )
    for searcher in (sure, doubting):
        searcher.tell([SPACE.make([0, 3, 3, 3])], [100.0])
    # Nothing is predicted to reach 100; where the doubt grows with the first number, that decides.
    assert _best(doubting)[1] == 5


def test_thompson_sampling_draws_from_the_prediction():
    first = []
    for seed in range(30):
        searcher = BayesianOptimization(
            SPACE,
            predictor=functools.partial(Oracle, 1000.0),
            initial=1,
            acquisition="thompson",
            seed=seed,
        )
        searcher.tell([SPACE.make([2, 2, 2, 2])], [0.0])
        first.append(SPACE.numbers(searcher.ask()[0])[0])
    assert np.mean(first) > 3.5  # wide distributions win
    assert len(set(first)) > 1  # but which of them is chance


def test_it_is_fitted_only_after_results_and_to_a_bounded_number():
    Oracle.fits, Oracle.sizes = 0, ()
    searcher = BayesianOptimization(SPACE, predictor=Oracle, initial=3, points=5)
    first = searcher.ask(3)
    searcher.tell(first, SPACE.value(first))
    searcher.ask(150)
    searcher.ask(7)
    assert Oracle.fits == 1
    more = searcher.ask(9)
    searcher.tell(more, SPACE.value(more))
    searcher.tell([], [])
    searcher.ask()
    assert Oracle.sizes == (3, 5)


def test_a_space_without_encoding_is_searched():
    class Plain(ToySpace):
        def encode(self, architecture):
            raise AssertionError

        decode = encode

    assert run(BayesianOptimization(Plain(4, 5), seed=0), SPACE.value, 15).best_score > 0


@pytest.mark.parametrize("acquisition", ["expected-improvement", "thompson"])
def test_it_beats_random_search(acquisition):
    """40 of 1,296 chains; one is one step of one number."""
    bayesian, random = (
        [run(make(seed), SPACE.value, 40, batch=4).best_score for seed in range(5)]
        for make in (
            lambda seed: BayesianOptimization(SPACE, seed=seed, acquisition=acquisition),
            lambda seed: RandomSearch(SPACE, seed=seed),
        )
    )
    assert np.mean(bayesian) > np.mean(random) + 1


def test_unknown_acquisition_is_refused():
    with pytest.raises(UsageError, match=r"acquisition must be .*, got 'ucb'"):
        BayesianOptimization(SPACE, acquisition="ucb")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"initial": 0}, "initial must be a whole number of at least 1, got 0"),
        ({"candidates": 0}, "candidates must be a whole number of at least 1, got 0"),
        ({"points": 1}, "points must be a whole number of at least 2, got 1"),
    ],
)
def test_numbers_out_of_range_are_refused(options, text):
    with pytest.raises(UsageError, match=text):
        BayesianOptimization(SPACE, **options)


class Unsure:
    def fit(self, architectures, scores):
        return self

    def predict(self, architectures):
        return np.zeros(len(architectures))


def test_a_predictor_without_standard_deviations_is_refused():
    text = r"predictor must have predict\(architectures, return_std=True\), which Unsure has not"
    with pytest.raises(UsageError, match=text):
        BayesianOptimization(SPACE, predictor=functools.partial(Unsure))
    searcher = BayesianOptimization(SPACE, predictor=lambda: Unsure(), initial=2)
    with pytest.raises(UsageError, match=text):
        run(searcher, SPACE.value, 5)


def test_state_of_another_predictor_is_refused():
    state = BayesianOptimization(SPACE, predictor=Oracle).state_dict()
    with pytest.raises(UsageError, match=r"'predictor': 'Oracle'.*this searcher has .*'GraphProcess'"):
        BayesianOptimization(SPACE).load_state_dict(state)

import numpy as np
import pytest

from egraph.ranker.companion import Companion


@pytest.fixture(scope="module", params=[True, False])
def fitted(request):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 4))
    y = np.sign(x[:, 0]) + 0.5 * x[:, 1]
    y -= y.mean()
    return Companion.fit(x, y, ["a", "a", "b", "b"], request.param, seed=0), x, y


def test_parts_are_joined_by_their_weights(fitted):
    companion, x, _ = fitted
    process = companion.process.predict(x) / companion.process.predict(x).std()
    if companion.trees is None:
        assert companion.weights == (0.5,)
        np.testing.assert_allclose(companion.predict(x), process)
    else:
        assert companion.weights == (0.5, 0.4)
        trees = companion.trees.predict(x) / companion.trees.predict(x).std()
        np.testing.assert_allclose(companion.predict(x), (5 * process + 4 * trees) / 9)


def test_variances_and_left_out_means_are_in_the_units_of_predictions(fitted):
    companion, x, y = fitted
    assert np.corrcoef(companion.leave_one_out(), y)[0, 1] > 0.8
    np.testing.assert_allclose(
        companion.variance(x), companion.process.variance(x) / companion.process.predict(x).var()
    )


def test_what_a_file_keeps_is_enough(fitted):
    companion, x, _ = fitted
    again = Companion.restore(companion.arrays(), companion.numbers())
    np.testing.assert_array_equal(again.predict(x), companion.predict(x))
    assert again.weights == companion.weights


def test_it_counts_for_less_where_labels_are_many():
    x = np.random.default_rng(0).normal(size=(4000, 2))
    few, many = (Companion.fit(x[:n], x[:n, 0], ["a", "b"], True, 0) for n in (500, 4000))
    np.testing.assert_allclose(many.weights, np.array(few.weights) / 2)


def test_the_parts_count_as_much_as_they_are_given(fitted):
    companion, x, _ = fitted
    opinions = companion.opinions(x)
    for weights in np.eye(len(opinions)) + 1e-12:
        np.testing.assert_allclose(companion.weigh(weights).predict(x), opinions[weights.argmax()], atol=1e-9)


def test_no_features_give_a_constant():
    companion = Companion.fit(np.zeros((3, 0)), np.array([-1.0, 0.0, 1.0]), [], True, 0)
    assert np.ptp(companion.predict(np.zeros((2, 0)))) == 0

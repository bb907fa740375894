import numpy as np
import pytest

from egraph.ranker.tabular import TabularModels


@pytest.fixture(scope="module", params=[True, False])
def fitted(request):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 4))
    y = np.sign(x[:, 0]) + 0.5 * x[:, 1]
    y -= y.mean()
    return TabularModels.fit(x, y, ["a", "a", "b", "b"], request.param, seed=0), x, y


def test_parts_are_joined_by_their_weights(fitted):
    tabular, x, _ = fitted
    process = tabular.gaussian_process.predict(x) / tabular.gaussian_process.predict(x).std()
    if tabular.trees is None:
        assert tabular.weights == (0.5,)
        np.testing.assert_allclose(tabular.predict(x), process)
    else:
        assert tabular.weights == (0.5, 0.4)
        trees = tabular.trees.predict(x) / tabular.trees.predict(x).std()
        np.testing.assert_allclose(tabular.predict(x), (5 * process + 4 * trees) / 9)


def test_variances_and_left_out_means_are_in_the_units_of_predictions(fitted):
    tabular, x, y = fitted
    assert np.corrcoef(tabular.leave_one_out(), y)[0, 1] > 0.8
    np.testing.assert_allclose(
        tabular.variance(x), tabular.gaussian_process.variance(x) / tabular.gaussian_process.predict(x).var()
    )


def test_what_a_file_keeps_is_enough(fitted):
    tabular, x, _ = fitted
    again = TabularModels.restore(tabular.arrays(), tabular.numbers())
    np.testing.assert_array_equal(again.predict(x), tabular.predict(x))
    assert again.weights == tabular.weights


def test_it_counts_for_less_where_labels_are_many():
    x = np.random.default_rng(0).normal(size=(4000, 2))
    few, many = (TabularModels.fit(x[:n], x[:n, 0], ["a", "b"], True, 0) for n in (500, 4000))
    np.testing.assert_allclose(many.weights, np.array(few.weights) / 2)


def test_the_parts_count_as_much_as_they_are_given(fitted):
    tabular, x, _ = fitted
    opinions = tabular.opinions(x)
    for weights in np.eye(len(opinions)) + 1e-12:
        np.testing.assert_allclose(tabular.weigh(weights).predict(x), opinions[weights.argmax()], atol=1e-9)


def test_no_features_give_a_constant():
    tabular = TabularModels.fit(np.zeros((3, 0)), np.array([-1.0, 0.0, 1.0]), [], True, 0)
    assert np.ptp(tabular.predict(np.zeros((2, 0)))) == 0


def test_networks_count_less_where_layers_were_measured():
    x, y = np.random.default_rng(0).normal(size=(9, 2)), np.arange(9.0) - 4
    usual, measured = (
        TabularModels.fit(x, y, ["a", "a"], True, seed=0, measured=told).weights for told in (False, True)
    )
    np.testing.assert_allclose(measured, 10 * np.array(usual))

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from egraph.surrogates.gaussian_process import GaussianProcess


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 4))
    y = np.sin(x[:, 0]) + 0.5 * x[:, 1] + 0.1 * rng.normal(size=60)
    return x[:40], y[:40] - y[:40].mean(), x[40:], y[40:] - y[:40].mean()


def _reference(process: GaussianProcess) -> GaussianProcessRegressor:
    """scikit-learn's process with the same length, noise and signal."""
    length = process.lengths * np.sqrt(process.inputs.shape[1])
    kernel = ConstantKernel(process.signal) * Matern(length, nu=1.5) + WhiteKernel(
        process.signal * process.noise
    )
    return GaussianProcessRegressor(kernel, optimizer=None, alpha=0.0).fit(process.inputs, process.targets)


def test_mean_and_variance_agree_with_scikit_learn(data):
    x, y, new, _ = data
    process = GaussianProcess.fit(x, y)
    mean, sd = _reference(process).predict(new, return_std=True)
    np.testing.assert_allclose(process.predict(new), mean, atol=1e-6)
    np.testing.assert_allclose(np.sqrt(process.variance(new)), sd, atol=1e-6)


def test_length_and_noise_are_the_likeliest_of_the_grid(data):
    x, y, _, _ = data
    process = GaussianProcess.fit(x, y)
    best = _reference(process).log_marginal_likelihood_value_
    for length in (process.lengths / 1.5, process.lengths * 1.5):
        for noise in (process.noise / 1.8, process.noise * 1.8):
            assert (
                _reference(GaussianProcess(x, y, length, noise)).log_marginal_likelihood_value_ < best + 1e-9
            )


def test_leaving_one_out_is_fitting_without_it(data):
    x, y, _, _ = data
    process = GaussianProcess.fit(x, y)
    found = process.leave_one_out()
    for i in (0, 7, 39):
        rest = np.arange(len(x)) != i
        without = GaussianProcess(x[rest], y[rest], process.lengths, process.noise)
        assert found[i] == pytest.approx(without.predict(x[i : i + 1])[0], abs=1e-9)


def test_it_predicts_what_it_has_not_seen(data):
    x, y, new, truth = data
    assert np.corrcoef(GaussianProcess.fit(x, y).predict(new), truth)[0, 1] > 0.9


def test_features_that_are_all_constant_give_a_constant():
    process = GaussianProcess.fit(np.zeros((3, 0)), np.array([-1.0, 0.0, 1.0]))
    assert np.ptp(process.predict(np.zeros((2, 0)))) == 0


def test_a_group_that_says_nothing_gets_a_greater_length(data):
    x, y, new, truth = data
    noise = np.random.default_rng(1).normal(size=(60, 8))
    wide, wider = np.hstack([x, noise[:40]]), np.hstack([new, noise[40:]])
    groups = ["real"] * 4 + ["noise"] * 8
    process = GaussianProcess.fit(wide, y, groups)
    assert len(set(process.lengths[:4])) == len(set(process.lengths[4:])) == 1
    assert process.lengths[4] > 2 * process.lengths[0]
    assert np.corrcoef(process.predict(wider), truth)[0, 1] > 0.9


def test_lengths_of_groups_are_where_the_posterior_is_highest(data):
    x, y, _, _ = data
    process = GaussianProcess.fit(x, y, ["a", "a", "b", "c"])

    def posterior(lengths, noise):
        logs = -2 * np.log(np.array([lengths[0], lengths[2], lengths[3]]))
        candidate = GaussianProcess(x, y, lengths, noise)
        likelihood = _reference(candidate).log_marginal_likelihood_value_
        return likelihood - 0.5 * ((logs - logs.mean()) ** 2).sum()

    best = posterior(process.lengths, process.noise)
    for change in ([1.2, 1.2, 1, 1], [1, 1, 1.2, 1], [1, 1, 1, 1.2]):
        assert posterior(process.lengths * change, process.noise) < best + 1e-3
        assert posterior(process.lengths / change, process.noise) < best + 1e-3
    assert posterior(process.lengths, process.noise * 1.2) < best + 1e-3

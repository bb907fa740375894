import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.gaussian_process.kernels import Matern

from egraph.surrogates.exact_inference import (
    choose_evenly,
    factorise,
    matern,
    noise_likelihoods,
    solve,
    unit_noise_likelihoods,
)

NOISES = np.array([0.01, 0.3, 2.0])


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 2)), rng.normal(size=12)
    return x, Matern(1.3, nu=1.5)(x), (y - y.mean()) / y.std()


def test_the_kernel_is_that_of_scikit_learn(data):
    x, expected, _ = data
    distances = np.linalg.norm(x[:, None] - x, axis=2)
    np.testing.assert_allclose(matern(np.sqrt(3) * distances / 1.3), expected, atol=1e-12)


def test_weights_solve_the_noisy_system(data):
    _, kernel, y = data
    noisy = kernel + 0.3 * np.eye(12)
    np.testing.assert_allclose(solve(factorise(kernel.copy(), 0.3), y), np.linalg.solve(noisy, y))


def test_likelihoods_are_those_of_a_normal_distribution(data):
    _, kernel, y = data
    expected = [
        multivariate_normal.logpdf(y, cov=signal * noisy)
        for noisy in (kernel + noise * np.eye(12) for noise in NOISES)
        for signal in [y @ np.linalg.solve(noisy, y) / 12]
    ]
    found = noise_likelihoods(kernel, y, NOISES)
    np.testing.assert_allclose(np.diff(found), np.diff(expected))


def test_likelihoods_of_a_unit_signal_are_doubled(data):
    _, kernel, y = data
    expected = [multivariate_normal.logpdf(y, cov=kernel + noise * np.eye(12)) for noise in NOISES]
    np.testing.assert_allclose(np.diff(unit_noise_likelihoods(kernel, y, NOISES)), 2 * np.diff(expected))


def test_chosen_positions_are_spread_over_all():
    assert choose_evenly(9, 3).tolist() == [0, 4, 8]
    assert choose_evenly(2, 3).tolist() == [0, 1]

"""Noise of repeated trainings, compared with populations whose true values are known."""

import os

import numpy as np
import pytest

from egraph import datasets
from egraph.datasets import estimate_noise
from egraph.datasets._noise import _taus
from egraph.errors import UsageError
from egraph.metrics import kendall_tau


def population(networks, sd, seed=0):
    """True values and a way to measure them."""
    rng = np.random.default_rng(seed)
    truth = rng.beta(3, 1, networks)
    return truth, lambda runs: truth[:, None] + sd(truth)[:, None] * rng.normal(size=(networks, runs))


@pytest.mark.parametrize(
    "sd", [lambda t: np.full(len(t), 0.05), lambda t: 0.02 + 0.1 * (1 - t)], ids=["even", "more if worse"]
)
@pytest.mark.parametrize("runs", [2, 3])
def test_the_ceiling_is_what_the_true_values_reach(sd, runs):
    truth, measure = population(2000, sd)
    single, mean = measure(1)[:, 0], measure(3).mean(axis=1)
    found = estimate_noise(measure(runs)[:400])
    assert found.tau.value == pytest.approx(kendall_tau(single, measure(1)[:, 0]), abs=0.03)
    assert found.ceiling[1].value == pytest.approx(kendall_tau(single, truth), abs=0.03)
    assert found.ceiling_top[1].value == pytest.approx(kendall_tau(single, truth, top=0.5), abs=0.05)
    if runs == 3:
        assert found.ceiling[3].value == pytest.approx(kendall_tau(mean, truth), abs=0.02)
    assert found.ceiling[1].low < found.ceiling[1].value < found.ceiling[1].high
    assert (found.networks, found.runs) == (400, runs)


def test_without_noise_all_is_one():
    values = np.arange(20.0)
    found = estimate_noise(np.stack([values, values], axis=1))
    assert found.tau == pytest.approx((1, 1, 1))
    assert found.ceiling[1] == pytest.approx((1, 1, 1))
    assert found.deviation == 0


def test_networks_with_one_training_do_not_count():
    values = np.arange(12.0)
    runs = np.stack([values, values + 0.1, np.where(values < 6, values, np.nan)], axis=1)
    runs[9:, 1] = np.nan
    assert estimate_noise(runs).networks == 9


def test_taus_of_many_rows_are_those_of_each():
    rng = np.random.default_rng(0)
    y, s = rng.integers(0, 6, (40, 9)).astype(float), rng.integers(0, 9, 9).astype(float)
    y[0] = 3
    for better_half, top in ((False, None), (True, 0.5)):
        expected = [kendall_tau(row, s, top=top) for row in y]
        np.testing.assert_allclose(_taus(y, s, better_half=better_half), expected, rtol=1e-12)
    assert np.isnan(_taus(y, s)[0])


def test_the_same_seed_gives_the_same_numbers():
    runs = population(50, lambda t: np.full(len(t), 0.1))[1](2)
    assert estimate_noise(runs, seed=3) == estimate_noise(runs, seed=3)


@pytest.mark.parametrize("runs", [np.ones((2, 2)), [[1, np.nan]] * 9, np.ones(5)])
def test_too_few_repeats_are_refused(runs):
    with pytest.raises(UsageError, match="at least 3 networks that were trained twice, got"):
        estimate_noise(runs)


@pytest.mark.skipif(not os.environ.get("EGRAPH_DATA"), reason="$EGRAPH_DATA is not set")
def test_three_runs_of_nas_bench_macro_agree_as_is_known():
    """Its single runs have tau .880, .878, .879; by another simulation, the mean of three has about .95."""
    table = datasets.load("nasbench_macro").distinct()
    columns = datasets.find_runs(table.metrics)["test_acc"]
    found = estimate_noise(np.stack([table[name] for name in columns], axis=1))
    assert found.tau.value == pytest.approx(0.879, abs=0.001)
    assert found.ceiling[3].value == pytest.approx(0.95, abs=0.005)

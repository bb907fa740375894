"""Kendall's tau with its bootstrap error, against slow computations."""

import itertools
import math

import numpy as np
import pytest
from matplotlib.figure import Figure

from egraph.bench.studies import bootstrap_tau
from egraph.bench.studies._tau import check_normal, draw_heat_map

RNG = np.random.default_rng(0)


def slow_tau(first, second):
    """Tau-b from all pairs."""
    both = one = two = 0
    for i, j in itertools.combinations(range(len(first)), 2):
        signs = np.sign(first[i] - first[j]), np.sign(second[i] - second[j])
        both += signs[0] * signs[1]
        one += signs[0] != 0
        two += signs[1] != 0
    return both / math.sqrt(one * two)


def test_the_value_is_that_of_all_pairs():
    first = np.round(RNG.normal(size=30), 1)
    second = np.round(first + RNG.normal(size=30), 1)
    tau = bootstrap_tau(first, second, resamples=2)
    assert tau.value == pytest.approx(slow_tau(first, second))


def test_the_error_is_that_of_resampled_networks():
    first = RNG.normal(size=25)
    second = first + RNG.normal(size=25)
    drawn = [RNG.integers(25, size=25) for _ in range(400)]
    expected = np.array([slow_tau(first[rows], second[rows]) for rows in drawn])
    tau = bootstrap_tau(first, second, resamples=400)
    assert len(tau.resamples) == 400
    assert tau.error == pytest.approx(tau.resamples.std(ddof=1))
    assert tau.error == pytest.approx(expected.std(ddof=1), rel=0.15)
    assert (tau.low, tau.high) == pytest.approx(np.quantile(expected, [0.025, 0.975]), abs=0.06)
    again = bootstrap_tau(first, second, resamples=400)
    assert np.array_equal(tau.resamples, again.resamples)


def test_constant_measurements_have_none():
    tau = bootstrap_tau(np.ones(5), np.arange(5))
    assert math.isnan(tau.value)
    assert math.isnan(tau.error)
    assert len(tau.resamples) == 0


def test_constant_resamples_are_left_out():
    tau = bootstrap_tau([0, 0, 1], [0, 1, 2], resamples=100)
    assert 0 < len(tau.resamples) < 100
    assert np.isfinite(tau.error)


def test_normal_values_are_told_from_others():
    assert check_normal(RNG.normal(5, 2, size=300)) > 0.05
    assert check_normal(RNG.exponential(size=300)) < 0.01
    assert check_normal(np.full(10, -0.5)) == 0


def test_a_heat_map_shows_each_tau():
    axes = Figure().subplots()
    values = np.array([[0.25, np.nan], [0.5, 0.75]])
    draw_heat_map(axes, values, np.full((2, 2), 0.01), ["a", "b"], ["c", "d"], "all")
    assert [text.get_text() for text in axes.texts] == ["0.250\n±0.010", "0.500\n±0.010", "0.750\n±0.010"]

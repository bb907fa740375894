"""Searches that see a function with noise."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import kendalltau

from egraph.bench.studies import noise
from egraph.bench.studies._genetic import minimise
from egraph.errors import UsageError


def test_the_function_is_that_of_rastrigin():
    axis = [-5.12, 0.0, 5.12]
    expected = [
        sum(10 + x**2 - 10 * math.cos(2 * math.pi * x) for x in point)
        for point in itertools.product(axis, repeat=3)
    ]
    assert noise.rastrigin(3, 3) == pytest.approx(expected)


@pytest.mark.parametrize("tau", [0.95, 0.65])
def test_noise_has_the_tau_asked_for(tau):
    values = noise.rastrigin(2, 60)
    noisy, measured = noise.make_noisy(values, tau, np.random.default_rng(0))
    assert kendalltau(values, noisy).statistic == pytest.approx(tau, abs=0.005)
    assert measured == pytest.approx(tau, abs=0.01)


def test_places_belong_to_the_nearest_points():
    places = np.array([[[0.0, 0.0], [1.0, 1.0], [0.24, 0.76], [0.26, 0.74]]])
    assert noise._find_points(places, (3, 3)).tolist() == [[0, 8, 2, 4]]


def test_a_search_finds_the_minimum():
    def bowl(places):
        return ((places - 0.3) ** 2).sum(axis=-1)

    few, many = minimise(bowl, 2, np.random.default_rng(0), searches=40, generations=(5, 400))
    assert few.shape == (40, 2)
    assert (bowl(many) <= bowl(few)).all()
    assert np.median(bowl(many)) < 1e-3
    again = minimise(bowl, 2, np.random.default_rng(0), searches=40, generations=(5, 400))
    assert np.array_equal(many, again[1])


def test_children_stay_in_the_cube_and_searches_are_apart():
    seen = []

    def function(places):
        seen.append(places)
        return ((places - 0.3) ** 2).sum(axis=-1)

    best = minimise(function, 3, np.random.default_rng(0), searches=20, generations=(30,))[0]
    assert all((places >= 0).all() and (places <= 1).all() for places in seen)
    assert len(np.unique(best, axis=0)) == 20


def test_the_share_of_better_points(tmp_path):
    cells = noise.plan([2], [0.75], functions=2, searches=5, points=21)
    rows, failures = noise.run(cells, out=tmp_path / "n.jsonl")
    assert failures == []
    assert [(row["tau"], row["seed"]) for row in rows] == [(1.0, 0), (1.0, 1), (0.75, 0), (0.75, 1)]
    values = noise.rastrigin(2, 21)
    shares = {np.mean(values < value) for value in values}
    for row in rows:
        assert [len(each) for each in row["top"]] == [5, 5, 5]
        assert all(min(abs(share - each) for each in shares) < 1e-12 for top in row["top"] for share in top)
    assert rows[0]["measured_tau"] == 1
    assert np.mean(rows[0]["top"][2]) <= np.mean(rows[0]["top"][0])
    assert noise.run(cells, out=tmp_path / "n.jsonl")[0] == rows

    text = noise.to_markdown(rows)
    assert "2 dimensions, 21 points along each axis" in text
    assert "*thesis, table 5.4*" in text
    mean = 100 * np.mean(rows[0]["top"][0] + rows[1]["top"][0])
    assert f"| {mean:.2f} ± " in text
    noise.plot(rows, tmp_path / "n.svg")
    assert (tmp_path / "n.svg").stat().st_size > 10_000


def test_original_functions_need_no_noisy_ones_to_draw(tmp_path):
    rows, _ = noise.run(noise.plan([1], [], functions=1, searches=2, points=9))
    noise.plot(rows, tmp_path / "n.svg")
    with pytest.raises(UsageError, match="there are no results to draw"):
        noise.plot([], tmp_path / "n.svg")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"functions": 0}, "functions must be a whole number of at least 1, got 0"),
        ({"searches": 0}, "searches must be a whole number of at least 1, got 0"),
        ({"dimensions": [0]}, "dimensions must be a whole number of at least 1, got 0"),
        ({"taus": [1.0]}, "tau must be a number above 0 and below 1, got 1"),
        ({"points": 2}, "points must be a whole number of at least 3, got 2"),
        ({"dimensions": [9], "points": 10}, "9 dimensions of 10 points are too many points; give fewer"),
    ],
)
def test_numbers_out_of_range(options, message):
    with pytest.raises(UsageError, match=message):
        noise.plan(**options)

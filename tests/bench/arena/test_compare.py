import itertools
import math

import numpy as np
import pytest
from scipy import stats

from egraph.bench.arena import compare

A, B, C = [1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [1.0, 4.0, 9.0]


def rows(arena_row, **finals):
    return [
        arena_row(searcher=name, seed=seed, final=value)
        for name, values in finals.items()
        for seed, value in enumerate(values)
    ]


def permutation_p(first, other, statistic):
    """The exact p-value of a statistic whose extremes are large: over all ways to divide the values."""
    values, size = [*first, *other], len(first)
    found = []
    for chosen in itertools.combinations(range(len(values)), size):
        rest = [values[i] for i in range(len(values)) if i not in chosen]
        found.append(statistic([values[i] for i in chosen], rest))
    return np.mean(np.array(found) >= statistic(first, other) - 1e-9)


def u_distance(first, other):
    return abs(sum((x > y) + (x == y) / 2 for x in first for y in other) - len(first) * len(other) / 2)


def ks_distance(first, other):
    return max(abs(np.mean(np.array(first) <= x) - np.mean(np.array(other) <= x)) for x in [*first, *other])


def test_each_pair_once_with_p_values_by_hand(arena_row):
    frame = compare(rows(arena_row, a=A, b=B))
    (pair,) = frame.to_dict("records")
    assert (pair["searcher"], pair["other_searcher"]) == ("a", "b")
    assert pair["superiority"] == 0
    # Of the 20 ways to divide six values, two are as extreme as that.
    assert pair["mann_whitney"] == pytest.approx(0.1) == permutation_p(A, B, u_distance)
    assert pair["kolmogorov_smirnov"] == pytest.approx(0.1) == permutation_p(A, B, ks_distance)
    assert pair["mann_whitney_adjusted"] == pair["mann_whitney"], "one test needs no correction"


def test_with_many_seeds_they_are_those_of_an_independent_computation(arena_row):
    rng = np.random.default_rng(0)
    first, other = rng.normal(0, 1, 50).round(1), rng.normal(0.6, 1, 50).round(1)
    (pair,) = compare(rows(arena_row, a=first, b=other)).to_dict("records")
    wins = np.mean((first[:, None] > other) + (first[:, None] == other) / 2)
    assert pair["superiority"] == pytest.approx(wins)
    ranks = stats.rankdata(np.concatenate([first, other]))
    _, ties = np.unique(ranks, return_counts=True)
    sd = math.sqrt(2500 / 12 * (101 - (ties**3 - ties).sum() / (100 * 99)))
    z = (abs(ranks[:50].sum() - 50 * 51 / 2 - 1250) - 0.5) / sd
    assert pair["mann_whitney"] == pytest.approx(2 * stats.norm.sf(z))
    assert pair["kolmogorov_smirnov"] == stats.ks_2samp(first, other).pvalue


def test_p_values_of_one_benchmark_are_corrected_together(arena_row):
    rng = np.random.default_rng(1)
    finals = {name: rng.normal(shift, 1, 12) for name, shift in (("a", 0), ("b", 1), ("c", 3))}
    frame = compare(rows(arena_row, **finals))
    assert len(frame) == 3
    for test in ("mann_whitney", "kolmogorov_smirnov"):
        p = np.sort(frame[test].to_numpy())
        # Benjamini and Hochberg: p times tests over rank, made monotonous from the largest down.
        expected = [min(p[0] * 3, p[1] * 3 / 2, p[2]), min(p[1] * 3 / 2, p[2]), p[2]]
        assert np.sort(frame[f"{test}_adjusted"]) == pytest.approx(expected)


def test_another_benchmark_is_another_family(arena_row):
    own = rows(arena_row, a=A, b=B)
    other = [{**row, "benchmark": "other"} for row in rows(arena_row, a=A, b=B, c=C)]
    frame = compare(own + other)
    assert frame["benchmark"].tolist() == ["b", "other", "other", "other"]
    assert frame["mann_whitney_adjusted"][0] == pytest.approx(0.1)
    assert frame["mann_whitney_adjusted"][1] == pytest.approx(0.3)


def test_equal_results_show_no_difference(arena_row):
    (pair,) = compare(rows(arena_row, a=[7.0] * 50, b=[7.0] * 50)).to_dict("records")
    assert (pair["superiority"], pair["mann_whitney"], pair["kolmogorov_smirnov"]) == (0.5, 1, 1)


def test_one_contestant_has_no_rival(arena_row):
    assert compare([arena_row()]).empty
    assert "mann_whitney_adjusted" in compare([]).columns

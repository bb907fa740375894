import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egraph import metrics
from egraph.errors import UsageError

FEW_VALUES = st.integers(-3, 3).map(float)  # so that ties are common
PAIRED = st.lists(st.tuples(FEW_VALUES, FEW_VALUES), min_size=1, max_size=9)
ALL = [metrics.kendall_tau, metrics.spearman, metrics.precision_at_k, metrics.regret_at_k]


def slow_tau(y, s):
    """Tau-b from its definition, pair by pair."""
    agree = ordered_by_y = ordered_by_s = 0
    for (a, c), (b, d) in itertools.combinations(zip(y, s, strict=True), 2):
        agree += np.sign(a - b) * np.sign(c - d)
        ordered_by_y += a != b
        ordered_by_s += c != d
    return agree / math.sqrt(ordered_by_y * ordered_by_s) if ordered_by_y and ordered_by_s else math.nan


def slow_tau_apart(y, s, eps):
    """Tau-b over the pairs at least eps apart in y, pair by pair."""
    pairs = [
        (a - b, c - d)
        for (a, c), (b, d) in itertools.combinations(zip(y, s, strict=True), 2)
        if abs(a - b) >= eps
    ]
    agree = sum(np.sign(dy) * np.sign(ds) for dy, ds in pairs)
    norm = sum(dy != 0 for dy, _ in pairs) * sum(ds != 0 for _, ds in pairs)
    return agree / math.sqrt(norm) if norm else math.nan


def every_choice(s, k):
    """The best-scored k rows, once for each way to order tied rows."""
    return [
        rows
        for rows in itertools.combinations(range(len(s)), k)
        if min(s[i] for i in rows) >= max((s[i] for i in range(len(s)) if i not in rows), default=-math.inf)
    ]


def test_kendall_tau_by_hand():
    # Of 6 pairs 4 agree and 1 disagrees; y ties 1 pair, s none: 3 / sqrt(5 * 6).
    assert metrics.kendall_tau([1, 2, 2, 3], [1, 2, 4, 3]) == pytest.approx(3 / math.sqrt(30))


@given(PAIRED)
def test_kendall_tau_agrees_with_counting_pairs(rows):
    y, s = zip(*rows, strict=True)
    assert metrics.kendall_tau(y, s) == pytest.approx(slow_tau(y, s), nan_ok=True)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=2, max_size=40))
def test_kendall_tau_agrees_with_counting_pairs_of_any_floats(rows):
    y, s = zip(*rows, strict=True)
    assert metrics.kendall_tau(y, s) == pytest.approx(slow_tau(y, s), nan_ok=True)


def test_kendall_tau_of_the_top_share_looks_at_the_rows_best_by_y():
    y, s = [1, 2, 3, 4], [4, 3, 1, 2]
    assert metrics.kendall_tau(y, s, top=0.5) == 1
    assert metrics.kendall_tau(y, s) == pytest.approx(-4 / 6)
    assert metrics.kendall_tau(y, s, top=1) == metrics.kendall_tau(y, s)


def test_rows_tied_at_the_edge_of_the_top_share_stay_in():
    y, s = [1, 3, 3, 4], [9, 1, 2, 3]
    assert metrics.kendall_tau(y, s, top=0.5) == pytest.approx(2 / math.sqrt(3 * 2))


@pytest.mark.parametrize("top", [0, -0.1, 1.1, math.nan])
def test_a_top_share_outside_0_to_1_is_refused(top):
    with pytest.raises(UsageError, match="top must be a share of the rows above 0 and at most 1, got"):
        metrics.kendall_tau([1, 2], [1, 2], top=top)


def test_kendall_tau_leaves_out_pairs_closer_than_eps():
    # Of 6 pairs the one 1 apart goes out; 4 of the other 5 agree, and s ties none of them.
    y, s = [0, 1, 3, 5], [1, 0, 4, 3]
    assert metrics.kendall_tau(y, s, eps=1.5) == pytest.approx((4 - 1) / 5)
    # A pair exactly eps apart stays.
    assert metrics.kendall_tau(y, s, eps=1) == pytest.approx((4 - 2) / 6)


@given(PAIRED, st.sampled_from([0, 0.5, 1, 2, 3.5, 7]))
def test_kendall_tau_with_eps_agrees_with_counting_pairs(rows, eps):
    y, s = zip(*rows, strict=True)
    assert metrics.kendall_tau(y, s, eps=eps) == pytest.approx(slow_tau_apart(y, s, eps), nan_ok=True)


def test_kendall_tau_with_eps_agrees_with_counting_pairs_over_several_blocks():
    rng = np.random.default_rng(0)
    y = rng.normal(size=1300).round(2)
    s = (y + rng.normal(size=1300)).round(1)
    apart = np.abs(y[:, None] - y) >= 0.25
    signs = np.sign(y[:, None] - y) * np.sign(s[:, None] - s)
    expected = signs[apart].sum() / math.sqrt(apart.sum() * np.count_nonzero(signs[apart]))
    assert metrics.kendall_tau(y, s, eps=0.25) == pytest.approx(expected, abs=1e-12)


def test_eps_looks_at_the_rows_of_the_top_share_only():
    y, s = [0, 9, 10, 12], [99, 1, 3, 2]
    assert metrics.kendall_tau(y, s, top=0.75, eps=2) == pytest.approx((1 - 1) / 2)


@given(PAIRED)
def test_a_tiny_eps_leaves_out_only_ties_of_the_truth(rows):
    y, s = zip(*rows, strict=True)
    assert metrics.kendall_tau(y, s, eps=1e-9) == pytest.approx(slow_tau_apart(y, s, 1e-9), nan_ok=True)


@pytest.mark.parametrize("eps", [-1, math.nan, math.inf])
def test_a_margin_that_is_none_is_refused(eps):
    with pytest.raises(UsageError, match="eps must be a finite number of at least 0, got"):
        metrics.kendall_tau([1, 2], [1, 2], eps=eps)
    with pytest.raises(UsageError, match="eps must be a finite number of at least 0, got"):
        metrics.three_way_accuracy([1, 2], [1, 2], eps=eps, margin=0)
    with pytest.raises(UsageError, match="margin must be a finite number of at least 0, got"):
        metrics.three_way_accuracy([1, 2], [1, 2], eps=0, margin=eps)


def test_three_way_accuracy_by_hand():
    # True classes of the pairs 01 02 12: equal, worse, worse. Given: worse, worse, equal.
    assert metrics.three_way_accuracy([0, 1, 5], [0, 10, 11], eps=2, margin=5) == pytest.approx(1 / 3)
    assert metrics.three_way_accuracy([0, 1, 5], [0, 1, 5], eps=2, margin=2) == 1
    assert math.isnan(metrics.three_way_accuracy([1], [1], eps=0, margin=0))


@given(PAIRED, st.sampled_from([0, 1, 2.5]), st.sampled_from([0, 1, 2.5]))
def test_three_way_accuracy_agrees_with_counting_pairs(rows, eps, margin):
    def call(difference, width):
        return 0 if abs(difference) < width else np.sign(difference)

    pairs = list(itertools.combinations(rows, 2))
    right = [call(a[0] - b[0], eps) == call(a[1] - b[1], margin) for a, b in pairs]
    y, s = zip(*rows, strict=True)
    accuracy = metrics.three_way_accuracy(y, s, eps=eps, margin=margin)
    assert accuracy == pytest.approx(np.mean(right) if pairs else math.nan, nan_ok=True)


def test_spearman_by_hand():
    # Ranks 1, 2.5, 2.5, 4 and 1, 2, 4, 3: covariance 3, variances 4.5 and 5.
    assert metrics.spearman([1, 2, 2, 3], [1, 2, 4, 3]) == pytest.approx(3 / math.sqrt(4.5 * 5))


@pytest.mark.parametrize("metric", [metrics.kendall_tau, metrics.spearman])
@pytest.mark.parametrize(("y", "s"), [([1, 2, 3], [5, 5, 5]), ([5, 5, 5], [1, 2, 3]), ([1], [2]), ([], [])])
def test_a_correlation_with_a_constant_is_undefined(metric, y, s):
    assert math.isnan(metric(y, s))
    assert math.isnan(metrics.kendall_tau(y, s, top=0.5))


@given(PAIRED)
def test_only_the_order_of_the_scores_counts(rows):
    y, s = np.array(rows).T
    for metric in (metrics.kendall_tau, metrics.spearman):
        assert metric(y, s) == pytest.approx(metric(y, np.exp(s) * 3 + 7), nan_ok=True)


def test_precision_by_hand():
    assert metrics.precision_at_k([1, 2, 3, 4], [1, 4, 2, 3], k=2) == 0.5
    assert metrics.precision_at_k([1, 2, 3, 4], [1, 2, 3, 4], k=1) == 1
    # A constant score says nothing: as good as drawing 2 of 4 at random.
    assert metrics.precision_at_k([1, 2, 3, 4], [0, 0, 0, 0], k=2) == 0.5


@given(PAIRED, st.data())
def test_precision_is_the_mean_over_the_ways_to_break_ties(rows, data):
    y, s = zip(*rows, strict=True)
    k = data.draw(st.integers(1, len(rows)))
    edge = sorted(y)[-k]
    shares = [sum(y[i] >= edge for i in chosen) / k for chosen in every_choice(s, k)]
    assert metrics.precision_at_k(y, s, k) == pytest.approx(np.mean(shares))


def test_regret_by_hand():
    assert metrics.regret_at_k([1, 2, 3, 5], [1, 4, 2, 3], k=1) == 3
    assert metrics.regret_at_k([1, 2, 3, 5], [1, 4, 2, 3], k=2) == 0
    # One of four at random: the mean of 4, 3, 2 and 0.
    assert metrics.regret_at_k([1, 2, 3, 5], [0, 0, 0, 0], k=1) == pytest.approx(9 / 4)


@given(PAIRED, st.data())
def test_regret_is_the_mean_over_the_ways_to_break_ties(rows, data):
    y, s = zip(*rows, strict=True)
    k = data.draw(st.integers(1, len(rows)))
    regrets = [max(y) - max(y[i] for i in chosen) for chosen in every_choice(s, k)]
    assert metrics.regret_at_k(y, s, k) == pytest.approx(np.mean(regrets))


@pytest.mark.parametrize("metric", [metrics.precision_at_k, metrics.regret_at_k])
@pytest.mark.parametrize("k", [0, 4, -1, 1.5, "2"])
def test_k_outside_the_rows_is_refused(metric, k):
    with pytest.raises(UsageError, match=rf"k must be between 1 and the number of rows, 3, got {k}"):
        metric([1, 2, 3], [1, 2, 3], k=k)


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_refused(metric, bad):
    with pytest.raises(UsageError, match=r"s must be finite, got -?(nan|inf) in row 1"):
        metric([1, 2, 3], [1, bad, 3], k=2) if metric in ALL[2:] else metric([1, 2, 3], [1, bad, 3])
    with pytest.raises(UsageError, match=r"y must be finite, got -?(nan|inf) in row 0"):
        metric([bad, 2, 3], [1, 2, 3])


@pytest.mark.parametrize("metric", ALL)
def test_lengths_that_differ_are_refused(metric):
    with pytest.raises(UsageError, match=r"one value a row each, got shapes \(3,\) and \(2,\)"):
        metric([1, 2, 3], [1, 2])
    with pytest.raises(UsageError, match="one value a row each, got shapes"):
        metric([[1, 2]], [[1, 2]])
    with pytest.raises(UsageError, match="must be arrays of numbers"):
        metric(["a", "b"], [1, 2])


def test_the_bootstrap_interval_is_the_same_under_one_seed_and_holds_the_value():
    rng = np.random.default_rng(0)
    y = rng.normal(size=300)
    s = y + rng.normal(size=300)
    low, high = metrics.bootstrap_interval(metrics.kendall_tau, y, s, seed=3)
    assert (low, high) == metrics.bootstrap_interval(metrics.kendall_tau, y, s, seed=3)
    assert (low, high) != metrics.bootstrap_interval(metrics.kendall_tau, y, s, seed=4)
    assert low < metrics.kendall_tau(y, s) < high
    narrow = metrics.bootstrap_interval(metrics.kendall_tau, y, s, seed=3, level=0.5)
    assert low < narrow[0] < narrow[1] < high


def test_the_bootstrap_interval_covers_the_truth_about_as_often_as_it_says():
    rho = 0.6
    truth = 2 / math.pi * math.asin(rho)  # tau of a normal distribution with this correlation
    covered = 0
    for seed in range(100):
        y, e = np.random.default_rng(seed).normal(size=(2, 60))
        low, high = metrics.bootstrap_interval(
            metrics.kendall_tau, y, rho * y + math.sqrt(1 - rho**2) * e, seed=seed, level=0.9, resamples=100
        )
        covered += low <= truth <= high
    assert 80 <= covered <= 99


def test_the_bootstrap_passes_options_to_the_metric_and_leaves_out_undefined_resamples():
    assert metrics.bootstrap_interval(metrics.precision_at_k, [1, 2, 3], [1, 2, 3], k=1) == (1, 1)
    assert metrics.bootstrap_interval(metrics.kendall_tau, [1, 2], [1, 2]) == (1, 1)
    assert all(map(math.isnan, metrics.bootstrap_interval(metrics.kendall_tau, [1, 2], [1, 1])))
    assert all(map(math.isnan, metrics.bootstrap_interval(metrics.kendall_tau, [], [])))


def test_a_bootstrap_of_no_level_or_no_resamples_is_refused():
    with pytest.raises(UsageError, match=r"level must be between 0 and 1, such as 0\.95, got 95"):
        metrics.bootstrap_interval(metrics.kendall_tau, [1, 2], [1, 2], level=95)
    with pytest.raises(UsageError, match="resamples must be at least 1, got 0"):
        metrics.bootstrap_interval(metrics.kendall_tau, [1, 2], [1, 2], resamples=0)

"""Intervals of a fitted ranker, and its warning of what is unlike its training data."""

import warnings

import numpy as np
import pytest

from egraph import Architecture, operations
from egraph.errors import OutOfDistributionWarning, UsageError
from egraph.operations import Operation
from egraph.ranker import Ranker, load

SMALL = {"members": 2, "width": 16, "epochs": 10}


@pytest.fixture(scope="module")
def unseen():
    """A registered operation that no training data has."""
    operations.register(Operation("t-unseen", "conv", kernel=5))
    return Architecture(["input", "t-unseen", "t-conv1", "output"], [(0, 1), (1, 2), (2, 3)])


@pytest.fixture
def large():
    """A chain of twelve, where training data has at most seven vertices."""
    return Architecture(["input", *["t-conv3"] * 10, "output"], [(i, i + 1) for i in range(11)])


def test_intervals_hold_at_least_about_as_many_scores_as_they_say(fitted, toy_data):
    """They err to the wide side here: held-out trainings have a quarter less data, and no noise to learn."""
    graphs, scores = toy_data
    shares = []
    for level in (0.5, 0.8, 0.95):
        low, high = fitted.intervals(graphs[80:], level)
        shares.append(((scores[80:] >= low) & (scores[80:] <= high)).mean())
        # 80 scores, and as few to calibrate on: three standard deviations of the share at worst.
        assert shares[-1] > level - 0.2
    assert shares[0] < 0.9
    assert shares[0] < shares[2]


def test_intervals_lie_around_the_prediction_and_widen_with_the_level(fitted, toy_data):
    graphs = toy_data[0][80:]
    mean = fitted.predict(graphs)
    (low, high), (lower, higher) = fitted.intervals(graphs, 0.5), fitted.intervals(graphs, 0.9)
    assert (lower < low).all()
    assert (low < mean).all()
    assert (mean < high).all()
    assert (high < higher).all()


def test_coverage_on_the_folds_is_near_its_level(fitted):
    assert list(fitted.coverage_) == [0.5, 0.8, 0.95]
    # Three standard deviations of a share of 80.
    np.testing.assert_allclose(list(fitted.coverage_.values()), [0.5, 0.8, 0.95], atol=0.15)


def test_tau_on_the_folds_promises_no_more_than_is_delivered(fitted, toy_data):
    """The models of the folds learn from three quarters of the data, in half the epochs."""
    graphs, scores = toy_data
    assert 0.7 < fitted.held_out_tau_ < fitted.score(graphs[80:], scores[80:])


def test_holding_nothing_out_changes_uncertainty_and_shares_alone(toy_data, tmp_path):
    graphs, scores = toy_data
    sparing = Ranker(folds=0, **SMALL).fit(graphs[:40], scores[:40])
    calibrated = Ranker(**SMALL).fit(graphs[:40], scores[:40])
    encoding = sparing.encode(graphs)
    opinions = [ranker.scorer_.opinions(encoding) for ranker in (sparing, calibrated)]
    np.testing.assert_array_equal(*opinions)
    assert np.isnan(list(sparing.coverage_.values())).all()
    sparing.save(tmp_path / "r.egraph")
    again = load(tmp_path / "r.egraph")
    np.testing.assert_allclose(again.intervals(graphs), sparing.intervals(graphs))
    assert np.isnan(list(again.coverage_.values())).all()
    assert np.isnan(sparing.held_out_tau_)
    assert np.isnan(again.held_out_tau_)


def test_progress_counts_the_folds_too(toy_data):
    told = []
    Ranker(**SMALL).fit(toy_data[0][:40], toy_data[1][:40], progress=lambda *step: told.append(step))
    total = told[-1][1]
    assert told == [(done, total) for done in range(1, total + 1)]


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, float("nan")])
def test_levels_lie_between_zero_and_one(level, fitted, toy_data):
    with pytest.raises(UsageError, match=f"level must be between 0 and 1, got {level}"):
        fitted.intervals(toy_data[0], level)


@pytest.mark.parametrize("folds", [1, -1])
def test_one_fold_is_none(folds, toy_data):
    with pytest.raises(UsageError, match=f"folds must be 0 or at least 2, got {folds}"):
        Ranker(folds=folds, **SMALL).fit(toy_data[0][:20], toy_data[1][:20])


def test_an_unseen_operation_is_named_once(fitted, toy_data, unseen):
    graphs = [*toy_data[0], unseen] * 20  # more than are encoded at once
    with pytest.warns(
        OutOfDistributionWarning, match="unlike all .*trained on: operations 't-unseen';"
    ) as told:
        fitted.predict(graphs)
    assert len(told) == 1


def test_a_larger_graph_is_told_apart(fitted, toy_data, large, unseen):
    with pytest.warns(OutOfDistributionWarning, match="12 vertices, where 7 was the most"):
        fitted.intervals([*toy_data[0], large])
    with pytest.warns(OutOfDistributionWarning, match="operations 't-unseen' and 12 vertices"):
        fitted.predict([unseen, large], return_std=True)
    with pytest.warns(OutOfDistributionWarning, match="operations 't-unseen';"):
        fitted.compare([unseen], [toy_data[0][0]])
    with pytest.warns(OutOfDistributionWarning, match="operations 't-unseen';"):
        fitted.predict(fitted.encode([unseen]))


def test_what_does_not_count_is_no_reason_to_warn(fitted):
    """Dead vertices, and operations on no path to the output."""
    dead = Architecture(
        ["input", "t-conv3", *["t-unseen"] * 9, "output"], [(0, 1), (1, 11), *((0, i) for i in range(2, 11))]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.predict([dead])


def test_a_search_is_not_warned(fitted, unseen, large):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(fitted([unseen, large])).all()


def test_a_loaded_ranker_warns_and_widens_alike(fitted, toy_data, unseen, large, tmp_path):
    fitted.save(tmp_path / "r.egraph")
    again = load(tmp_path / "r.egraph")
    np.testing.assert_allclose(again.intervals(toy_data[0]), fitted.intervals(toy_data[0]))
    assert again.coverage_ == fitted.coverage_
    assert again.held_out_tau_ == fitted.held_out_tau_
    with pytest.warns(OutOfDistributionWarning, match="operations 't-unseen' and 12 vertices"):
        again.predict([unseen, large])

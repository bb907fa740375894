import numpy as np
import pytest

from egraph.ranker.heads import three_way
from egraph.ranker.labels import Labels, rank_gauss
from egraph.ranker.scale import Scale, Standardiser, fit_three_way


def test_standardised_features_have_mean_zero_and_sd_one_and_constants_are_gone():
    features = np.array([[1.0, 5.0, 2.0], [3.0, 5.0, 4.0], [5.0, 5.0, 0.0]])
    standardiser = Standardiser.fit(features)
    assert standardiser.kept.tolist() == [0, 2]
    found = standardiser.transform(features)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(found.std(axis=0), 1)


def test_features_far_outside_are_clipped():
    standardiser = Standardiser.fit(np.array([[0.0], [1.0]]))
    assert standardiser.transform(np.array([[1e9]])).tolist() == [[8.0]]


def test_rank_gauss_keeps_ties_and_is_symmetric():
    found = rank_gauss(np.array([3.0, 1.0, 2.0, 2.0]))
    assert found[2] == found[3] == pytest.approx(0.0)
    assert found[0] == pytest.approx(-found[1]) == pytest.approx(1.15034938)  # the normal quantile of 7/8


def test_scale_gives_back_the_training_scores():
    scores = np.array([90.0, 10.0, 93.0, 93.0, 91.0])
    np.testing.assert_allclose(Scale.fit(scores).to_scores(rank_gauss(scores)), scores)


def test_scale_increases_strictly_inside_and_outside():
    found = Scale.fit(np.array([1.0, 5.0, 5.0, 7.0])).to_scores(np.linspace(-5, 5, 1001))
    assert (np.diff(found) > 0).all()


def test_three_way_model_predicts_the_observed_shares_of_the_classes():
    rng = np.random.default_rng(0)
    latent = rng.normal(size=300)
    scores = latent + 0.3 * rng.normal(size=300)
    steepness, tie = fit_three_way(latent, Labels(scores, np.zeros(300, int), 0.2, 0.1))
    i, j = np.triu_indices(300, 1)
    p = three_way(steepness * (latent[i] - latent[j]), tie)
    gap = scores[i] - scores[j]
    observed = [(gap < -0.2).mean(), (abs(gap) <= 0.2).mean(), (gap > 0.2).mean()]
    np.testing.assert_allclose(p.mean(axis=0), observed, atol=0.01)


def test_three_way_model_of_perfect_predictions_stays_finite():
    steepness, tie = fit_three_way(np.arange(4.0), Labels(np.arange(4.0), np.zeros(4, int), 0.0, 0.1))
    assert np.isfinite([steepness, tie]).all()

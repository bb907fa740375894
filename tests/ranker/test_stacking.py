import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime, minimize
from scipy.stats import kendalltau

from egraph.ranker import Ranker
from egraph.ranker.labels import Labels
from egraph.ranker.stacking import fit_shares

USUAL = np.array([1.0, 0.5, 0.4]) / 1.9


def label(scores):
    return Labels(scores, np.zeros(len(scores), int), 0.0, 0.1)


def make(noises, count, seed=0):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=count)
    return scores + rng.normal(size=(len(noises), count)) * np.array(noises)[:, None], scores


def shares(noises, count):
    opinions, scores = make(noises, count)
    return fit_shares(opinions, label(scores), USUAL)


@settings(deadline=None)  # a busy machine is slow
@given(st.integers(0, 50), st.integers(4, 80), st.floats(0.1, 10), st.floats(-5, 5))
def test_shares_sum_to_one_and_do_not_depend_on_unit_or_origin(seed, count, unit, origin):
    opinions, scores = make((0.3, 1.0, 0.5), count, seed)
    found = fit_shares(opinions, label(scores), USUAL)
    assert found.sum() == pytest.approx(1)
    assert (found > 0).all()
    moved = fit_shares(opinions * np.array([[1.0], [unit], [1.0]]) + origin, label(3 * scores + 1), USUAL)
    np.testing.assert_allclose(moved, found, atol=2e-3)


def test_shares_stay_usual_with_little_data_and_move_with_much():
    few, many = (shares((0.2, 2.0, 2.0), count) for count in (4, 2000))
    np.testing.assert_allclose(few, USUAL, atol=0.05)
    assert many[0] > 0.8
    useless = shares((1.0, 1.0, 100.0), 600)
    assert useless[2] < 0.05


def test_shares_minimise_the_formula():
    opinions, scores = make((0.5, 0.6, 0.9), 40)
    z = opinions / opinions.std(axis=1, keepdims=True)

    def cost(w):
        terms = [
            np.log1p(np.exp(-w @ (z[:, a] - z[:, b])))
            for a in range(40)
            for b in range(40)
            if scores[a] > scores[b]
        ]
        return 40 * np.mean(terms) + 30 * ((w / w.sum() - USUAL) ** 2).sum()

    best = minimize(cost, [1.0, 1.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9}).x
    assert np.abs(approx_fprime(best, cost)).max() < 0.05
    np.testing.assert_allclose(fit_shares(opinions, label(scores), USUAL), best / best.sum(), atol=2e-3)


def test_one_part_has_the_whole_share_and_ties_count_for_nothing():
    opinions, scores = make((0.5,), 10)
    np.testing.assert_allclose(fit_shares(opinions, label(scores), np.ones(1)), 1)
    scores[1:] = scores[1]
    assert np.isfinite(fit_shares(make((0.5, 1.0), 10)[0], label(scores), np.array([0.6, 0.4]))).all()


def test_a_ranker_weighs_its_parts_by_held_out_data(toy_data):
    graphs, scores = toy_data
    settings = {"members": 2, "width": 12, "epochs": 10, "seed": 1}
    usual = Ranker(folds=0, **settings).fit(graphs[:60], scores[:60])
    weighed = Ranker(**settings).fit(graphs[:60], scores[:60])
    np.testing.assert_allclose(usual.scorer_.shares, USUAL)
    assert np.abs(weighed.scorer_.shares - USUAL).max() > 0.01
    taus = [kendalltau(r.predict(graphs[60:]), scores[60:]).statistic for r in (usual, weighed)]
    assert taus[1] > taus[0] - 0.02

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egraph.encoding import Vocabulary
from egraph.operations import Operation
from egraph.ranker.labels import Labels
from egraph.ranker.weighing import share_known, weigh_prior


def make(count, own_noise, seed=0):
    """Scores, and held-out predictions of them with noise of the given standard deviation."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=count)
    return scores, scores + own_noise * rng.normal(size=count), rng


def label(scores):
    return Labels.of(scores, np.zeros(len(scores), np.int64), None)


@pytest.mark.parametrize("count", [4, 10, 30, 100])
def test_a_prior_that_is_the_truth_gets_most_of_the_share(count):
    scores, own, _ = make(count, 0.7)
    assert weigh_prior(own, scores, label(scores), 0.5) > 0.6


@pytest.mark.parametrize("known", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_a_reversed_prior_loses_its_share_by_ten_labels(seed, known):
    scores, own, rng = make(10, 0.7, seed)
    assert weigh_prior(own, -scores + 0.3 * rng.normal(size=10), label(scores), known) < 0.05


def test_noise_loses_its_share_by_ten_labels():
    found = []
    for seed in range(40):
        scores, own, rng = make(10, 0.5, seed)
        found.append(weigh_prior(own, rng.normal(size=10), label(scores), 0.0))
    assert np.mean(found) < 0.07


def test_what_is_known_counts_with_few_labels_and_not_with_many():
    apart = []
    for count in (4, 200):
        scores, own, rng = make(count, 0.8)
        prior = scores + rng.normal(size=count)
        low, high = (weigh_prior(own, prior, label(scores), known) for known in (0.0, 1.0))
        apart.append(high - low)
    assert apart[0] > 0.1
    assert abs(apart[1]) < 0.05


@settings(deadline=None, max_examples=25)  # a busy machine is slow
@given(st.integers(0, 99), st.integers(3, 40), st.floats(0, 1))
def test_the_share_depends_on_order_alone_and_not_on_numbering(seed, count, known):
    scores, own, rng = make(count, 0.6, seed)
    prior = scores + rng.normal(size=count)
    share = weigh_prior(own, prior, label(scores), known)
    assert 0 <= share <= 1
    assert weigh_prior(own, np.exp(3 * prior), label(scores), known) == pytest.approx(share, abs=1e-6)
    order = rng.permutation(count)
    permuted = weigh_prior(own[order], prior[order], label(scores[order]), known)
    assert permuted == pytest.approx(share, abs=2e-3)


def test_nothing_held_out_leaves_what_is_known():
    scores = np.array([1.0, 2.0])
    shares = [weigh_prior(None, scores, label(scores), known) for known in (0.0, 1.0)]
    assert 0 == shares[0] < shares[1] < 1


def test_a_constant_prior_has_no_order_to_agree_with():
    scores, own, _ = make(8, 0.5)
    assert weigh_prior(own, np.ones(8), label(scores), 0.0) == 0


def test_operations_are_compared_by_description():
    vocabulary = Vocabulary([Operation("mine", "conv", kernel=3), Operation("pool", "max-pool", kernel=3)])
    same = Vocabulary([Operation("yours", "conv", kernel=3), Operation("gcn", "graph-conv")])
    assert share_known(vocabulary, same, np.array([0.0, 4.0])) == 1  # interior operations in order of names
    assert share_known(vocabulary, same, np.array([4.0, 0.0])) < 0.2
    assert share_known(None, same, np.array([1.0, 1.0])) == 0.5
    assert share_known(vocabulary, same, np.zeros(2)) == 0.5
    assert share_known(Vocabulary([]), same, np.ones(2)) == 0


def test_a_narrow_range_hides_how_good_a_prior_is():
    """Among the best by the prior, its correlation with the scores is less than among all."""
    rng = np.random.default_rng(0)
    prior = rng.normal(size=4000)
    scores = prior + rng.normal(size=4000)
    best = np.argsort(prior)[-400:]
    everywhere = np.corrcoef(prior, scores)[0, 1]
    own = scores[best] + rng.normal(size=400)
    wide = 1 / prior[best].std()
    narrow, widened = (weigh_prior(own, prior[best], label(scores[best]), 1.0, u) for u in (1.0, wide))
    assert narrow < widened < 1
    found = np.corrcoef(prior[best], scores[best])[0, 1]
    assert found * wide / np.sqrt(1 + found**2 * (wide**2 - 1)) == pytest.approx(everywhere, abs=0.1)


@pytest.mark.parametrize("seed", range(3))
def test_a_useless_prior_is_useless_in_any_range(seed):
    scores, own, _ = make(20, 0.5, seed)
    assert weigh_prior(own, -scores, label(scores), 1.0, 5.0) == 0

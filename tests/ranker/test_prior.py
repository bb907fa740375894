import copy
import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import save_file
from scipy.stats import kendalltau
from sklearn.base import clone

from egraph.baselines import BASELINES
from egraph.errors import ModelError, UsageError
from egraph.ranker import Ranker, load
from egraph.ranker.scale import Scale

pytestmark = pytest.mark.filterwarnings(
    "ignore:some architectures are unlike:egraph.errors.OutOfDistributionWarning"
)
SMALL = {"members": 1, "width": 8, "epochs": 10}


@pytest.fixture(scope="module")
def old(toy_data):
    graphs, scores = toy_data
    return Ranker(members=2, width=16, epochs=30).fit(graphs[:80], scores[:80])


@pytest.mark.parametrize("count", [0, 1])
def test_without_labels_the_prior_decides_alone(count, old, toy_data, tmp_path):
    graphs, scores = toy_data
    ranker = Ranker(prior=old, **SMALL).fit(graphs[80 : 80 + count], scores[80 : 80 + count])
    assert ranker.prior_share_ == 1
    assert ranker.n_trials_ == count
    ranker.save(tmp_path / "r.egraph")
    for each in (ranker, load(tmp_path / "r.egraph")):
        np.testing.assert_allclose(
            each.predict(graphs, return_std=True), old.predict(graphs, return_std=True)
        )
        np.testing.assert_allclose(each.intervals(graphs), old.intervals(graphs))
        np.testing.assert_allclose(
            each.compare(graphs[:9], graphs[9:18]), old.compare(graphs[:9], graphs[9:18])
        )
        np.testing.assert_allclose(each.features(graphs), old.features(graphs))


def test_equal_scores_leave_the_prior_alone(old, toy_data):
    ranker = Ranker(prior=old, **SMALL).fit(toy_data[0][80:85], [3.0] * 5)
    assert ranker.prior_share_ == 1


def test_without_prior_the_share_is_zero(old):
    assert old.prior_share_ == 0


@pytest.mark.parametrize(
    ("count", "head"), [(2, "utility"), (5, "pairwise"), (9, "pairwise"), (12, "utility")]
)
def test_a_loaded_ranker_with_prior_is_the_same(count, head, old, toy_data, tmp_path):
    graphs, scores = toy_data
    ranker = Ranker(prior=old, head=head, **SMALL).fit(graphs[80 : 80 + count], scores[80 : 80 + count])
    assert 0 < ranker.prior_share_ < 1
    ranker.save(tmp_path / "r.egraph", card={"data": "toys"})
    again = load(tmp_path / "r.egraph")
    assert again.prior_share_ == ranker.prior_share_
    assert again.card == {"data": "toys"}
    np.testing.assert_allclose(
        again.predict(graphs[:40], return_std=True), ranker.predict(graphs[:40], return_std=True), atol=1e-6
    )
    pairs = graphs[:9], graphs[9:18]
    np.testing.assert_allclose(again.compare(*pairs), ranker.compare(*pairs), atol=1e-6)
    np.testing.assert_allclose(ranker.compare(*pairs).sum(axis=1), 1)
    np.testing.assert_allclose(ranker.compare(*pairs)[:, ::-1], ranker.compare(*pairs[::-1]), atol=1e-6)
    np.testing.assert_allclose(
        ranker.predict(ranker.encode(graphs[:40])), ranker.predict(graphs[:40]), atol=1e-6
    )


def test_a_file_of_the_version_before_priors_still_opens(old, toy_data, tmp_path):
    old.save(tmp_path / "old.egraph")
    with safe_open(tmp_path / "old.egraph", framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        content = json.loads(file.metadata()["egraph ranker"])
    assert content["schema"] == 6
    save_file(
        tensors, tmp_path / "4.egraph", metadata={"egraph ranker": json.dumps({**content, "schema": 4})}
    )
    np.testing.assert_allclose(load(tmp_path / "4.egraph").predict(toy_data[0]), old.predict(toy_data[0]))


def test_a_good_prior_helps_and_a_reversed_one_does_no_harm(old, toy_data):
    graphs, scores = toy_data
    known, truth = graphs[80:92], scores[80:92]
    scratch = Ranker(**SMALL).fit(known, truth).score(graphs[92:], scores[92:])
    helped = Ranker(prior=old, **SMALL).fit(known, truth)
    assert helped.score(graphs[92:], scores[92:]) > scratch + 0.1
    harmed = Ranker(prior=old, **SMALL).fit(known, -truth)
    assert harmed.prior_share_ < 0.05
    alone = Ranker(**SMALL).fit(known, -truth)
    assert harmed.score(graphs[92:], -scores[92:]) > alone.score(graphs[92:], -scores[92:]) - 0.05


def test_what_a_search_measures_does_not_spoil_the_order_of_the_rest(old, toy_data):
    graphs, scores = toy_data
    rng = np.random.default_rng(0)
    best = np.argsort(old.predict(graphs[80:]))[-16:] + 80
    rest = np.setdiff1d(np.arange(80, len(graphs)), best)
    # The best are so alike that noise hides much of their order.
    noisy = scores[best] + rng.normal(0, 0.3, len(best))
    ranker = Ranker(prior=old, **SMALL).fit([graphs[row] for row in best], noisy)
    others, truth = [graphs[row] for row in rest], scores[rest]
    assert 0 < ranker.prior_share_ < 0.9
    assert ranker.score(others, truth) > old.score(others, truth) - 0.05


def test_other_units_of_the_prior_change_nothing(old, toy_data):
    graphs, scores = toy_data
    other = copy.copy(old)
    other.scale_ = Scale(old.scale_.quantiles, np.exp(old.scale_.scores))
    first, second = (Ranker(prior=prior, **SMALL).fit(graphs[80:90], scores[80:90]) for prior in (old, other))
    assert np.array_equal(first.predict(graphs), second.predict(graphs))


def test_clones_keep_the_prior_fitted(old):
    ranker = Ranker(prior=old, columns=None, **SMALL)
    copied = clone(ranker)
    assert copied.prior is old
    assert copied is not ranker
    assert copied.get_params(deep=False) == ranker.get_params(deep=False)
    assert not hasattr(clone(old), "scorer_")


def test_a_baseline_is_a_prior_and_is_saved(toy_data, tmp_path):
    graphs, scores = toy_data
    baseline = BASELINES["WLGP"]().fit(graphs[:60], scores[:60])
    alone = Ranker(prior=baseline, **SMALL).fit([], [])
    np.testing.assert_allclose(alone.predict(graphs), baseline.predict(graphs))
    assert alone.features(graphs[:3]).shape == (3, 0)
    np.testing.assert_allclose(alone.compare(graphs[:5], graphs[5:10]).sum(axis=1), 1)
    assert (alone.predict(graphs, return_std=True)[1] > 0).all()
    for ranker in (alone, Ranker(prior=baseline, **SMALL).fit(graphs[60:68], scores[60:68])):
        ranker.save(tmp_path / "r.egraph")
        again = load(tmp_path / "r.egraph")
        np.testing.assert_allclose(again.predict(graphs[:30]), ranker.predict(graphs[:30]), atol=1e-6)
        assert type(again.prior) is type(baseline)


class Counter:
    """Scores architectures by their number of convolutions, in no particular unit."""

    def predict(self, architectures):
        return [1e4 * sum(op == "t-conv3" for op in a.ops) for a in architectures]


def test_anything_that_predicts_is_a_prior(toy_data, tmp_path):
    graphs, scores = toy_data
    alone = Ranker(prior=Counter(), **SMALL).fit(graphs[:1], scores[:1])
    assert np.array_equal(alone.predict(graphs), Counter().predict(graphs))
    ranker = Ranker(prior=Counter(), **SMALL).fit(graphs[:10], scores[:10])
    assert 0 < ranker.prior_share_ < 1
    assert kendalltau(ranker.predict(graphs), scores).statistic > 0.3
    with pytest.raises(UsageError, match="a file cannot hold the prior, a Counter: fit an"):
        ranker.save(tmp_path / "r.egraph")


@pytest.mark.parametrize(
    ("prior", "text"),
    [
        (3, r"prior must be a fitted ranker, or another fitted model with predict.*, got int"),
        (Ranker, r"prior must be a fitted ranker.*, got \w+"),
        (Ranker(), "the prior, a Ranker, is not fitted yet; call its fit"),
    ],
)
def test_a_prior_of_another_kind_is_refused(prior, text, toy_data):
    with pytest.raises(UsageError, match=text):
        Ranker(prior=prior, **SMALL).fit(toy_data[0][:5], toy_data[1][:5])


def test_a_prior_returns_a_score_for_each(toy_data):
    class Broken:
        def predict(self, architectures):
            return [np.nan] * len(architectures)

    with pytest.raises(UsageError, match="the prior, a Broken, must return one finite score for each of 5"):
        Ranker(prior=Broken(), **SMALL).fit(toy_data[0][:5], toy_data[1][:5])


def test_a_chain_of_priors_is_bounded(old, toy_data, tmp_path):
    graphs, scores = toy_data
    ranker, sizes = old, []
    for start in range(6):
        ranker = Ranker(prior=Ranker(prior=ranker, **SMALL).fit([], []), **SMALL)
        ranker.fit(graphs[80 + 4 * start : 84 + 4 * start], scores[80 + 4 * start : 84 + 4 * start])
        ranker.save(tmp_path / "r.egraph")
        sizes.append((tmp_path / "r.egraph").stat().st_size)
    assert sizes[-1] < 1.1 * sizes[3]
    np.testing.assert_allclose(load(tmp_path / "r.egraph").predict(graphs), ranker.predict(graphs), atol=1e-6)


def test_a_prior_keeps_its_columns(toy_data, tmp_path):
    graphs, scores = toy_data

    def columns(architectures):
        return np.array([[len(a.ops)] for a in architectures])

    prior = Ranker(columns=columns, **SMALL).fit(graphs[:40], scores[:40])
    for count in (0, 6):
        ranker = Ranker(prior=prior, **SMALL).fit(graphs[40 : 40 + count], scores[40 : 40 + count])
        ranker.save(tmp_path / "r.egraph")
        with pytest.raises(ModelError, match="was fitted with columns of"):
            load(tmp_path / "r.egraph")
        again = load(tmp_path / "r.egraph", columns=columns)
        np.testing.assert_allclose(again.predict(graphs), ranker.predict(graphs), atol=1e-6)


def test_without_folds_the_gaussian_process_tells_how_good_the_ensemble_is(old, toy_data):
    graphs, scores = toy_data
    ranker = Ranker(prior=old, folds=0, **SMALL).fit(graphs[80:95], scores[80:95])
    assert ranker.prior_share_ > 0.3
    assert np.isnan(ranker.held_out_tau_)


def test_intervals_with_a_prior_hold_what_they_say(old, toy_data):
    graphs, scores = toy_data
    ranker = Ranker(prior=old, **SMALL).fit(graphs[80:110], scores[80:110])
    low, high = ranker.intervals(graphs[110:], level=0.8)
    assert np.mean((low <= scores[110:]) & (scores[110:] <= high)) > 0.7
    assert ranker.coverage_[0.8] == pytest.approx(0.8, abs=0.15)

import numpy as np
import pytest

from egraph.ranker import Ranker, load

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


@pytest.mark.parametrize("count", [2, 5, 9, 12])
@pytest.mark.parametrize("head", ["utility", "pairwise"])
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

"""Training on several sources: scores are compared inside a group only."""

import numpy as np
import pytest

import egraph
from egraph.errors import UsageError
from egraph.ranker import Ranker
from egraph.ranker.labels import Labels, centre, pairs_within
from egraph.ranker.stacking import fit_shares

SETTINGS = {"members": 2, "width": 12, "epochs": 20, "seed": 1}


@pytest.fixture(scope="module")
def grouped(toy_data):
    """A ranker of two groups with scales of their own: the second has an offset that hides all else."""
    graphs, scores = toy_data
    groups = ["first", "second"] * 40
    shifted = scores[:80] * np.tile([1.0, 100.0], 40) + np.tile([0.0, 1e6], 40)
    return Ranker(**SETTINGS).fit(graphs[:80], shifted, groups=groups)


def test_one_group_is_no_group(toy_data):
    graphs, scores = toy_data
    alone = Ranker(**SETTINGS).fit(graphs[:40], scores[:40])
    named = Ranker(**SETTINGS).fit(graphs[:40], scores[:40], groups=["only"] * 40)
    assert (alone.predict(graphs) == named.predict(graphs)).all()
    assert named.groups_ == alone.groups_ == {}


@pytest.mark.parametrize("head", ["utility", "pairwise", "regression"])
def test_scales_of_groups_do_not_matter(toy_data, head):
    graphs, scores = toy_data
    factor = np.tile([1.0, 64.0], 30)
    groups = np.tile([3, 8], 30)
    settings = SETTINGS | {"head": head, "epochs": 4}
    one = Ranker(**settings).fit(graphs[:60], scores[:60], groups=groups)
    other = Ranker(**settings).fit(graphs[:60], scores[:60] * factor, groups=groups)
    assert (one.predict(graphs) == other.predict(graphs)).all()
    assert one.groups_ == {"3": 30, "8": 30}
    assert one.eps_ == other.eps_ == pytest.approx(0.02)


def test_a_ranker_of_two_groups_orders_new_networks_in_normal_quantiles(grouped, toy_data):
    graphs, scores = toy_data
    assert grouped.score(graphs[80:], scores[80:]) > 0.6
    predicted, deviation = grouped.predict(graphs[:80], return_std=True)
    assert abs(predicted.mean()) < 0.3
    assert 0.5 < predicted.std() < 1.5
    assert (deviation > 0).all()
    assert 0.5 < grouped.coverage_[0.8] <= 1.0


@pytest.mark.parametrize("names", [True, False])
def test_a_ranker_without_names_is_kept_and_exported(toy_data, tmp_path, names, few_compared):
    graphs, scores = toy_data
    settings = {"members": 1, "width": 8, "epochs": 1, "folds": 0, "names": names}
    ranker = Ranker(**settings).fit(graphs[:30], scores[:30])
    ranker.save(tmp_path / "r.egraph")
    assert (egraph.load(tmp_path / "r.egraph").predict(graphs) == ranker.predict(graphs)).all()
    pytest.importorskip("spox")
    assert ranker.to_onnx(tmp_path / "r.onnx").tau == pytest.approx(1)


def test_a_file_keeps_the_groups(grouped, toy_data, tmp_path):
    graphs, _ = toy_data
    grouped.save(tmp_path / "r.egraph")
    again = egraph.load(tmp_path / "r.egraph")
    assert (again.predict(graphs) == grouped.predict(graphs)).all()
    assert again.groups_ == {"first": 40, "second": 40}


def test_a_ranker_of_two_groups_is_exported(grouped, toy_data, tmp_path, few_compared):
    pytest.importorskip("spox")
    assert grouped.to_onnx(tmp_path / "r.onnx").tau == pytest.approx(1)


def test_a_group_of_equal_scores_is_left_out(toy_data):
    graphs, scores = toy_data
    groups = ["a"] * 20 + ["b"] * 20 + ["lonely"] + ["flat"] * 4
    values = scores[:45].copy()
    values[41:] = 5.0
    settings = {"members": 1, "width": 8, "epochs": 1, "folds": 0}
    ranker = Ranker(**settings).fit(graphs[:45], values, groups=groups)
    assert ranker.groups_ == {"a": 20, "b": 20}
    assert ranker.n_trials_ == 40
    rest = Ranker(**settings).fit(graphs[:45], values, groups=["a"] * 20 + list(range(25)))
    plain = Ranker(**settings).fit(graphs[:20], values[:20])
    assert (rest.predict(graphs) == plain.predict(graphs)).all()


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["a"] * 9, "groups must be one name or number per architecture: 10 architectures, 9 groups"),
        ("abcdefghij", "one name or number per architecture, got only 'abcdefghij'"),
        (3, "one name or number per architecture, got only 3"),
        (["a"] * 9 + [None], "groups must be names or whole numbers, got None at position 9"),
        ([0.5] * 10, "groups must be names or whole numbers, got 0.5 at position 0"),
        (range(10), "each of the groups holds a single value"),
    ],
)
def test_unusable_groups_are_refused_in_one_line(toy_data, groups, message):
    graphs, scores = toy_data
    with pytest.raises(UsageError, match=message):
        Ranker().fit(graphs[:10], scores[:10], groups=groups)


def test_labels_are_in_interquartile_ranges_of_their_group():
    scores = np.array([1.0, 2, 3, 4, 5, 100, 300, 200, 500, 400])
    groups = np.repeat([4, 9], 5)
    labels = Labels.of(scores, groups, None)
    np.testing.assert_allclose(labels.scores, [-1, -0.5, 0, 0.5, 1, -1, 0, -0.5, 1, 0.5])
    assert (labels.margin, labels.noise) == (0.02, 0.1)
    np.testing.assert_allclose(labels.ranks, np.array([1, 3, 5, 7, 9, 1, 5, 3, 9, 7]) / 10)
    assert Labels.of(scores, groups, 0.3).margin == 0.3
    mostly_equal = Labels.of(np.array([0.0, 0, 0, 0, 8, 1, 2]), np.array([0, 0, 0, 0, 0, 1, 1]), None)
    np.testing.assert_allclose(mostly_equal.scores, [0, 0, 0, 0, 1, -1, 1])


def test_tau_is_the_mean_inside_groups():
    groups = np.array([0, 0, 0, 1, 1, 1, 2, 3, 3])
    labels = Labels(np.array([1.0, 2, 3, 1, 2, 3, 1, 5, 5]), groups, 0.0, 0.1)
    assert labels.tau(np.array([11.0, 12, 13, 3, 2, 1, 0, 1, 2])) == pytest.approx(0.0)
    assert labels.tau(np.array([11.0, 12, 13, 1, 2, 3, 0, 1, 2])) == pytest.approx(1.0)
    assert np.isnan(labels.take(np.array([6, 7, 8])).tau(np.arange(3.0)))


def test_pairs_stay_inside_groups():
    groups = np.array([0, 1, 0, 1, 2, 0])
    pairs = set(zip(*(side.tolist() for side in pairs_within(groups, 100)), strict=True))
    assert pairs == {(0, 2), (0, 5), (2, 5), (1, 3)}
    many = np.repeat(np.arange(500), 2)
    assert len(pairs_within(many, 300)[0]) == 500
    np.testing.assert_allclose(centre(np.arange(6.0), groups), [-7 / 3, -1, -1 / 3, 1, 0, 8 / 3])


def test_shares_compare_inside_groups_only():
    rng = np.random.default_rng(0)
    scores, groups = rng.normal(size=400), np.repeat([0, 1], 200)
    # The first opinion is right inside groups and its offset is wrong between them; the second is noise.
    opinions = np.stack([scores + np.repeat([9.0, 0.0], 200), rng.normal(size=400)])
    usual = np.array([0.5, 0.5])
    shares = fit_shares(opinions, Labels(scores + np.repeat([0.0, 9.0], 200), groups, 0.0, 0.1), usual)
    assert shares[0] > 0.9
    alone = Labels(scores, np.arange(400), 0.0, 0.1)
    assert fit_shares(opinions, alone, usual).tolist() == [0.5, 0.5]

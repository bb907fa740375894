import itertools
import json
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from egraph import Architecture, ArchitectureError
from egraph.errors import UnknownNameError, UsageError
from egraph.ranker import AGGREGATORS, READOUTS, Ranker

GOLDEN = Path(__file__).parent / "golden_predictions.json"
SMALL = {"members": 2, "width": 16, "epochs": 10}


def test_unseen_architectures_are_ranked(fitted, toy_data):
    graphs, scores = toy_data
    assert fitted.score(graphs[80:], scores[80:]) > 0.7


def test_predictions_are_in_units_of_the_scores(fitted, toy_data):
    graphs, scores = toy_data
    assert abs(fitted.predict(graphs[80:]) - scores[80:]).mean() < scores.std()


@pytest.mark.parametrize("head", ["utility", "pairwise", "regression"])
def test_twenty_architectures_are_learnt_by_heart(head, toy_data, distinct):
    graphs, scores = distinct(*toy_data, 20)
    ranker = Ranker(head=head, tabular=None, members=1, epochs=100, dropout=0.0).fit(graphs, scores)
    assert ranker.score(graphs, scores) > 0.99


def test_shuffled_labels_teach_nothing(toy_data):
    graphs, scores = toy_data
    taus = []
    for seed in range(6):
        shuffled = np.random.default_rng(seed).permutation(scores[:80])
        taus.append(Ranker(seed=seed, **SMALL).fit(graphs[:80], shuffled).score(graphs[80:], scores[80:]))
    # What is learnt by chance is mostly "larger" or "smaller is better", so single values are far from zero.
    assert abs(np.mean(taus)) < 0.25


def test_isomorphic_architectures_get_one_score(fitted, toy_data, renumber):
    graphs, _ = toy_data
    other = [renumber(a, np.random.default_rng(1)) for a in graphs]
    assert np.array_equal(fitted.predict(graphs), fitted.predict(other))


@pytest.mark.parametrize(
    ("aggregator", "readout"), [*zip(itertools.cycle(AGGREGATORS), READOUTS, strict=False)]
)
def test_no_aggregator_or_read_out_sees_the_numbering(aggregator, readout, toy_data, renumber):
    graphs, scores = toy_data
    ranker = Ranker(layers=[aggregator] * 2, readout=[readout], tabular=None, members=1, width=8, epochs=1)
    ranker.fit(graphs[:10], scores[:10])
    other = [renumber(a, np.random.default_rng(2)) for a in graphs]
    np.testing.assert_allclose(ranker.predict(graphs), ranker.predict(other), atol=1e-6)


def test_comparing_gives_probabilities_that_swap(fitted, toy_data):
    a, b = toy_data[0][:50], toy_data[0][50:100]
    p, q = fitted.compare(a, b), fitted.compare(b, a)
    assert p.shape == (50, 3)
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-9)
    np.testing.assert_allclose(p, q[:, ::-1], atol=1e-6)


def test_sorting_by_score_agrees_with_the_pairwise_votes(fitted, toy_data):
    graphs = toy_data[0][60:100]
    pairs = list(itertools.combinations(range(len(graphs)), 2))
    p = fitted.compare([graphs[i] for i, _ in pairs], [graphs[j] for _, j in pairs])
    scores = fitted.predict(graphs)
    ahead = np.array([scores[i] - scores[j] for i, j in pairs])
    vote = p[:, 2] - p[:, 0]
    decided = (abs(vote) > 1e-6) & (abs(ahead) > 1e-9)
    agreement = (np.sign(vote) == np.sign(ahead))[decided].mean()
    # With one number an architecture the two are the same thing; votes of a pair network can go in circles.
    assert agreement > 0.93 if fitted.head == "pairwise" else agreement == 1


def test_an_architecture_is_about_as_good_as_itself(fitted, toy_data):
    p = fitted.compare(toy_data[0][:20], toy_data[0][:20])
    np.testing.assert_allclose(p[:, 0], p[:, 2], atol=1e-6)


def test_deviations_are_positive_and_sane(fitted, toy_data):
    graphs, scores = toy_data
    mean, deviation = fitted.predict(graphs[80:], return_std=True)
    assert np.array_equal(mean, fitted.predict(graphs[80:]))
    assert (deviation > 0).all()
    assert deviation.mean() < 3 * scores.std()


def test_fitting_again_gives_the_same_whatever_the_global_seed(toy_data):
    graphs, scores = toy_data
    first = Ranker(**SMALL).fit(graphs[:30], scores[:30]).predict(graphs)
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002
    state = torch.get_rng_state()
    assert np.array_equal(Ranker(**SMALL).fit(graphs[:30], scores[:30]).predict(graphs), first)
    assert torch.equal(torch.get_rng_state(), state)
    assert not np.array_equal(Ranker(seed=1, **SMALL).fit(graphs[:30], scores[:30]).predict(graphs), first)


def test_predictions_do_not_depend_on_the_number_of_threads(fitted, toy_data):
    expected, threads = fitted.predict(toy_data[0]), torch.get_num_threads()
    try:
        torch.set_num_threads(2 if threads == 1 else 1)
        np.testing.assert_allclose(fitted.predict(toy_data[0]), expected, atol=1e-6)
    finally:
        torch.set_num_threads(threads)


def test_a_batch_is_scored_as_its_parts(fitted, toy_data, monkeypatch):
    graphs = toy_data[0]
    whole = fitted.predict(graphs)
    monkeypatch.setattr("egraph.encoding.series.CHUNK", 7)
    np.testing.assert_allclose(fitted.predict(a for a in graphs), whole, atol=1e-5)
    np.testing.assert_allclose(fitted.predict(fitted.encode(graphs)), whole, atol=1e-5)


def test_called_it_is_a_fitness(fitted, toy_data):
    graphs = toy_data[0][:5]
    assert np.array_equal(fitted(tuple(graphs)), fitted.predict(graphs))


def test_nothing_gets_no_scores(fitted):
    assert fitted.predict([]).shape == (0,)
    assert fitted.compare([], []).shape == (0, 3)
    mean, deviation = fitted.predict([], return_std=True)
    assert mean.shape == deviation.shape == (0,)
    assert fitted.features([]).shape[0] == 0


def test_features_are_standardised(fitted, toy_data):
    found = fitted.features(toy_data[0][:80])
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=0.05)  # what is very rare is clipped
    assert found.shape[1] == fitted.features([]).shape[1] > 30


@pytest.mark.filterwarnings("ignore::egraph.errors.OutOfDistributionWarning")
@pytest.mark.parametrize("count", [5, 6, 7, 16])
@pytest.mark.parametrize("head", ["utility", "pairwise", "regression"])
def test_few_architectures_are_enough_to_fit(head, count, toy_data, distinct):
    graphs, scores = distinct(*toy_data, count)
    ranker = Ranker(head=head, **SMALL).fit(graphs, scores)
    mean, deviation = ranker.predict(toy_data[0], return_std=True)
    assert np.isfinite(mean).all()
    assert np.isfinite(deviation).all()


def test_outliers_and_ties_are_fine(toy_data):
    graphs = toy_data[0][:12]
    ranker = Ranker(**SMALL).fit(graphs, [-1e6, *[0.5] * 10, 1e6])
    assert ranker.eps_ == 0
    assert np.isfinite(ranker.predict(toy_data[0])).all()


def test_scores_of_a_large_offset_are_told_apart(toy_data):
    graphs, scores = toy_data
    near = Ranker(**SMALL).fit(graphs[:30], scores[:30])
    far = Ranker(**SMALL).fit(graphs[:30], scores[:30] + 2.0**30)
    assert kendalltau(near.predict(graphs), far.predict(graphs)).statistic > 0.9


def test_progress_is_told(toy_data):
    seen = []
    Ranker(**SMALL).fit(
        toy_data[0][:40], toy_data[1][:40], progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(done, len(seen)) for done in range(1, len(seen) + 1)]


def test_scikit_learn_conventions(toy_data):
    graphs, scores = toy_data
    ranker = Ranker(seed=3, **SMALL)
    copy = clone(ranker)
    assert copy is not ranker
    assert copy.get_params() == ranker.get_params()
    assert clone(ranker).set_params(width=8).width == 8
    assert ranker.fit(graphs[:20], scores[:20]) is ranker
    pipeline = make_pipeline(FunctionTransformer(), Ranker(**SMALL)).fit(graphs[:20], scores[:20])
    assert pipeline.predict(graphs).shape == (160,)
    assert cross_val_score(Ranker(**SMALL), graphs[:30], scores[:30], cv=3).shape == (3,)


def golden_predictions(graphs, scores):
    return Ranker(members=2, width=12, epochs=5, seed=7).fit(graphs[:24], scores[:24]).predict(graphs[24:36])


def test_golden_predictions(toy_data):
    found, expected = golden_predictions(*toy_data), json.loads(GOLDEN.read_text())
    hint = "if the change is meant, run `python tests/ranker/test_ranker.py`"
    np.testing.assert_allclose(found, expected, atol=1e-4, err_msg=hint)


@pytest.mark.parametrize(
    ("scores", "text"),
    [
        ([1.0, 2.0], r"3 architectures, scores of shape \(2,\)"),
        ([1.0, float("nan"), 2.0], "scores must be finite, got nan at position 1; leave failed trials out"),
        ([1.0, 2.0, float("inf")], "scores must be finite, got inf at position 2"),
        ([1.0, 1.0, 1.0], "expected at least 3 distinct scores, got 1 of 3 architectures"),
        (["a", "b", "c"], "scores must be numbers"),
    ],
)
def test_bad_scores_are_refused(scores, text, toy_data):
    with pytest.raises(UsageError, match=text):
        Ranker(**SMALL).fit(toy_data[0][:3], scores)


@pytest.mark.parametrize(
    ("parameters", "error", "text"),
    [
        ({"head": "best"}, UnknownNameError, "unknown head 'best'; known: pairwise, regression, utility"),
        ({"layers": ["sum", "sums"]}, UnknownNameError, "unknown aggregator 'sums'.*Did you mean 'sum'"),
        ({"layers": []}, UsageError, "layers must name the aggregator of at least one layer"),
        ({"readout": ["middle"]}, UnknownNameError, "unknown read-out 'middle'"),
        ({"layers": 3}, UsageError, "layers must be a list or a tuple, got 3"),
        ({"layers": [3]}, UsageError, "a layer must be a list or a tuple, got 3"),
        ({"readout": "mean"}, UsageError, "readout must be a list or a tuple, got 'mean'"),
        ({"reads": [1.5]}, UsageError, r"the read-out reads layers by their numbers, got \(1.5,\)"),
        ({"reads": 1}, UsageError, "reads must be a list or a tuple, got 1"),
        ({"width": 10**30}, UsageError, "width must be at most 1048576, got 1000"),
        ({"learning_rate": -1}, UsageError, "learning_rate must be a number above 0, got -1"),
        ({"weight_decay": float("nan")}, UsageError, "weight_decay must be a number of at least 0, got nan"),
        ({"readout": []}, UsageError, "readout must name at least one read-out"),
        ({"tabular": "oracle"}, UnknownNameError, "unknown tabular models 'oracle'; known: gaussian-process"),
        ({"members": 0}, UsageError, "members and width must be at least 1, got 0 and 48"),
        ({"dropout": 1.0}, UsageError, r"dropout must be in \[0, 1\), got 1.0"),
        ({"epochs": 0}, UsageError, "epochs must be at least 1 and batch_size at least 2, got 0"),
        ({"eps": -1.0}, UsageError, "eps must be a finite number of at least 0, got -1.0"),
    ],
)
def test_bad_parameters_are_refused(parameters, error, text, toy_data):
    with pytest.raises(error, match=text):
        Ranker(**parameters).fit(toy_data[0][:5], toy_data[1][:5])


@pytest.mark.parametrize("verb", ["predict", "features", "encode", "__call__"])
def test_an_unfitted_ranker_says_so(verb, toy_data):
    with pytest.raises(UsageError, match="this Ranker is not fitted yet"):
        getattr(Ranker(), verb)(toy_data[0])


def test_pairs_must_pair(fitted, toy_data):
    with pytest.raises(UsageError, match="compare takes pairs, got 2 and 3 architectures"):
        fitted.compare(toy_data[0][:2], toy_data[0][:3])


def test_what_is_no_architecture_is_refused(fitted, toy_data):
    with pytest.raises(UsageError, match="expected architectures, got str at position 1"):
        fitted.predict([toy_data[0][0], "conv"])
    with pytest.raises(UsageError, match="got a single one"):
        fitted.predict(toy_data[0][0])
    with pytest.raises(ArchitectureError, match="unknown operation 'warp'"):
        fitted.predict([Architecture(["input", "warp", "output"], [(0, 1), (1, 2)])])


if __name__ == "__main__":
    toy_data = runpy.run_path(str(Path(__file__).parents[1] / "conftest.py"))["make_toy_data"]()
    GOLDEN.write_text(json.dumps(golden_predictions(*toy_data).round(6).tolist()) + "\n")


def test_too_few_networks_or_scores_are_refused_with_their_number(toy_data):
    graphs, _ = toy_data
    draw = [(0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 5)], [(0, 2), (0, 1), (2, 4), (1, 3), (4, 5), (3, 5)]
    ops = ["input", "t-conv3", "t-pool", "t-pool", "t-conv3", "output"]
    swapped = ["input", "t-pool", "t-conv3", "t-conv3", "t-pool", "output"]
    same = [Architecture(ops, draw[0]), Architecture(swapped, draw[0])]
    rng = np.random.default_rng(0)
    with pytest.raises(
        UsageError, match="at least 5 distinct networks, got 1 in 24 architectures; measure more"
    ):
        Ranker(**SMALL).fit(same * 12, rng.random(24))
    different = list(dict.fromkeys(graphs))[:3]
    with pytest.raises(UsageError, match=r"at least 5 distinct networks, got [23] in 24 architectures"):
        Ranker(**SMALL).fit(different * 8, rng.random(24))
    with pytest.raises(
        UsageError, match="at least 3 distinct scores, got 2 of 24 architectures; that is too"
    ):
        Ranker(**SMALL).fit(graphs[:24], [0, 1] * 12)

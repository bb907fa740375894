import json
import math

import numpy as np
import pytest
from contestants import Broken, Chance, Linear
from scipy import stats
from sklearn.ensemble import RandomForestRegressor

from egraph import datasets
from egraph.bench import PROTOCOLS, Cell, measure
from egraph.bench._cells import read_settings
from egraph.bench._measuring import identify
from egraph.errors import FailedError
from egraph.ranker import Ranker


def prepared(benchmark, protocol="key", metric="accuracy"):
    return PROTOCOLS[protocol].prepare(datasets.load(benchmark.rpartition(":")[0]), metric)


def cell(**values):
    return Cell(**{"predictor": "p", "benchmark": "b", "metric": "accuracy", "protocol": "key", "samples": 40,
                   "seed": 2, "k": 5} | values)  # fmt: skip


def test_a_cell_measures_what_the_predictor_says_of_the_test_side(benchmark):
    table = prepared(benchmark)
    row = measure(cell(), Linear, table)
    train, test = table.split(40, seed=2)
    scores = Linear().fit(train.architectures, train["accuracy"]).predict(test.architectures)
    truth = test["accuracy"]
    assert row["tau"] == pytest.approx(stats.kendalltau(truth, scores).statistic)
    half = np.argsort(-truth)[: round(len(truth) / 2)]
    fifth = np.argsort(-truth)[: round(len(truth) / 5)]
    assert row["tau_top50"] == pytest.approx(stats.kendalltau(truth[half], scores[half]).statistic)
    assert row["tau_top20"] == pytest.approx(stats.kendalltau(truth[fifth], scores[fifth]).statistic)
    assert 0 <= row["precision"] <= 1
    assert 0 <= row["regret"] < np.ptp(truth)
    assert (row["train"], row["test"]) == (40, len(table) - 40)
    assert row["fit_seconds"] > 0
    assert row["architectures_per_second"] > 0
    assert "tau_apart" not in row
    assert json.loads(json.dumps(row)) == row


def test_the_seed_goes_to_the_predictor_too(benchmark):
    table = prepared(benchmark)
    _, test = table.split(40, seed=2)
    expected = stats.kendalltau(test["accuracy"], Chance(2).predict(test.architectures)).statistic
    assert measure(cell(), Chance, table)["tau"] == pytest.approx(expected)


def test_where_lower_is_better_low_is_ranked_first(benchmark):
    table = prepared(benchmark, metric="seconds")
    assert measure(cell(metric="seconds"), Linear, table)["tau"] > 0.7


def test_shuffled_labels_bring_tau_to_0_within_noise(benchmark):
    """The leak test: a predictor that still ranked would know the test side."""
    table = prepared(benchmark)
    real = [measure(cell(seed=s, samples=150), Linear, table)["tau"] for s in range(12)]
    rows = [measure(cell(seed=s, samples=150, shuffled=True), Linear, table) for s in range(12)]
    shuffled = [row["tau"] for row in rows]
    assert min(real) > 0.7
    # Three features fit whatever order the labels have, so single taus are far from 0: their mean is not.
    assert abs(np.mean(shuffled)) < 3 * np.std(shuffled, ddof=1) / math.sqrt(12)
    assert all(row["shuffled"] for row in rows)


def test_a_protocol_with_a_margin_leaves_out_close_pairs(benchmark, monkeypatch):
    monkeypatch.setattr("egraph.bench._protocols.THESIS_TEST", 200)
    table = prepared(benchmark, "thesis")
    row = measure(cell(protocol="thesis"), Linear, table)
    split = PROTOCOLS["thesis"].split(table, "accuracy", 40, 2)
    truth, labels = split.test["accuracy"], split.train["accuracy"]
    scores = Linear().fit(split.train.architectures, labels).predict(split.test.architectures)
    i, j = np.triu_indices(200, 1)
    dy, ds = truth[i] - truth[j], scores[i] - scores[j]
    apart = np.abs(dy) >= 0.3
    signs = np.sign(dy * ds)[apart]
    assert row["tau_apart"] == pytest.approx(signs.sum() / math.sqrt(len(signs) * np.count_nonzero(signs)))
    assert row["tau_apart"] > row["tau"]
    assert row["tau_apart_top50"] > row["tau_top50"]
    # As many test pairs are called equal as there are among the labels.
    i, j = np.triu_indices(40, 1)
    share = np.mean(np.abs(labels[i] - labels[j]) < 0.3)
    margin = np.quantile(np.abs(ds), share)
    called = np.where(np.abs(ds) < margin, 0, np.sign(ds))
    assert row["three_way"] == pytest.approx(np.mean(called == np.where(apart, np.sign(dy), 0)))
    assert row["three_way"] > 0.7


def test_what_is_undefined_is_none(benchmark):
    class Constant(Chance):
        def predict(self, architectures):
            return np.zeros(len(architectures))

    table = prepared(benchmark)
    row = measure(cell(), Constant, table)
    assert row["tau"] is None
    # The five chosen are then any five of the n, each set as likely: with the scores in increasing order, the
    # one at place i is the best of binomial(i, 4) of the binomial(n, 5) sets.
    truth = np.sort(table.split(40, seed=2)[1]["accuracy"])
    n = len(truth)
    assert row["precision"] == pytest.approx(5 / n)
    best = sum(value * math.comb(i, 4) for i, value in enumerate(truth)) / math.comb(n, 5)
    assert row["regret"] == pytest.approx(truth[-1] - best)


def test_scores_that_are_not_finite_are_refused(benchmark):
    with pytest.raises(
        FailedError, match=r"one finite score for each of \d+ architectures, got shape .* not"
    ):
        measure(cell(), lambda seed: Broken(seed, "nan"), prepared(benchmark))


def test_a_cell_and_the_row_of_its_result_are_known_by_the_same_text(benchmark):
    one = cell(settings={"ridge": 0.01, "layers": ["mean"]})
    row = json.loads(json.dumps(measure(one, Linear, prepared(benchmark))))
    assert identify(row, Cell) == identify(one, Cell)
    for change in ({"seed": 3}, {"k": 6}, {"shuffled": True}, {"settings": {"ridge": 1}}, {"samples": 41}):
        assert identify(cell(**{"settings": dict(one.settings)} | change), Cell) != identify(one, Cell)


def test_settings_are_the_parameters_but_the_seed():
    assert read_settings(Linear(5)) == {"ridge": 0.01, "seconds": 0.0}
    assert read_settings(object()) == {}
    assert "columns" not in read_settings(Ranker()), "as in results from before there were any"
    assert read_settings(Ranker(columns=len))["columns"] == "len"
    assert read_settings(Ranker(tabular=None))["companion"] is None, "the name that results on disk have"
    assert read_settings(Ranker(columns=cell))["columns"] == "cell", "another function, another result"
    nested = read_settings(Linear(ridge=[cell(seed=1)]))
    assert nested["ridge"][0]["type"] == "Cell"
    assert nested != read_settings(Linear(ridge=[cell(seed=3)]))
    forest = RandomForestRegressor(random_state=np.random.RandomState(0), n_estimators=7)
    assert read_settings(forest)["n_estimators"] == 7
    assert read_settings(forest)["random_state"] == "RandomState"

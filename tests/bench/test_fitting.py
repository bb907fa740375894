"""A ranker fitted on a table: what the result says, and what is refused."""

import math

import numpy as np
import pytest

from egraph import Ranker, bench, datasets, load, metrics, spaces
from egraph.errors import UnknownNameError, UsageError

QUICK = {"members": 1, "tabular": None, "folds": 0, "epochs": 2}


@pytest.fixture(scope="module")
def table():
    """Thirty networks of nasbench_macro; the more wide operations, the better."""
    space, rng = spaces.get("nasbench_macro"), np.random.default_rng(0)
    unique = {}
    while len(unique) < 30:
        drawn = space.sample(rng)
        unique.setdefault(space.key(drawn), drawn)
    quality = [sum(op.startswith("mbconv5x5") for op in a.ops) for a in unique.values()]
    columns = {"accuracy": quality + rng.normal(0, 0.1, 30)}
    return datasets.Table(space, list(unique.values()), columns, {"accuracy": datasets.Metric("percent")})


@pytest.fixture(scope="module")
def fit(table):
    return bench.fit_on_table(table, "accuracy", 20, ranker=Ranker(**QUICK))


def test_scores_are_those_of_the_other_networks(table, fit):
    train, rest = table.split(20, 0)
    assert fit.train.keys == train.keys
    predicted = fit.ranker.predict(rest.architectures)
    tau = fit.scores.measures["kendall tau-b"]
    assert tau.value == metrics.kendall_tau(rest["accuracy"], predicted)
    assert tau.low <= tau.value <= tau.high
    assert (fit.scores.rows, fit.scores.excluded) == (10, 20)


def test_stages_are_reported_in_order(table):
    seen = []
    bench.fit_on_table(
        table, "accuracy", 20, ranker=Ranker(**QUICK), progress=lambda *stage: seen.append(stage)
    )
    assert seen[0] == ("fit", 0, 0)
    assert seen[-1] == ("measure", 0, 10)
    assert {stage for stage, _, _ in seen[:-1]} == {"fit"}


def test_a_saved_ranker_carries_its_card_and_is_scored_on_unseen_networks(table, fit, tmp_path):
    assert bench.score_on_table(fit.ranker, table, "accuracy").excluded == 0
    card = fit.card(command="egraph train")
    files = bench.save_with_card(fit.ranker, tmp_path / "r.egraph", card)
    assert files == [str(tmp_path / "r.egraph"), str(tmp_path / "r.egraph.md")]
    assert "| networks learned from | 20 |" in (tmp_path / "r.egraph.md").read_text()
    again = bench.score_on_table(load(tmp_path / "r.egraph"), table, "accuracy")
    assert again == fit.scores
    assert again.to_dict() == card["scores"]


def test_two_sources_are_measured_on_networks_of_neither(table):
    renamed = datasets.Table(
        table.space, table.architectures, {"error": -table["accuracy"]},
        {"error": datasets.Metric(higher_is_better=False)}, name="other",
    )  # fmt: skip
    few = renamed.take(np.arange(6))
    fit = bench.fit_on_tables([(table, "accuracy"), (few, "error")], 20, ranker=Ranker(**QUICK))
    first, second = fit.sources
    assert (len(first.train), len(second.train)) == (20, 4)
    learned = {*first.train.keys, *second.train.keys}
    assert first.scores.rows == len(set(table.keys) - learned)
    unseen = [a for a, key in zip(table.architectures, table.keys, strict=True) if key not in learned]
    values = [s for s, key in zip(table["accuracy"], table.keys, strict=True) if key not in learned]
    measured = first.scores.measures["kendall tau-b"].value
    assert measured == pytest.approx(metrics.kendall_tau(values, fit.ranker.predict(unseen)))
    assert fit.coverage.keys() == fit.ranker.coverage_.keys()
    fit.ranker.card_ = fit.card()
    assert bench.score_on_table(fit.ranker, table, "accuracy").excluded == len(learned)


def test_sources_that_cannot_be_fitted_are_refused(table):
    with pytest.raises(UsageError, match="expected at least two sources, got 1"):
        bench.fit_on_tables([(table, "accuracy")])
    with pytest.raises(UsageError, match=r"the source .*:accuracy is given twice; leave one out, or rename"):
        bench.fit_on_tables([(table, "accuracy"), (table, "accuracy")])
    one = datasets.Table(table.space, table.architectures[:1], {"a": [1.0]}, {"a": datasets.Metric()})
    with pytest.raises(UsageError, match="has 1 networks, expected at least two"):
        bench.fit_on_tables([(table, "accuracy"), (one, "a")])


def test_an_undefined_measure_is_none_in_json():
    scores = bench.TableScores(2, 0, {"tau": bench.Estimate(math.nan, 0.0, 1.0)})
    assert scores.to_dict() == {"rows": 2, "tau": {"value": None, "low": 0.0, "high": 1.0}}


def test_what_cannot_be_fitted_is_refused(table):
    with pytest.raises(
        UsageError, match="samples must leave networks to measure on: 'table' has 30 distinct ones, got 30"
    ):
        bench.fit_on_table(table, "accuracy", 30)
    with pytest.raises(UnknownNameError, match="unknown metric 'latency' in table 'table'"):
        bench.fit_on_table(table, "latency", 20)
    broken = datasets.Table(
        table.space, table.architectures, {"accuracy": np.full(30, np.nan)}, table.metrics
    )
    with pytest.raises(
        UsageError, match=r"metric 'accuracy' of table .* is measured in none of 30 rows; choose"
    ):
        bench.fit_on_table(broken, "accuracy", 20)
    with pytest.raises(UsageError, match="is measured in none of 30 rows"):
        bench.score_on_table(Ranker(), broken, "accuracy")


def test_failed_measurements_are_left_out(table):
    values = table["accuracy"]
    values[[2, 5]] = np.nan
    broken = datasets.Table(table.space, table.architectures, {"accuracy": values}, table.metrics)
    fit = bench.fit_on_table(broken, "accuracy", 20, ranker=Ranker(**QUICK))
    assert (len(fit.train), fit.scores.rows) == (20, 8)
    values[7] = np.inf
    broken = datasets.Table(table.space, table.architectures, {"accuracy": values}, table.metrics)
    with pytest.raises(UsageError, match="is infinite in 1 of 30 rows, first in row 8; choose another"):
        bench.fit_on_table(broken, "accuracy", 20)


def test_a_table_that_was_learned_from_leaves_nothing_to_measure(table, fit):
    model = Ranker(**QUICK)
    model.card_ = fit.card()
    with pytest.raises(UsageError, match=r"0 of \d+ networks of 'table' are left"):
        bench.score_on_table(model, fit.train, "accuracy")

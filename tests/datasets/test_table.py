import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egraph import Architecture
from egraph.datasets import Metric, Table, find_runs
from egraph.errors import DataError, UnknownNameError, UsageError

ACCURACY = Metric("percent", "test", 200, 3)
SECONDS = Metric("seconds", higher_is_better=False)


@pytest.fixture
def table(chains):
    """Five rows of three networks: aba twice, b twice, ab."""
    return Table(
        chains,
        ["aba", "b", "a.ba", ".b", "ab"],
        {
            "accuracy": [1.0, 4.0, 3.0, math.nan, 5.0],
            "seconds": np.array([7, 6, 5, 4, 3]),
            "label": ["p", "q", "r", "s", "t"],
        },
        {"accuracy": ACCURACY, "seconds": SECONDS},
        name="five",
    )


def test_architectures_are_read_when_needed_and_only_once(chains):
    calls = []

    def read(row):
        calls.append(row)
        return chains.parse(row)

    table = Table(chains, ["a", "b"], {}, {}, read=read)
    assert len(table) == 2
    assert not calls
    assert table.architectures == [chains.parse("a"), chains.parse("b")]
    assert table.take([1]).architectures == [chains.parse("b")]
    assert calls == ["a", "b"]


def test_architectures_may_come_as_such(chains):
    architectures = [chains.parse("a"), chains.parse("b.")]
    assert Table(chains, architectures, {}, {}).keys == ["a", "b"]


def test_a_metric_is_read_as_floats_that_the_caller_may_change(table):
    values = table["seconds"]
    assert values.dtype == np.float64
    values[:] = 0
    assert table["seconds"].tolist() == [7, 6, 5, 4, 3]


def test_scores_are_higher_where_it_is_better(table):
    assert table.scores("seconds").tolist() == [-7, -6, -5, -4, -3]
    np.testing.assert_array_equal(table.scores("accuracy"), [1, 4, 3, math.nan, 5])


def test_other_columns_are_kept_beside_the_metrics(table):
    assert table.columns["label"].tolist() == ["p", "q", "r", "s", "t"]
    with pytest.raises(
        UsageError, match="column 'label' of table 'five' is not a metric; known: accuracy, seconds"
    ):
        table["label"]


def test_an_unknown_metric_is_refused_with_the_near_one(table):
    expected = "unknown metric 'acuracy' in table 'five'; known: accuracy, seconds. Did you mean 'accuracy'?"
    with pytest.raises(UnknownNameError, match=f"^{re.escape(expected)}$"):
        table["acuracy"]


def test_distinct_keeps_the_first_row_of_a_key_and_averages_what_was_measured(table, chains):
    distinct = table.distinct()
    assert distinct.keys == ["aba", "b", "ab"]
    assert [chains.format(a) for a in distinct.architectures] == ["aba", "b", "ab"]
    assert distinct["accuracy"].tolist() == [2, 4, 5]  # (1 + 3) / 2; the NaN beside 4 is left out
    assert distinct["seconds"].tolist() == [6, 5, 3]
    assert distinct.columns["label"].tolist() == ["p", "q", "t"]
    assert table["accuracy"][0] == 1  # the table itself is as it was


def test_a_metric_measured_on_no_copy_stays_missing(chains):
    table = Table(chains, ["a", "a.", "b"], {"m": [math.nan, math.nan, 1]}, {"m": Metric()})
    np.testing.assert_array_equal(table.distinct()["m"], [math.nan, 1])


def test_the_average_of_equal_values_is_that_value(chains):
    copies = 10  # the sum of ten times 0.1 is less than 1
    table = Table(chains, ["a"] * copies, {"m": [0.1] * copies}, {"m": Metric()})
    assert table.distinct()["m"][0] == 0.1


LETTERS = st.lists(st.text("ab.", min_size=1, max_size=3), min_size=2, max_size=20)


@given(LETTERS, st.data())
def test_a_split_puts_no_key_on_both_sides_and_loses_no_row(chains, texts, data):
    table = Table(chains, texts, {"row": np.arange(len(texts))}, {"row": Metric()})
    keys = set(table.keys)
    if len(keys) < 2:
        return
    n = data.draw(st.integers(1, len(keys) - 1))
    seed = data.draw(st.integers(0, 3))
    train, test = table.split(n, seed=seed)
    assert len(set(train.keys)) == n
    assert not set(train.keys) & set(test.keys)
    assert sorted([*train["row"], *test["row"]]) == list(range(len(texts)))
    assert [chains.key(a) for a in train.architectures] == train.keys
    again, _ = table.split(n, seed=seed)
    assert again["row"].tolist() == train["row"].tolist()
    smaller, _ = table.split(max(1, n - 1), seed=seed)
    assert set(smaller.keys) <= set(train.keys)


def test_the_split_depends_on_the_seed(chains):
    table = Table(chains, [f"{i:06b}".replace("0", "a").replace("1", "b") for i in range(64)], {}, {})
    splits = [tuple(table.split(32, seed=seed)[0].keys) for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]


@pytest.mark.parametrize("n", [0, 3, -1, 1.5, True, None])
def test_a_split_that_leaves_a_side_empty_is_refused(table, n):
    with pytest.raises(
        UsageError, match=rf"n must be a whole number from 1 to 2, got {n}: table 'five' has 3 distinct keys"
    ):
        table.split(n)


def test_take_gives_the_rows_asked_for_in_their_order(table):
    taken = table.take([4, 0, 0])
    assert taken["seconds"].tolist() == [3, 7, 7]
    assert taken.keys == ["ab", "aba", "aba"]
    assert taken.metrics == table.metrics
    assert len(table.take([])) == 0
    assert len(table.take(np.arange(0))) == 0


@pytest.mark.parametrize("indices", [[5], [-1], [0.0], [True], [[0]], 0, ["a"]])
def test_take_refuses_what_is_no_row_number(table, indices):
    with pytest.raises(UsageError, match="indices must be row numbers from 0 to 4, got"):
        table.take(indices)


def test_the_keys_of_taken_rows_are_not_computed_again(table, chains, monkeypatch):
    table.keys  # noqa: B018
    monkeypatch.setattr(type(chains), "key", None)
    train, _ = table.distinct().split(2)
    assert len(train.keys) == 2


def test_to_frame_has_the_notation_and_all_columns(table):
    frame = table.to_frame()
    assert list(frame.columns) == ["architecture", "accuracy", "seconds", "label"]
    assert frame["architecture"].tolist() == ["aba", "b", "a.ba", ".b", "ab"]
    assert frame["accuracy"].isna().sum() == 1


def test_a_row_that_cannot_be_read_is_named(chains):
    with pytest.raises(
        DataError, match=r"row 2 of table .table.: a chain is written with a, b and \., got .c."
    ):
        _ = Table(chains, ["a", "c"], {}, {}).architectures
    with pytest.raises(DataError, match=r"row 1 of table 'table': an architecture must be .* a text, got 7"):
        _ = Table(chains, [7], {}, {}).architectures


def test_a_row_of_another_space_is_named(chains):
    foreign = Architecture(["input", "c", "output"], [(0, 1), (1, 2)])
    with pytest.raises(DataError, match="row 2 of table 'table': no chain of a, b and"):
        _ = Table(chains, [chains.parse("a"), foreign], {}, {}).keys


@pytest.mark.parametrize(
    ("columns", "metrics", "match"),
    [
        ({"m": [1.0]}, {}, r"column 'm' must have one value for each of 2 rows, got shape \(1,\)"),
        ({"m": [[1.0], [2.0]]}, {}, r"got shape \(2, 1\)"),
        ({}, {"m": Metric()}, "the metric 'm' of table 'table' has no column"),
        ({"m": ["x", "y"]}, {"m": Metric()}, "the metric 'm' of table 'table' must hold numbers, got"),
        ({"m": [True, False]}, {"m": Metric()}, "must hold numbers"),
        ({"architecture": [1, 2]}, {}, "a column cannot be called 'architecture'"),
    ],
)
def test_columns_that_do_not_fit_are_refused(chains, columns, metrics, match):
    with pytest.raises(UsageError, match=match):
        Table(chains, ["a", "b"], columns, metrics)


def test_an_unknown_space_is_refused():
    with pytest.raises(UnknownNameError, match="unknown search space 'nowhere'; known:"):
        Table("nowhere", [], {}, {})


def test_the_repr_says_what_it_is(table):
    assert repr(table) == "<table five: 5 rows of test-chains, 2 metrics>"


def test_the_default_metric_is_the_only_one_or_the_only_validation_metric_to_maximise():
    def table(**metrics):
        return Table("nasbench201", [], {name: [] for name in (*metrics, "note")}, metrics, name="some")

    val, test, cost = Metric(split="validation"), Metric(split="test"), Metric(higher_is_better=False)
    assert table(latency=cost).choose_metric() == "latency"
    both = table(seconds=cost, test=test, early=val)
    assert (both.choose_metric(), both.default_metric("test")) == ("early", "test")
    assert both.choose_metric("seconds") == "seconds"
    with pytest.raises(UnknownNameError, match="earlie"):
        both.choose_metric("earlie")
    for ambiguous, known in (
        (table(a=val, b=val), "a, b"),
        (table(a=Metric(), b=cost), "a, b"),
        (table(), "none"),
    ):
        with pytest.raises(UsageError, match=f"table 'some' has several metrics; say which: {known}$"):
            ambiguous.choose_metric(how="say which")


def test_single_runs_beside_their_mean_are_no_default_metric(chains):
    names = ["score", "score_0", "score_1", "score_3"]
    assert find_runs(names) == {"score": ["score_0", "score_1"]}
    metrics = {name: Metric(split="validation") for name in names[:3]}
    columns = {name: [0.5] for name in metrics}
    assert Table(chains, ["a"], columns, metrics).default_metric() == "score"
    del metrics["score"]
    assert Table(chains, ["a"], columns, metrics).default_metric() is None

"""Tau between accuracies after different numbers of epochs."""

import itertools

import numpy as np
import pytest
from scipy.stats import kendalltau

from egraph import datasets, spaces
from egraph.bench.studies import epochs
from egraph.errors import UnknownNameError, UsageError

RNG = np.random.default_rng(0)
SPACE = spaces.get("nasbench201")


@pytest.fixture(scope="module")
def columns():
    quality = RNG.uniform(0.4, 0.6, size=40)
    return {f"val_{epochs}": quality + RNG.normal(0, 0.1 / epochs, size=40) for epochs in (1, 4, 16)}


def save(path, columns, unit="fraction", **others):
    architectures = list(itertools.islice(SPACE, 40))
    metrics = {name: datasets.Metric(unit, "validation", int(name.rpartition("_")[2])) for name in columns}
    other = dict.fromkeys(others, columns["val_1"])
    datasets.Table(SPACE, architectures, columns | other, metrics | others, name="small").save(path)
    return str(path)


@pytest.fixture(scope="module")
def table(tmp_path_factory, columns):
    return save(tmp_path_factory.mktemp("epochs") / "small.parquet", columns)


def test_all_pairs_of_budgets_are_measured_plain_and_rounded(table, columns):
    rows, failures = epochs.run(epochs.plan(table, resamples=20))
    assert failures == []
    pairs = [(row["first"], row["second"], row["rounded"]) for row in rows]
    names = list(itertools.combinations(("val_1", "val_4", "val_16"), 2))
    assert pairs == [(*pair, rounded) for rounded in (False, True) for pair in names]
    for row in rows:
        one, two = (100 * columns[row[each]] for each in ("first", "second"))
        if row["rounded"]:
            one, two = np.array([round(each) for each in one]), np.array([round(each) for each in two])
        assert row["tau"] == pytest.approx(kendalltau(one, two).statistic)
        assert row["low"] < row["tau"] < row["high"]
        assert (row["networks"], len(row["resampled"])) == (40, 20)
        assert [sum(each) for each in row["counts"]] == [40, 40]
    assert rows[1]["epochs"] == [1, 16]


def test_networks_that_lack_a_measurement_are_left_out(tmp_path, columns):
    gaps = {name: values.copy() for name, values in columns.items()}
    gaps["val_4"][:5] = np.nan
    rows, _ = epochs.run(epochs.plan(save(tmp_path / "gaps.parquet", gaps), resamples=2))
    assert [row["networks"] for row in rows[:3]] == [35, 40, 35]


def test_results_are_kept(table, tmp_path):
    cells = epochs.plan(table, resamples=5)
    first, _ = epochs.run(cells[:2], out=tmp_path / "e.jsonl")
    again, _ = epochs.run(cells, out=tmp_path / "e.jsonl")
    assert again[:2] == first
    assert len((tmp_path / "e.jsonl").read_text().splitlines()) == len(cells)


def test_tables_and_picture(table, tmp_path):
    rows, _ = epochs.run(epochs.plan(table, resamples=5))
    text = epochs.to_markdown(rows)
    assert text.count("tau between accuracies after different epochs") == 2
    assert f"| {rows[0]['tau']:.3f} ± {rows[0]['error']:.3f} |" in text
    assert "thesis" not in text
    assert "*thesis, 36*" in epochs.to_markdown([row | {"table": "nasbench101"} for row in rows])
    epochs.plot(rows, tmp_path / "e.svg")
    assert "16 epochs" in (tmp_path / "e.svg").read_text() or (tmp_path / "e.svg").stat().st_size > 10_000
    epochs.plot(rows[:3], tmp_path / "plain.png")
    with pytest.raises(UsageError, match="there are no results to draw"):
        epochs.plot([], tmp_path / "none.svg")


def test_budgets_are_found_or_named(tmp_path, columns, table):
    own = datasets.Metric("fraction", "validation", 16)
    other = {"other_4": datasets.Metric("fraction", "validation", 4), "other_16": own}
    path = save(tmp_path / "two.parquet", columns, **other)
    with pytest.raises(UsageError, match=r"groups of them: val_1, val_4, val_16; other_4, other_16"):
        epochs.plan(path)
    assert len(epochs.plan(path, ["other_16", "other_4"])) == 2
    assert epochs.plan(path, ["other_16", "other_4"])[0].first == "other_4"
    with pytest.raises(UnknownNameError, match="val_2"):
        epochs.plan(path, ["val_2", "val_4"])


def test_what_has_no_epochs_or_per_cents_is_refused(tmp_path, columns):
    path = save(tmp_path / "x.parquet", columns, seconds=datasets.Metric("seconds", "validation", 4))
    with pytest.raises(
        UsageError, match=r"'seconds' of .* is no accuracy .*: its unit is 'seconds', its epochs"
    ):
        epochs.plan(path, ["seconds", "val_4"])
    with pytest.raises(UsageError, match="resamples must be a whole number of at least 2"):
        epochs.plan(path, resamples=1)


def test_a_constant_metric_is_a_failure(tmp_path, columns):
    flat = columns | {"val_4": np.full(40, 0.5)}
    _, failures = epochs.run(epochs.plan(save(tmp_path / "flat.parquet", flat), resamples=2))
    assert {failure.cell.first for failure in failures} == {"val_1", "val_4"}
    assert "val_1 or val_4 of" in failures[0].reason
    assert "is constant; it has no tau" in failures[0].reason

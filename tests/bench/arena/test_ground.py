import numpy as np
import pytest

from egraph import datasets, spaces
from egraph.bench.arena import Task, prepare, read_task
from egraph.datasets import Metric, Table
from egraph.errors import DataError, UnknownNameError, UsageError


def write(path, columns, metrics, rows=40):
    space = spaces.get("nasbench201")
    architectures = list(space)[:rows]
    rng = np.random.default_rng(0)
    Table(space, architectures, {name: rng.random(rows) for name in columns}, metrics).save(path)
    return str(path)


@pytest.fixture
def several(tmp_path):
    metrics = {
        "early": Metric(split="validation", budget=12),
        "late": Metric(split="validation", budget=48),
        "final": Metric(split="test", budget=48),
        "train_time": Metric("seconds", higher_is_better=False),
    }
    return write(tmp_path / "t.parquet", metrics, metrics)


def test_what_is_seen_and_what_is_reported(several, tmp_path):
    assert read_task(f"{several}:early:final") == Task(several, "early", "final")
    assert read_task(f"{several}:late") == Task(several, "late", "late")
    only = write(tmp_path / "o.parquet", ["a"], {"a": Metric()})
    assert read_task(only) == Task(only, "a", "a")
    pair = {
        "v": Metric(split="validation"),
        "t": Metric(split="test"),
        "std": Metric(split="test", higher_is_better=False),
    }
    path = write(tmp_path / "p.parquet", pair, pair)
    assert read_task(path) == Task(path, "v", "t")


def test_a_task_that_is_not_clear_is_refused(several):
    with pytest.raises(
        UsageError, match=r"has several metrics; name that .*:early:final; known: early, late"
    ):
        read_task(several)
    with pytest.raises(UsageError, match=r"a benchmark is TABLE:METRIC:TEST, TABLE:METRIC or TABLE, got"):
        read_task(f"{several}:early:")
    with pytest.raises(UnknownNameError, match=r"'finall' in table 'table'; known: .* Did you mean 'final'"):
        read_task(f"{several}:early:finall")
    with pytest.raises(DataError, match=r"none\.parquet"):
        read_task("none.parquet:early:final")


def test_where_lower_is_better_the_negative_is_searched_and_reported(several):
    table, ground = datasets.load(several), prepare(read_task(f"{several}:train_time"))
    assert ground.best == ground.optimum == ground.chosen == -table["train_time"].min()
    best = table.architectures[table["train_time"].argmin()]
    assert ground.lookup.evaluate(best).score == ground.test(best) == ground.best


def test_a_query_costs_its_share_of_the_longest_training(several):
    table = datasets.load(several)
    for metric, share in (("early", 0.25), ("late", 1.0)):
        ground = prepare(Task(several, metric, "final"))
        for row in (0, 17):
            found = ground.lookup.evaluate(table.architectures[row])
            assert found.score == table[metric][row]
            assert found.seconds == pytest.approx(table["train_time"][row] * share)
            assert ground.test(table.architectures[row]) == table["final"][row]
        assert ground.optimum == table["final"].max()


def test_a_table_without_a_cost_has_none(tmp_path):
    metrics = {"a": Metric(), "latency_s": Metric("seconds", higher_is_better=False)}
    path = write(tmp_path / "t.parquet", metrics, metrics)
    ground = prepare(Task(path, "a", "a"))
    assert np.isnan(ground.lookup.evaluate(next(iter(ground.space))).seconds)


def test_a_part_of_a_space_is_searched_row_by_row(several):
    space = prepare(Task(several, "early", "final")).space
    assert isinstance(space, spaces.Rows)
    assert len(space) == 40


def test_a_whole_space_is_searched_as_it_is(tmp_path, monkeypatch):
    space = spaces.get("nasbench201")
    architectures = list(space)[:30]
    Table(space, architectures, {"a": np.arange(30.0)}, {"a": Metric()}).save(tmp_path / "t.parquet")
    monkeypatch.setattr(type(space), "__len__", lambda self: 30)
    assert prepare(Task(str(tmp_path / "t.parquet"), "a", "a")).space == space


def test_rows_without_a_value_are_left_out(tmp_path):
    space = spaces.get("nasbench201")
    columns = {"v": [np.nan, 1.0, 2.0, 3.0], "t": [1.0, np.inf, 2.0, 1.0]}
    table = Table(space, list(space)[:4], columns, {"v": Metric(), "t": Metric()})
    table.save(tmp_path / "t.parquet")
    ground = prepare(Task(str(tmp_path / "t.parquet"), "v", "t"))
    assert list(ground.space) == table.architectures[2:]
    assert (ground.optimum, ground.chosen) == (2.0, 1.0)

"""Tables of journals: what `egraph.datasets` reads is what a study writes."""

import time
from pathlib import Path
from typing import get_args

import copied
import numpy as np
import pytest
from played import SPACE, Played, main, study

from egraph import datasets, spaces
from egraph.datasets import _journal
from egraph.errors import DataError
from egraph.evaluation import TableLookup
from egraph.study import Study, _columns, _trial, open_journal


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(spaces._registry.registry._things, SPACE.name, SPACE)


def test_names_are_those_of_the_journal():
    assert {*_journal.COLUMNS, _journal.COSTS, _journal.FIDELITY} <= {
        column.name for column in _columns.TRIAL
    }
    assert _journal.COMPLETE in get_args(_trial.State)


def compare(path):
    """The table of a journal, checked against the trials."""
    table = datasets.load(path)
    with open_journal(path) as journal:
        trials = journal.read_trials(states=["complete"])
    assert table.architectures == [trial.architecture for trial in trials]
    assert table.keys == [trial.key for trial in trials]
    for name in ("score", "test_score", "seconds", "params", "flops"):
        assert table[name].tolist() == [getattr(trial, name) for trial in trials]
    for name in ("number", "round", "origin", "seed", "source"):
        assert table.columns[name].tolist() == [getattr(trial, name) for trial in trials]
    np.testing.assert_equal(table.columns["predicted"], [trial.predicted for trial in trials])
    return table


def test_the_table_of_a_study(tmp_path):
    """The baseline's trials are rows too; fresh evaluations of the best are not."""
    with study(tmp_path / "x.db", evaluate=Played(fails_where_first_is=1)) as one:
        one.run(trials=20, baseline=True)
        one.retrain(one.best, repeats=2)
        table = compare(tmp_path / "x.db")  # while the study holds the file
    assert {"top", "initial", "baseline"} <= set(table.columns["origin"].tolist())
    assert "failed" in table.provenance["trials"]
    assert "egraph" in table.provenance["versions"]
    assert len(table) < 40


def test_units_of_a_table_that_is_nowhere_else_are_kept(tmp_path):
    rows = [SPACE.sample(np.random.default_rng(seed)) for seed in range(8)]
    columns = {"top": np.arange(8.0), "loss": np.arange(8.0)}
    about = {
        "top": datasets.Metric("percent", "validation", 12, 3),
        "loss": datasets.Metric("nats", budget=12, higher_is_better=False),
    }
    table = datasets.Table(SPACE, rows, columns, about, name="mine")
    lookup = TableLookup(table, "loss", "top")
    with Study(table.search_space(), lookup, storage=tmp_path / "x.db", ranker=False) as one:
        one.run(trials=2)
    read = datasets.load(tmp_path / "x.db").metrics
    assert read["score"] == datasets.Metric(
        "nats", "validation", 12, None, description="negative of loss of mine"
    )
    assert read["test_score"] == datasets.Metric("percent", "test", 12, 3, description="top of mine")


def test_the_costs_of_a_study(tmp_path):
    with study(tmp_path / "x.db", costs={"digits": lambda a: sum(SPACE.numbers(a))}, ranker=False) as one:
        one.run(trials=6)
    table = compare(tmp_path / "x.db")
    assert table["digits"].tolist() == [sum(SPACE.numbers(a)) for a in table.architectures]


def test_the_journal_of_an_older_version(tmp_path):
    old = Path(__file__).parent / "data" / "journal-0.1.0.db"
    path = tmp_path / "old.db"
    path.write_bytes(old.read_bytes())
    assert len(compare(path)) == 24


def test_a_journal_is_a_table_while_a_process_writes_it_and_after_it_was_killed(tmp_path):
    path = tmp_path / "x.db"
    writer = copied.start(main, path, 1, "direct")
    try:
        deadline = time.monotonic() + 60
        rows = 0
        while rows < 5 and writer.is_alive() and time.monotonic() < deadline:
            try:
                rows = len(datasets.load(path))
            except DataError:  # until its first successful trial
                time.sleep(0.05)
    finally:
        writer.kill()
        writer.join()
    assert rows >= 5
    assert len(compare(path)) >= rows

"""Journals as tables, from files written by hand; tests/study compares with what a study writes."""

import json
import os
import sqlite3

import numpy as np
import pytest

from egraph.datasets import Metric, import_table, known, load
from egraph.errors import DataError, UsageError

CHAINS = ("ab", "ba", "a.b", "bb", "aa")


def write_journal(path, chains, trials, **study):
    """A journal with the given trials, each with a state and a score."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA application_id = {0x65677068}")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE study (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
        db.execute(
            "CREATE TABLE trial (number INTEGER PRIMARY KEY, round INTEGER, origin TEXT, state TEXT, "
            "architecture TEXT, seed INTEGER, predicted REAL, score REAL, test_score REAL, seconds REAL, "
            "params INTEGER, flops INTEGER, source TEXT, reason TEXT)"
        )
        told = {"space": chains.name, "seed": 3, "versions": {"egraph": "0.1.0"}, **study}
        db.executemany(
            "INSERT INTO study VALUES (?, ?)", [(name, json.dumps(value)) for name, value in told.items()]
        )
        for number, (text, (state, score)) in enumerate(zip(CHAINS, trials, strict=False)):
            graph = chains.parse(text).to_json()
            reason = "out of memory" if state == "failed" else ""
            measured = (None, score, None, 2.5, 7, 0, "played") if state == "complete" else (None,) * 7
            db.execute(
                f"INSERT INTO trial VALUES ({', '.join('?' * 14)})",
                (number, number // 2, "top", state, graph, 100 + number, *measured, reason),
            )
    db.close()
    return path


DONE = [("complete", 1.0), ("failed", None), ("complete", 3.0), ("running", None), ("complete", 4.0)]


def test_successful_trials_are_rows(tmp_path, registered):
    table = load(write_journal(tmp_path / "runs" / "x.db", registered, DONE, evaluator={"kind": "played"}))
    assert (table.name, table.space, table.texts()) == ("x", registered, ["ab", "a.b", "aa"])
    assert table["score"].tolist() == [1, 3, 4]
    assert table["seconds"].tolist() == [2.5] * 3
    assert table["params"].tolist() == [7] * 3
    assert np.isnan(table["test_score"]).all()
    assert np.isnan(table["flops"]).all()  # 0 is unknown
    assert table.columns["seed"].tolist() == [100, 102, 104]
    assert table.columns["round"].tolist() == [0, 1, 2]
    assert table.columns["origin"].tolist() == ["top"] * 3
    assert table.columns["source"].tolist() == ["played"] * 3
    assert list(table.metrics) == ["score", "test_score", "seconds", "params", "flops"]
    assert table.choose_metric() == "score"
    assert [metric for metric, about in table.metrics.items() if not about.higher_is_better] == [
        "seconds", "params", "flops",
    ]  # fmt: skip
    # a.b computes what ab does.
    assert table.distinct()["score"].tolist() == [2, 4]


def test_provenance_tells_the_study(tmp_path, registered):
    path = write_journal(tmp_path / "x.db", registered, DONE, evaluator={"kind": "played"}, command="run it")
    assert load(path).provenance == {
        "journal": str(path),
        "trials": "3 complete, 1 failed, 1 running",
        "evaluator": '{"kind": "played"}',
        "seed": "3",
        "command": "run it",
        "versions": "egraph 0.1.0",
    }


def test_scores_have_the_unit_of_what_was_measured(tmp_path, registered):
    columns = {"score": "cifar10_test_200", "test_score": None, "seconds": None}
    looked_up = {"kind": "table", "table": "nasbench201", "columns": columns}
    table = load(write_journal(tmp_path / "x.db", registered, DONE, evaluator=looked_up))
    assert table.metrics["score"] == Metric(
        "percent", "validation", 200, None, description="cifar10_test_200 of nasbench201"
    )
    mine = {**looked_up, "table": "mine"}
    table = load(write_journal(tmp_path / "y.db", registered, DONE, evaluator=mine))
    assert table.metrics["score"].unit == ""
    for number, name in enumerate(("../nasbench201", "a\0b", "x" * 300, [])):
        odd = write_journal(
            tmp_path / f"{number}.db", registered, DONE, evaluator={**looked_up, "table": name}
        )
        assert load(odd).metrics["score"].unit == ""
    packaged = {**looked_up, "table": "mnist1d_convnet", "columns": {**columns, "score": "score"}}
    table = load(write_journal(tmp_path / "packaged.db", registered, DONE, evaluator=packaged))
    assert table.metrics["score"].unit == load("mnist1d_convnet").metrics["score"].unit == "fraction"


@pytest.mark.parametrize(
    "told",
    [{"metrics": []}, {"metrics": {"a": 3}}, {"metrics": {"a": {"colour": "red"}}}],
)
def test_descriptions_that_are_none_are_damage(tmp_path, registered, told):
    path = write_journal(tmp_path / "x.db", registered, DONE, **told)
    with pytest.raises(DataError, match=r"x\.db is damaged: "):
        load(path)
    trained = {"kind": "training", "recipe": {"epochs": 30}}
    table = load(write_journal(tmp_path / "z.db", registered, DONE, evaluator=trained))
    assert table.metrics["score"] == Metric("fraction", "validation", 30, 1)
    assert table.metrics["test_score"] == Metric("fraction", "test", 30, 1)


def test_costs_that_a_search_weighed_are_metrics(tmp_path, registered):
    """An older journal has none. Flops are unknown to the trials, so that they come from the costs."""
    path = write_journal(tmp_path / "x.db", registered, DONE)
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE trial ADD COLUMN costs TEXT NOT NULL DEFAULT '{}'")
        costs = {"latency": 5, "flops": 6, "params": 8, "origin": 9}
        db.execute("UPDATE trial SET costs = ? WHERE number = 0", [json.dumps(costs)])
        db.execute("UPDATE trial SET costs = ? WHERE number = 2", [json.dumps({"latency": None})])
    db.close()
    table = load(path)
    np.testing.assert_equal(table["latency"], [5, np.nan, np.nan])
    np.testing.assert_equal(table["flops"], [6, np.nan, np.nan])
    assert table["params"].tolist() == [7] * 3
    assert table.columns["origin"].tolist() == ["top"] * 3
    assert not table.metrics["latency"].higher_is_better
    assert table.choose_metric() == "score"


@pytest.mark.parametrize("name", ["test-chains, params <= 1e+06", "test-chains, rows of mine"])
def test_a_restricted_space_is_that_of_its_architectures(tmp_path, registered, name):
    assert load(write_journal(tmp_path / "x.db", registered, DONE, space=name)).space == registered


def test_import_writes_it_as_a_table(tmp_path, nowhere, registered):
    path = write_journal(tmp_path / "x.db", registered, DONE)
    written = import_table(path, name="mine")
    assert [table.name for table in known() if table.path == written] == ["mine"]
    table = load("mine")
    assert table["score"].tolist() == [1, 3, 4]
    assert table.provenance["imported from"] == "x.db"
    assert table.provenance["trials"] == "3 complete, 1 failed, 1 running"
    with pytest.raises(
        UsageError, match=r"x\.db is a table of the space 'test-chains', not of 'nasbench201'"
    ):
        import_table(path, name="mine", space="nasbench201")


@pytest.mark.parametrize(
    ("trials", "text"),
    [
        (
            [("failed", None)] * 2,
            r"has no successful trial to learn from: 2 failed; the last .*out of memory$",
        ),
        ([("queued", None)], r"has no successful trial to learn from: 1 queued$"),
        ([], r"has no successful trial to learn from: no trial at all$"),
    ],
)
def test_a_journal_without_a_successful_trial_is_refused(tmp_path, registered, trials, text):
    with pytest.raises(DataError, match=rf"^{tmp_path}/x.db {text}"):
        load(write_journal(tmp_path / "x.db", registered, trials))


def test_a_journal_of_an_unknown_space_is_refused(tmp_path, chains):
    path = write_journal(tmp_path / "x.db", chains, DONE)
    with pytest.raises(DataError, match="is of the search space 'test-chains', which is not known here"):
        load(path)


def test_other_files_are_refused(tmp_path, registered):
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as db:
        db.execute("CREATE TABLE trial (x)")
    db.close()
    with pytest.raises(DataError, match=r"foreign\.db is a database, but not the journal of a study; give"):
        load(foreign)
    (tmp_path / "text.db").write_text("no database" * 100)
    with pytest.raises(DataError, match=r"text\.db is damaged, or not the journal of a study: file is not a"):
        load(tmp_path / "text.db")
    with pytest.raises(DataError, match=r"there is no table file .*absent\.db"):
        load(tmp_path / "absent.db")
    broken = write_journal(tmp_path / "broken.db", registered, DONE)
    os.truncate(broken, broken.stat().st_size // 2)
    with pytest.raises(DataError, match=r"broken\.db is damaged, or not the journal of a study"):
        load(broken)
    damaged = write_journal(tmp_path / "damaged.db", registered, DONE)
    with sqlite3.connect(damaged) as db:
        db.execute("UPDATE study SET value = '{' WHERE name = 'seed'")
    db.close()
    with pytest.raises(
        DataError, match=r"damaged\.db is damaged, or not the journal of a study: seed is no JSON"
    ):
        load(damaged)


def test_a_locked_journal_is_one_line(tmp_path, registered, monkeypatch):
    monkeypatch.setattr("egraph.datasets._journal._BUSY_SECONDS", 0.05)
    path = write_journal(tmp_path / "x.db", registered, DONE)
    with sqlite3.connect(path, isolation_level=None) as holder:
        holder.execute("PRAGMA journal_mode = DELETE")
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DataError, match=r"cannot read the journal .*: database is locked; wait for the"):
            load(path)
    holder.close()


def test_a_journal_is_read_while_another_connection_writes_it(tmp_path, registered):
    path = write_journal(tmp_path / "x.db", registered, DONE)
    with sqlite3.connect(path, isolation_level=None) as writer:
        writer.execute("UPDATE trial SET score = 9 WHERE number = 0")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE trial SET score = 8 WHERE number = 0")
        assert load(path)["score"].tolist() == [9, 3, 4]  # what is committed
        writer.execute("COMMIT")
        assert load(path)["score"].tolist() == [8, 3, 4]
    writer.close()


def test_a_journal_in_a_folder_that_cannot_be_written(tmp_path, registered):
    path = write_journal(tmp_path / "closed" / "x.db", registered, DONE)
    os.chmod(path.parent, 0o500)
    try:
        assert load(path)["score"].tolist() == [1, 3, 4]
    finally:
        os.chmod(path.parent, 0o700)

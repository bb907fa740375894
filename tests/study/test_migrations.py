"""Journals of older versions open, can be read and go on.

``data/journal-0.1.0.db`` was written by version 0.1.0: a study of `played`, broken off in the middle of a
round, with trials of each state and two fresh evaluations. ``data/history-0.1.0.json`` is what 0.1.0 gives
where the same study is not broken off: 14 trials, and then 30. Later versions choose the next rounds in
another way.
"""

import dataclasses
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from played import SPACE, Played, history, study

from egraph.errors import JournalError
from egraph.evaluation import Evaluation
from egraph.study import Trial, _columns, _migrations, open_journal

DATA = Path(__file__).parent / "data"
OPTIONS = {"evaluate": Played(fails_where_first_is=1)}
STEP = "ALTER TABLE trial ADD COLUMN device TEXT; ALTER TABLE round ADD COLUMN spent REAL;"


@pytest.fixture
def old(tmp_path):
    """A copy of the journal that 0.1.0 wrote."""
    return Path(shutil.copy(DATA / "journal-0.1.0.db", tmp_path / "x.db"))


@pytest.fixture
def next_version(monkeypatch):
    """The version after this one, whose rounds have one more column."""
    monkeypatch.setattr(_migrations, "STEPS", [*_migrations.STEPS, STEP])
    more = (*_columns.ROUND, _columns.Column("spent", _columns._REAL))
    monkeypatch.setitem(_columns.TABLES, "round", more)


def version(path):
    with sqlite3.connect(path) as db:
        found = db.execute("PRAGMA user_version").fetchone()[0]
    db.close()
    return found


def test_a_journal_of_0_1_0_is_read(old):
    with open_journal(old) as journal:
        trials = journal.trials
        assert trials["state"].value_counts().to_dict() == {
            "complete": 24,
            "queued": 7,
            "failed": 4,
            "running": 1,
        }
        assert journal.settings["versions"]["egraph"] == "0.1.0"
        assert len(journal.retrains) == 2
        assert len(journal.rounds) == 5
        assert journal.sessions["command"].tolist() == ["python make_journal.py"]
        failed = journal.read_trials(states=["failed"])[0]
    assert failed.reason == "no path to the output"
    assert failed.seconds >= 0
    assert version(old) == 1


def test_a_journal_of_0_1_0_goes_on(old):
    expected = json.loads((DATA / "history-0.1.0.json").read_text())
    with open_journal(old) as journal:
        before = {"trials": len(journal.trials), "rounds": len(journal.rounds)}
    with study(old, **OPTIONS) as one:
        one.run(trials=30, baseline=True)
        trials, rounds = map(json.loads, history(one))
        again = one.retrain(SPACE.parse("3.4.2.4"), repeats=2)
        assert len(one.journal.retrains) == 2, "what was evaluated again then is not evaluated once more"
    for table, found in (("trials", trials), ("rounds", rounds)):
        for name, values in expected[table].items():
            first = list(values)[: before[table]]
            assert {row: found[name][row] for row in first} == {row: values[row] for row in first}, name
    assert len(trials["number"]) == len(expected["trials"]["number"])
    assert len(again.scores) == 2


def test_a_searcher_whose_state_0_1_0_wrote_goes_on(tmp_path):
    """Without a ranker, it kept the state of the one searcher, which has seen all but the last round."""
    with study(tmp_path / "x.db", ranker=False, batch=3) as one, study(ranker=False, batch=3) as unbroken:
        unbroken.run(trials=15)
        one.run(trials=9)
        (state,) = one.journal.settings["searcher state"]["searchers"].values()
        one.journal._db.execute(
            "UPDATE study SET value = ? WHERE name = 'searcher state'", [json.dumps(state)]
        )
        one.run(trials=15)
        assert history(one) == history(unbroken)


def test_an_older_journal_is_updated_by_a_writer(old, next_version):
    with study(old, **OPTIONS) as one:
        assert one.rounds["spent"].isna().all()
        one.run(trials=30, baseline=True)
    assert version(old) == 1 + len(_migrations.STEPS)
    with study(old, **OPTIONS):
        pass
    assert version(old) == 1 + len(_migrations.STEPS)


def test_an_older_journal_is_read_without_an_update(old, next_version):
    content = old.read_bytes()
    with open_journal(old) as journal:
        assert journal.rounds["spent"].isna().all()
        assert journal.rounds["round"].tolist() == list(range(5))
    assert old.read_bytes() == content


def test_a_new_journal_has_the_newest_version(tmp_path, next_version):
    with study(tmp_path / "x.db") as one:
        one.run(trials=1)
        assert "spent" in one.rounds
    assert version(tmp_path / "x.db") == 1 + len(_migrations.STEPS)


def test_an_update_that_fails_leaves_the_journal_as_it_was(old, monkeypatch):
    faulty = "ALTER TABLE absent ADD COLUMN spent REAL;"
    monkeypatch.setattr(_migrations, "STEPS", [*_migrations.STEPS, STEP, faulty])
    with pytest.raises(JournalError, match="no such table: absent"):
        study(old, **OPTIONS)
    assert version(old) == 1
    with sqlite3.connect(old) as db:
        assert "device" not in {row[1] for row in db.execute("PRAGMA table_info(trial)")}
    db.close()


def test_each_field_of_a_trial_and_of_an_evaluation_is_a_column():
    names = {column.name for column in _columns.TRIAL}
    measured = {column.name for column in _columns.TRIAL if column.measured}
    assert measured == {field.name for field in dataclasses.fields(Evaluation)}
    assert names - measured == {field.name for field in dataclasses.fields(Trial)} - {"evaluation"}

import contextlib
import gc
import math
import os
import signal
import sqlite3
import stat
import threading
import time

import pytest
from played import SPACE, Linear, Played, run_in_a_process, study

from egraph.datasets import load
from egraph.errors import DataError, JournalError, UsageError
from egraph.searchers.testing import ToySpace
from egraph.study import Journal, Study, _journal_file, _migrations, open_journal


@pytest.fixture
def path(tmp_path):
    with study(tmp_path / "runs" / "x.db") as one:
        one.run(trials=12, baseline=True)
        one.retrain(one.best, repeats=2)
    return tmp_path / "runs" / "x.db"


def _rewrite(path, *statements):
    with contextlib.closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def test_reader_sees_what_the_study_shows(path):
    with open_journal(path) as journal, study(path) as one:
        for name in ("trials", "rounds"):
            assert getattr(journal, name).equals(getattr(one, name))
        assert len(journal.retrains) == 2
        assert journal.retrains["state"].tolist() == ["complete"] * 2


def test_settings_say_how_the_study_was_made(path):
    with open_journal(path) as journal:
        settings = journal.settings
    assert settings["space"] == "toy"
    assert settings["seed"] == 0
    assert settings["evaluator"] == {"kind": "played"}
    assert settings["settings"]["initial"] == 8
    assert settings["settings"]["ranker"]["parameters"] == {"penalty": 0.1}
    assert settings["settings"]["searcher"]["population"] == 100
    assert {"python", "egraph", "torch", "numpy"} <= set(settings["versions"])
    assert settings["command"]


def test_each_session_is_written_down(path):
    study(path).close()
    with open_journal(path) as journal:
        assert journal.sessions["pid"].tolist() == [os.getpid()] * 2


def test_frames_of_an_empty_study_have_their_columns(tmp_path):
    with study(tmp_path / "x.db") as one:
        assert list(one.trials.columns)[:5] == ["number", "round", "origin", "state", "key"]
        assert list(one.rounds.columns)[:2] == ["round", "trials"]
        assert one.trials.empty
        assert one.journal.retrains.empty


def test_reader_and_writer_do_not_disturb_each_other(tmp_path):
    seen = []
    with study(tmp_path / "x.db") as one:
        reader = open_journal(tmp_path / "x.db")
        one.run(
            trials=12, progress=lambda event: seen.append(int((reader.trials["state"] == "complete").sum()))
        )
        reader.close()
    assert seen[-1] == 12
    assert seen == sorted(seen)


def test_second_writer_is_refused_and_told_who_holds_it(tmp_path):
    with study(tmp_path / "x.db"):
        text = rf"x\.db is held by another process \(pid {os.getpid()}\); wait for it, or choose another file"
        with pytest.raises(JournalError, match=text):
            study(tmp_path / "x.db")
        with open_journal(tmp_path / "x.db"):
            pass
    study(tmp_path / "x.db").close()


def test_writer_that_was_killed_holds_nothing(tmp_path):
    def work():
        journal = Journal(tmp_path / "x.db")
        os.kill(os.getpid(), signal.SIGKILL)
        journal.close()

    assert run_in_a_process(work)
    assert (tmp_path / "x.db").exists()
    with study(tmp_path / "x.db") as one:
        one.run(trials=2)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"seed": 5}, "is of a study with seed 0, not 5; use the same arguments"),
        (
            {"evaluate": lambda many: SPACE.value(many)},
            r"with evaluator played, not function; use the same .*, or accept .* with --force-resume",
        ),
    ],
)
def test_journal_of_another_study_is_refused(path, options, text):
    with pytest.raises(JournalError, match=text):
        study(path, **options)
    study(path).close()  # and is not held any more


def test_journal_of_another_space_is_refused(path):
    class Other(ToySpace):
        name = "other"

    with pytest.raises(JournalError, match=r"x\.db is of a study with space toy, not other;"):
        Study(Other(), Played(), storage=path, ranker=Linear())


def test_absent_journal_is_refused_to_readers(tmp_path):
    with pytest.raises(
        JournalError, match=r"no journal at .*x\.db; a study writes one where its storage= says"
    ):
        open_journal(tmp_path / "x.db")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("read_only", [True, False])
def test_file_that_is_no_database_is_refused(tmp_path, read_only):
    (tmp_path / "x.db").write_text("number,score\n" * 100)
    with pytest.raises(
        JournalError, match=r"x\.db is damaged, or not the journal of a study: file is not a database"
    ):
        Journal(tmp_path / "x.db", read_only=read_only)
    assert (tmp_path / "x.db").read_text() == "number,score\n" * 100


@pytest.mark.parametrize("read_only", [True, False])
def test_database_of_somebody_else_is_refused(tmp_path, read_only):
    _rewrite(tmp_path / "x.db", "CREATE TABLE trial (number)")
    with pytest.raises(JournalError, match=r"x\.db is a database, but not the journal of a study"):
        Journal(tmp_path / "x.db", read_only=read_only)


@pytest.mark.parametrize("read_only", [True, False])
def test_journal_of_a_newer_version_is_refused(path, read_only):
    newest = _migrations.version()
    _rewrite(path, f"PRAGMA user_version = {newest + 1}")
    refused = f"has journal version {newest + 1}, this egraph reads up to {newest}; install a newer"
    with pytest.raises(JournalError, match=refused):
        Journal(path, read_only=read_only)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.8])
@pytest.mark.parametrize("read_only", [True, False])
def test_truncated_journal_is_refused(path, share, read_only):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(JournalError, match=r"x\.db is damaged, or not the journal of a study"):
        Journal(path, read_only=read_only)


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE trial SET score = '[1, 2]'", "a cell of score in trial is text, not real"),
        ("UPDATE trial SET state = x'ff'", "a cell of state in trial is blob, not text"),
        ("UPDATE trial SET state = 'gone'", "a cell of state in trial is 'gone'"),
        ("UPDATE trial SET fidelity = 9e999", "a cell of fidelity in trial is inf"),
        ("UPDATE trial SET number = -1 WHERE number = 0", "a cell of number in trial is -1"),
        ("DELETE FROM round WHERE round = 0", "there is no round 0, of which it has a trial"),
        ("UPDATE trial SET costs = '{'", "a cell of costs in trial is no JSON: Expecting"),
        ("UPDATE trial SET costs = '[]'", r"a cell of costs in trial is \[\]"),
        ("UPDATE study SET value = '7' WHERE name = 'evaluator'", "evaluator is 7"),
        ("UPDATE study SET value = 'abc' WHERE name = 'space'", "space is no JSON: Expecting value"),
    ],
)
def test_cells_of_another_type_are_damage(path, read_only, change, what):
    _rewrite(path, change)
    with pytest.raises(JournalError, match=rf"x\.db is damaged, or not the journal of a study: {what}"):
        Journal(path, read_only=read_only)


@pytest.mark.parametrize("text", [b"complete", b"origin"], ids=["a cell", "a column"])
def test_texts_that_are_not_utf_8_are_damage(path, text):
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
    path.write_bytes(path.read_bytes().replace(text, b"\xff" + text[1:]))
    with pytest.raises(JournalError, match=r"x\.db is damaged"):
        open_journal(path).trials  # noqa: B018
    with pytest.raises(DataError, match=r"x\.db is damaged"):
        load(path)


def test_empty_file_is_a_journal_that_has_not_begun(tmp_path):
    (tmp_path / "x.db").touch()
    with pytest.raises(JournalError, match=r"x\.db is the journal of a study that has not begun"):
        open_journal(tmp_path / "x.db")
    with study(tmp_path / "x.db") as one:
        one.run(trials=1)


@pytest.mark.parametrize("read_only", [True, False])
def test_a_folder_or_a_pipe_is_refused_at_once(tmp_path, read_only):
    os.mkfifo(tmp_path / "pipe.db")
    (tmp_path / "folder.db").mkdir()
    for name in ("pipe.db", "folder.db"):
        with pytest.raises(JournalError, match=rf"{name} is no plain file; name the file of a journal"):
            Journal(tmp_path / name, read_only=read_only)
    assert not list(tmp_path.glob("*.lock"))


def test_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match=r"cannot write .*x\.db: .*; choose a folder that can be written"):
        study(tmp_path / "file" / "x.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder_is_refused_to_writers_only(path):
    path.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with open_journal(path) as journal:
            assert len(journal.trials)
    finally:
        path.parent.chmod(stat.S_IRWXU)


def test_a_locked_journal_is_refused_to_readers(path, monkeypatch):
    """It is not read as a file that does not change: the process that holds it may change it meanwhile."""
    monkeypatch.setattr(_journal_file, "_BUSY_SECONDS", 0.1)
    _rewrite(path, "PRAGMA journal_mode = DELETE")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(JournalError, match=r"x\.db: database is locked; wait for the process"):
            open_journal(path)
    with open_journal(path) as journal:
        assert len(journal.trials)


def test_full_disk_stops_the_run_and_keeps_what_was_written(tmp_path):
    with study(tmp_path / "x.db") as one:
        one.run(trials=8)
        one.journal._db.execute(
            "PRAGMA max_page_count = 1"
        )  # what SQLite then does is what a full disk makes it do
        with pytest.raises(
            JournalError, match=r"cannot use .*x\.db: database or disk is full; make room or choose"
        ):
            one.run(trials=500)
    with study(tmp_path / "x.db") as one:
        assert set(one.trials["state"]) <= {"complete", "queued"}
        one.run(trials=20)
        assert len(one.trials) >= 20


@pytest.mark.parametrize("read_only", [False, True])
def test_a_journal_that_nobody_closes_is_closed_by_whichever_thread_collects_it(path, read_only):
    journals = [Journal(path, read_only=read_only)]
    journals.append(journals)  # so that it waits for the garbage collector
    gc.disable()
    try:
        del journals
        thread = threading.Thread(target=gc.collect)
        thread.start()
        thread.join()
    finally:
        gc.enable()
    Journal(path).close()


def test_closed_journal_says_so(path):
    journal = open_journal(path)
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="Cannot operate on a closed database"):
        journal.trials  # noqa: B018


def test_nan_and_missing_values_survive_the_file(path):
    with open_journal(path) as journal:
        first = journal.read_trials()[0]
    assert math.isnan(first.predicted)
    assert first.architecture == SPACE.parse(first.key)


@pytest.mark.parametrize(
    ("storage", "file"), [("~/x.db", "x.db"), ("sqlite:///y.db", "y.db"), ("sqlite:////{0}/z.db", "z.db")]
)
def test_a_home_and_an_address_of_sqlite_name_a_file(tmp_path, monkeypatch, storage, file):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    study(storage.format(str(tmp_path).lstrip("/"))).close()
    assert {path.name for path in tmp_path.iterdir()} >= {file}
    with open_journal(storage.format(str(tmp_path).lstrip("/"))):
        pass


@pytest.mark.parametrize("storage", ["postgresql://host/x", "sqlite://x.db", "sqlite:///"])
def test_other_addresses_are_refused(storage):
    with pytest.raises(UsageError, match=f"a journal is a file, such as .*, got '{storage}'"):
        study(storage)


def test_a_reader_in_the_middle_of_reading_holds_up_no_writer(path):
    with study(path) as one, open_journal(path) as reader:
        cursor = reader._db.execute("SELECT number FROM trial ORDER BY number")
        assert cursor.fetchone() == (0,)  # a transaction that reads is open
        before, began = len(one.trials), time.monotonic()
        one.run(trials=before + 8)
        assert time.monotonic() - began < 20, "a writer waits 30 s for a file that is held"
        assert len(cursor.fetchall()) == before - 1, "the reader sees the file as it was"
        assert len(reader.trials) == len(one.trials) > before

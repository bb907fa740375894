"""What the writer of a journal keeps in memory is what the file has."""

from dataclasses import replace

import pytest
from played import MODES, study

from egraph.study import _trial_cache, open_journal
from egraph.study._events import Event
from egraph.study._trial_cache import select_trials


@pytest.mark.parametrize("mode", ["ranker", "costs direct", "fidelities"])
def test_after_every_step_it_is_what_the_file_has(tmp_path, mode):
    differing, looks = [], 0

    def compare(_: Event):
        nonlocal looks
        looks += 1
        with open_journal(tmp_path / "x.db") as reader:
            if repr(reader.read_trials()) != repr(one.journal.read_trials()):
                differing.append(looks)

    with study(tmp_path / "x.db", **MODES[mode]) as one:
        one.run(trials=9, baseline=True, progress=compare)
        for filters in ({"states": ["complete"]}, {"origins": ["baseline"]}, {"round": 1}, {"number": 3}):
            with open_journal(tmp_path / "x.db") as reader:
                assert repr(reader.read_trials(**filters)) == repr(one.journal.read_trials(**filters))
        assert one.journal.read_trials(number=10**6) == []
    assert looks > 20
    assert differing == []


def test_what_is_changed_by_other_means_is_noticed():
    with study() as one:
        one.run(trials=3)
        before = one.journal.read_trials(number=1)[0]
        one.journal._db.execute("UPDATE trial SET reason = 'changed' WHERE number = 1")
        assert repr(one.journal.read_trials(number=1)[0]) == repr(replace(before, reason="changed"))


def test_trials_are_read_once_whatever_else_is_written(monkeypatch):
    read = []
    monkeypatch.setattr(
        _trial_cache, "select_trials", lambda *what: read.append(what[1]) or select_trials(*what)
    )
    with study() as one:
        one.run(trials=12)
        one.retrain(one.best, repeats=1)
        one.journal.keep("note", 1)
        one.journal.read_trials()
    assert len([filters for filters in read if not filters]) == 1

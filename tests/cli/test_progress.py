"""The remaining time that is shown while work goes on, and its stages."""

import pytest

from egraph.cli import _progress
from egraph.cli._progress import track_stages


@pytest.fixture
def clock(monkeypatch):
    """A clock whose time a test sets."""
    now = [0.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    made = _progress._Clock()

    def left(seconds, done, total):
        now[0] = seconds
        return made.left(done, total)

    return left


def test_the_remaining_time_follows_from_the_pace(clock):
    assert clock(0, 0, 10) == ""
    assert clock(30, 1, 10) == "about 4 min left"
    assert clock(60, 2, 10) == "about 4 min left"
    assert clock(300, 10, 10) == "about 0 s left"


def test_preparation_before_the_first_step_does_not_count(clock):
    clock(0, 0, 3)
    clock(600, 0, 3)
    assert clock(610, 1, 3) == "about 20 s left"


def test_no_time_is_shown_after_the_first_of_many_steps(clock):
    clock(0, 0, 100)
    assert clock(16, 1, 100) == ""
    assert clock(20, 5, 100) == "about 6 min left"


def test_work_without_a_known_end_has_no_remaining_time(clock):
    clock(0, 0, None)
    assert clock(10, 5, None) == ""


def test_each_stage_begins_once(capsys):
    with track_stages() as show:
        show("reading")
        show("fitting", 0, 2)
        show("fitting", 1, 2, "step 1 of 2")
        show.say("a line")
    assert capsys.readouterr().err.splitlines() == ["reading", "fitting", "a line"]

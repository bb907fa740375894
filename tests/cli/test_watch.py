"""``egraph watch`` and ``egraph report --serve``: a search that runs in another process, seen from here."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import copied
import pytest

from egraph.cli import _pages
from egraph.errors import JournalError
from egraph.study import open_journal

PLAYED = Path(__file__).parent.parent / "study" / "played.py"
sys.path.insert(0, str(PLAYED.parent))

from played import search_long, study  # noqa: E402


@pytest.fixture
def running(tmp_path):
    """The journal of a search that another process works on, in the middle of it."""
    path = tmp_path / "x.db"
    process = copied.start(search_long, path)
    try:
        until = time.monotonic() + 300
        while not (path.exists() and path.stat().st_size and _count(path) >= 9):
            assert time.monotonic() < until, "the search does not get on"
            time.sleep(0.1)
        yield path, process
    finally:
        process.kill()
        process.join()


def _count(path):
    try:
        with open_journal(path) as journal:
            return len(journal.read_trials(states=["complete"]))
    except Exception:  # noqa: BLE001, not begun
        return 0


def test_a_running_search_is_seen(egraph, running, tmp_path):
    path, process = running
    seen = egraph("watch", path, "--once").stdout
    assert ", searching" in seen
    assert re.search(r"trainings +\d+ of 400, \d+ waiting", seen)
    assert re.search(r"best +\S+; random search \S+", seen)
    assert re.search(r"left +about \d+ (s|min|h)", seen) or re.search(r"about [\d.]+ h", seen)
    assert len(re.findall(r"trial \d+ +\d+ +\w+ +\d+ s", seen)) >= 1
    process.kill()
    process.join()
    after = egraph("watch", path).stdout
    assert ", not running" in after
    assert "about" not in after


def test_it_ends_with_the_search(tmp_path, egraph, running):
    path, process = running
    timer = threading.Timer(1.5, lambda: os.kill(process.pid, signal.SIGINT))
    timer.start()
    seen = egraph("watch", path, "--interval", "0.2").stdout
    timer.join()
    assert seen.count(", searching") <= 1
    assert ", not running" in seen
    assert re.search(r"trial \d+ +\d+ +\w+ ", seen)


def test_an_absent_journal_is_told(egraph):
    assert "no journal at " in egraph("watch", "absent.db", code=1).stderr
    assert "no journal at " in egraph("report", "absent.db", "--serve", code=1).stderr


def test_the_page_is_served_and_loads_itself_again(egraph, running, tmp_path):
    path, _ = running
    served = subprocess.Popen(
        [sys.executable, "-m", "egraph", "report", str(path), "--serve", "--interval", "3"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        address = served.stdout.readline().split()[0]
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address, timeout=60) as answer:
            first = answer.read().decode()
            assert answer.headers["Refresh"] == "3"
        assert "trials were queued or running when this page was written" in first
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{address}etc/passwd", timeout=60)
        taken = egraph("report", path, "--serve", "--port", address.rstrip("/").rsplit(":")[-1], code=2)
        assert "choose another --port" in taken.stderr
    finally:
        served.send_signal(signal.SIGINT)
        assert served.wait(120) == 130
        served.stdout.close()


def test_options_that_contradict_are_refused(egraph):
    assert "--serve writes no file" in egraph("report", "x.db", "--serve", "--out", "x.html", code=2).stderr
    for option in ("--port", "--interval"):
        told = egraph("report", "x.db", option, "80", code=2).stderr
        assert f"{option} is for a page that is served: give --serve too" in told


def test_a_page_that_takes_long_is_made_behind_the_last_one(tmp_path, monkeypatch):
    monkeypatch.setattr(_pages, "_LONG", 0.0)
    path = tmp_path / "x.db"
    with study(path) as one:
        one.run(trials=4)
        page = _pages._Page(path)
        first = page.read()
        assert b"<summary>4 trials of the search" in first
        one.run(trials=8)
        assert page.read() == first
        until = time.monotonic() + 120
        while b"<summary>8 trials of the search" not in page.read():
            assert time.monotonic() < until
            time.sleep(0.05)
    path.unlink()
    with pytest.raises(JournalError, match="no journal at"):
        read_until_it_fails(page)


def read_until_it_fails(page):
    until = time.monotonic() + 120
    while time.monotonic() < until:
        page.read()
        time.sleep(0.05)


def test_a_page_of_a_journal_that_has_not_changed_is_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(_pages, "_LONG", 1000.0)
    path = tmp_path / "x.db"
    with study(path) as one:
        one.run(trials=4)
        page = _pages._Page(path)
        first = page.read()
        assert page.read() is first
        one.run(trials=8)
        assert page.read() != first

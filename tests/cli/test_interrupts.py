"""Ctrl-C is not lost while modules are imported."""

import importlib
import signal
import sys
import threading
import time

import click
import pytest

from egraph.cli import _interrupts
from egraph.cli._interrupts import keep_interrupts
from egraph.cli._options import resumable


@pytest.fixture(autouse=True)
def interrupts_are_handled():
    """As in a terminal; a shell that starts its tests in the background hands down an ignored SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def discarding(tmp_path, monkeypatch):
    """A module that is interrupted while it is imported, and discards the exception as compiled ones do."""
    lines = ["import signal", "try:", "    signal.raise_signal(signal.SIGINT)"]
    lines += ["except KeyboardInterrupt:", "    pass", "whole = True"]
    (tmp_path / "discarding.py").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield "discarding"
    sys.modules.pop("discarding", None)


def interrupt():
    signal.raise_signal(signal.SIGINT)
    return "not interrupted"


def test_an_interrupt_is_raised_after_the_import(discarding):
    found = []

    def work():
        found.append(importlib.import_module(discarding).whole)
        time.sleep(30)

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        keep_interrupts(work)
    assert found == [True], "the module is imported to its end"
    assert time.monotonic() - began < 25
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_outside_an_import_an_interrupt_is_raised_at_once():
    with pytest.raises(KeyboardInterrupt):
        keep_interrupts(interrupt)


def test_an_import_that_does_not_end_is_interrupted(tmp_path, monkeypatch):
    monkeypatch.setattr(_interrupts, "_LONGEST", 0.3)
    text = "import signal, time\nsignal.raise_signal(signal.SIGINT)\ntime.sleep(30)\n"
    (tmp_path / "endless.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        keep_interrupts(lambda: importlib.import_module("endless"))


def test_a_command_that_a_module_runs_while_it_is_imported_is_interrupted_at_once(tmp_path, monkeypatch):
    lines = ["import signal", "from egraph.cli._interrupts import keep_interrupts"]
    lines += ["keep_interrupts(lambda: signal.raise_signal(signal.SIGINT))"]
    (tmp_path / "commanding.py").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        importlib.import_module("commanding")


def test_who_ignores_or_handles_interrupts_goes_on_to_do_so():
    handled = []
    for handler in (signal.SIG_IGN, lambda number, frame: handled.append(number)):
        signal.signal(signal.SIGINT, handler)
        assert keep_interrupts(interrupt) == "not interrupted"
        assert signal.getsignal(signal.SIGINT) == handler
    assert handled == [signal.SIGINT]


def test_outside_the_main_thread_nothing_is_changed():
    found = []
    thread = threading.Thread(target=lambda: found.append(keep_interrupts(lambda: "done")))
    thread.start()
    thread.join()
    assert found == ["done"]


def test_sigterm_ends_work_as_an_interrupt_does(capsys):
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(click.exceptions.Exit) as ended, resumable():
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.exit_code == 130
    assert "finished work is kept, run the same command again to resume" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before

"""A small share of benchmarks/fuzz.py: each door refuses odd and damaged inputs, or reads them."""

import argparse
import os
import re
import signal
import sys
import time
import warnings
from pathlib import Path

import pytest
from hypothesis import strategies as st

from egraph.errors import DataError, EgraphError

# Last, as names of that folder are also names of packages.
sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

import fuzz
from fuzzing import DOORS
from fuzzing.trying import Door, Fault, Tally, try_batch, try_input

SECONDS = 0.5
BATCH = 10


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("EGRAPH_DATA", "")
    return tmp_path


@pytest.mark.parametrize("name", DOORS)
def test_whatever_comes_is_read_or_refused(name, here):
    door, tally, faults = DOORS[name](here), Tally(), []
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and not faults:
        try_batch(door, here / f"input{door.suffix}", tally.batches, BATCH, tally, faults.append)
    assert tally.tried > 0
    assert not faults, f"{faults[0].key}\n{faults[0].text}\n{faults[0].content[:500]}"


class TestFaults:
    def read(self, path):
        """Reads the number in a file, in many wrong ways."""
        text = path.read_text()
        if text == "refused":
            raise DataError("no number; write one")
        if text == "long":
            raise LongError()
        while text == "endless":
            pass
        return int(text)

    def try_one(self, tmp_path, text):
        tally = Tally()
        return try_input(Door(st.binary(), self.read), tmp_path / "input", text.encode(), tally), tally

    @pytest.mark.parametrize("text", ["7", "refused"])
    def test_values_and_own_errors_are_none(self, tmp_path, text):
        fault, tally = self.try_one(tmp_path, text)
        assert fault is None
        assert (tally.tried, tally.faults) == (1, {})

    def test_other_errors_are_some(self, tmp_path):
        fault, tally = self.try_one(tmp_path, "x")
        assert fault.key.startswith("ValueError at tests/test_fuzz.py:")
        assert "invalid literal for int()" in fault.text
        assert tally.faults == {fault.key: 1}

    def test_an_input_that_takes_too_long_is_one(self, tmp_path, monkeypatch):
        monkeypatch.setattr("fuzzing.trying.SECONDS", 0.1)
        fault, _ = self.try_one(tmp_path, "endless")
        assert fault.key.startswith("TooLong at tests/test_fuzz.py:")

    def test_texts_of_several_lines_are_some(self, tmp_path):
        fault, _ = self.try_one(tmp_path, "long")
        assert fault.key.startswith("text of LongError at tests/test_fuzz.py:")


class TestSlices:
    @pytest.fixture
    def run(self, tmp_path, monkeypatch):
        """Gives a door a process of its own, for one batch; returns the door's tally."""
        monkeypatch.setattr(fuzz, "BATCH", 3)

        def run(read):
            monkeypatch.setattr(fuzz, "DOORS", {"own": lambda folder: Door(st.binary(), read, ".bin")})
            options = argparse.Namespace(out=tmp_path, seed=0, memory=512)
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
                assert fuzz.run_slice(options, "own", 0.3)
            return fuzz.read_tally(tmp_path, "own")

        return run

    def test_counts_go_on_where_they_were(self, run):
        first = run(lambda path: time.sleep(0.2))
        again = run(lambda path: time.sleep(0.2))
        assert first.faults == again.faults == {}
        assert 0 < first.batches < again.batches
        assert 0 < first.tried < again.tried

    def test_a_crash_is_a_fault_whose_input_is_kept(self, run, tmp_path):
        tally = run(lambda path: os.kill(os.getpid(), signal.SIGKILL))
        assert tally.faults == {"the process ended with -9": 1}
        (kept,) = (tmp_path / "faults").glob("own-*.bin")
        assert kept.with_name(f"{kept.name}.txt").read_text().startswith("the process ended with -9")
        assert "| own | 0 | 0 | 1 | 1 |" in fuzz.show(tmp_path, ["own"])

    def test_memory_is_bounded(self, run, tmp_path):
        tally = run(lambda path: bytearray(2**30))
        (key,) = tally.faults
        assert re.fullmatch(r"MemoryError at tests/test_fuzz\.py:\d+ <lambda>", key)

    def test_of_several_inputs_the_smallest_is_kept(self, tmp_path):
        for content in (b"333", b"1", b"22"):
            fuzz.keep(tmp_path, "own", ".bin", Fault("key", "text", content))
        (kept,) = (tmp_path / "faults").glob("own-*.bin")
        assert kept.read_bytes() == b"1"


class LongError(EgraphError):
    def __str__(self):
        return "two\nlines"

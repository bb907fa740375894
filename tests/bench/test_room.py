"""``benchmarks/room.py``: the best of a few random networks against the best of many."""

import itertools
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "room.py"


@pytest.fixture(scope="module")
def room():
    return runpy.run_path(str(SCRIPT))


@pytest.mark.parametrize("few", [1, 3, 7])
def test_the_expected_best_is_the_mean_over_all_subsets(room, few):
    rng = np.random.default_rng(0)
    scores, values = rng.random((2, 7))
    every = [max(subset, key=lambda row: scores[row]) for subset in itertools.combinations(range(7), few)]
    assert room["expected_best"](scores, values, few) == pytest.approx(np.mean(values[every]))


def test_an_interrupted_measurement_goes_on_where_it_stopped(room, tmp_path):
    """The last line of a run that was killed is unfinished; its network is trained again, others are not."""
    rng = np.random.default_rng(0)
    names = (f"{axis}_{part}" for part in ("train", "val", "test") for axis in "xy")
    arrays = (array for _ in range(3) for array in (rng.normal(size=(30, 5)), np.arange(30) % 2))
    np.savez(tmp_path / "table.npz", **dict(zip(names, arrays, strict=True)))
    command = (SCRIPT, "--data", "table.npz", "--space", "dense", "--epochs", "1", "--batch-size", "10")

    def run(count):
        given = [sys.executable, *map(str, command), "--count", str(count), "--out", "x.jsonl"]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            given, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert "3 + 0 failed" in run(3)
    path = tmp_path / "x.jsonl"
    whole = path.read_text().splitlines(keepends=True)
    path.write_text(whole[0] + whole[1] + whole[2][:40])
    assert "4 + 0 failed" in run(4)
    rows = room["read"](path)
    assert [row["number"] for row in rows] == [0, 1, 2, 3]
    first = json.loads(whole[2])
    assert {name: rows[2][name] for name in ("architecture", "score", "params")} == {
        name: first[name] for name in ("architecture", "score", "params")
    }

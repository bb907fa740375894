"""Each Python example runs as typed, with warnings as errors, and prints what it promises."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples"
EXAMPLES = {
    "rank_from_csv.py": ([], "held-out architectures: 0."),
    "own_training.py": (["--trials", "14"], "best: 0."),
    "own_space.py": ([], "best after 24 trials:"),
    "own_networks.py": ([], "of the validation images"),
    "ask_and_tell.py": ([], "best of 120: 5.2"),
    "dask_engine.py": ([], "8 trials, best score 0.9"),
    "slurm_engine.py": ([], "4 trials, best score 0.9"),
}
NEEDED = {"dask_engine.py": "distributed", "slurm_engine.py": "submitit"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs(name, tmp_path):
    if name in NEEDED:
        pytest.importorskip(NEEDED[name], reason=f"pip install {NEEDED[name]} runs this example")
    arguments, expected = EXAMPLES[name]
    command = [sys.executable, "-W", "error", str(FOLDER / name), *arguments]
    environment = {key: value for key, value in os.environ.items() if key != "EGRAPH_DATA"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout
    assert list(tmp_path.iterdir()) == [], "an example leaves no file behind"


def test_every_example_has_a_test():
    assert sorted(EXAMPLES) == sorted(path.name for path in FOLDER.glob("*.py"))

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

# Worker processes must be able to import the predictors of the tests.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def benchmark(tmp_path_factory):
    """A table on disk and its metric, as they are asked for."""
    from contestants import write_table

    return f"{write_table(tmp_path_factory.mktemp('data') / 'small.parquet')}:accuracy"


@pytest.fixture
def result_row():
    """Makes a row as `measure` gives it."""

    def make(**values):
        row = {
            "predictor": "good", "benchmark": "b", "metric": "m", "protocol": "key", "samples": 10, "seed": 0,
            "k": 5, "shuffled": False, "settings": {}, "tau": 0.5, "tau_top50": 0.4, "tau_top20": None,
            "precision": 0.2, "regret": 1.0, "fit_seconds": 2.0, "architectures_per_second": 12345.6,
        }  # fmt: skip
        return row | values

    return make


@pytest.fixture
def kill_and_finish():
    """Starts a command, kills it whenever its file of results has grown, and lets the last one end."""

    def work(command, out, counts, seed):
        def lines():
            return len(out.read_bytes().splitlines()) if out.exists() else 0

        chance, killed = random.Random(seed), 0
        for count in counts:
            process = subprocess.Popen(command)
            while lines() < count and process.poll() is None:
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
            killed += process.wait(60) == -signal.SIGKILL
        assert killed >= 1
        assert subprocess.run(command, timeout=300, check=False).returncode == 0

    return work

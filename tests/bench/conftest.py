import random
import signal
import sys
import time
from pathlib import Path

import copied
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
    """Starts a process, kills it whenever its file of results has grown, and lets the last one end."""

    def work(main, benchmark, out, processes, counts):
        def lines():
            return len(out.read_bytes().splitlines()) if out.exists() else 0

        chance, killed = random.Random(processes), 0
        for count in counts:
            process = copied.start(main, benchmark, out, processes)
            while lines() < count and process.is_alive():
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.05))
            process.kill()
            process.join(60)
            killed += process.exitcode == -signal.SIGKILL
        assert killed >= 1
        process = copied.start(main, benchmark, out, processes)
        process.join(300)
        assert process.exitcode == 0

    return work

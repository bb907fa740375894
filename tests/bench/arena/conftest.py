import sys
from pathlib import Path

import numpy as np
import pytest

from egraph.bench.arena import Ground
from egraph.datasets import Metric, Table
from egraph.evaluation import TableLookup
from egraph.searchers.testing import ToySpace

# Worker processes must be able to import the searchers of the tests.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def duel(tmp_path_factory):
    """A table on disk with what is seen and what is reported, as it is asked for."""
    from duels import write_table

    return f"{write_table(tmp_path_factory.mktemp('data') / 'duel.parquet')}:val:test"


@pytest.fixture
def toy_ground():
    """Twenty chains: the score is their value, the test score the first number, a query costs 2 s."""
    space = ToySpace(4, 5)
    architectures = list(space)
    columns = {
        "seen": space.value(architectures),
        "told": [float(space.numbers(a)[0]) for a in architectures],
        "train_s": np.full(20, 2.0),
    }
    metrics = {"seen": Metric(), "told": Metric(), "train_s": Metric("seconds", higher_is_better=False)}
    table = Table(space, architectures, columns, metrics)
    lookup = TableLookup(table, "seen", "told", "train_s")
    return Ground("toy", space, lookup, float(columns["seen"].max()), 3.0, 3.0)


@pytest.fixture
def arena_row():
    """Makes a row as `measure` gives it."""

    def make(**values):
        row = {
            "searcher": "good", "fitness": "table", "benchmark": "b", "metric": "val", "test": "test",
            "queries": 20, "seed": 0, "settings": {}, "steps": [[1, 2.0, 0.5, 10.0], [12, 24.0, 0.9, 30.0]],
            "asked": 20, "final": 30.0, "optimum": 40.0, "chosen": 35.0,
            "seconds": 40.0, "search_seconds": 0.25,
        }  # fmt: skip
        return row | values

    return make

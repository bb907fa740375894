"""A small benchmark to search and searchers for it: for tests, and for what they start and kill."""

import time

import numpy as np

from egraph import bench, datasets, spaces
from egraph.searchers import RandomSearch, Searcher


def write_table(path, rows=150):
    """Networks of nasbench_macro; ``val`` is a noisy ``test``, and wide networks are good and dear."""
    space = spaces.get("nasbench_macro")
    rng = np.random.default_rng(0)
    unique = {}
    while len(unique) < rows:
        drawn = space.sample(rng)
        unique.setdefault(space.key(drawn), drawn)
    wide = np.array([sum(op.startswith("mbconv5x5") for op in a.ops) for a in unique.values()], float)
    test = 60 + wide + rng.normal(0, 0.3, rows)
    columns = {"val": test + rng.normal(0, 0.3, rows), "test": test, "train_s": 10 + wide}
    metrics = {
        "val": datasets.Metric("percent", "validation", 50),
        "test": datasets.Metric("percent", "test", 50),
        "train_s": datasets.Metric("seconds", higher_is_better=False),
    }
    datasets.Table(space, list(unique.values()), columns, metrics, name="duel").save(path)
    return path


class Oracle(Searcher):
    """Knows a table, and proposes its rows from the best by ``val`` down."""

    name = "oracle"
    path = None

    def __init__(self, space, *, seed=0):
        super().__init__(space, seed=seed)
        table = datasets.Table.load(self.path) if self.path else None
        order = np.argsort(-table["val"]) if table else []
        self._best = [table.architectures[row] for row in order]

    def _propose(self):
        return next(a for a in self._best if self._is_new(a))

    def _learn(self, architectures, scores):
        pass


class Slow(RandomSearch):
    """Random search that takes its time."""

    name = "slow"

    def _propose(self):
        time.sleep(0.002)
        return super()._propose()


class Broken(RandomSearch):
    """Fails at the first result."""

    name = "broken"

    def _learn(self, architectures, scores):
        raise ZeroDivisionError("by\nzero")


SEARCHERS = {"slow": Slow}


def main(benchmark, out, processes):
    """Runs 48 searches."""
    bench.searchers(SEARCHERS, [benchmark], queries=25, seeds=16, out=out, processes=processes)

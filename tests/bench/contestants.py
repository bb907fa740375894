"""A small benchmark and predictors without training: for tests, and for what they start and kill."""

import os
import time
from functools import partial

import numpy as np

from egraph import bench, datasets, spaces
from egraph.errors import UsageError

WIDE, KERNEL = "mbconv5x5-e6", "mbconv3x3-e3"


def write_table(path, rows=400):
    """Networks of nasbench_macro, twins among them; wide operations are good, and a little noise."""
    space = spaces.get("nasbench_macro")
    rng = np.random.default_rng(0)
    architectures = [space.sample(rng) for _ in range(rows)]
    noise = dict(zip({space.key(a): None for a in architectures}, rng.normal(0, 0.3, rows), strict=False))
    quality = np.array([_count(a) @ [2.0, 1.0] + noise[space.key(a)] for a in architectures])
    columns = {"accuracy": 60 + quality, "seconds": quality, "fraction": 0.6 + quality / 100}
    metrics = {
        "accuracy": datasets.Metric("percent", "test", 50, 3),
        "seconds": datasets.Metric("seconds", higher_is_better=False),
        "fraction": datasets.Metric("fraction"),
    }
    datasets.Table(space, architectures, columns, metrics, name="small").save(path)
    return path


class Linear:
    """Least squares on how many operations of each kind there are."""

    def __init__(self, seed=0, ridge=0.01, seconds=0.0):
        self.seed, self.ridge, self.seconds = seed, ridge, seconds

    def get_params(self, deep=True):
        return {"seed": self.seed, "ridge": self.ridge, "seconds": self.seconds}

    def fit(self, architectures, scores):
        time.sleep(self.seconds)
        features = self._features(architectures)
        gram = features.T @ features + self.ridge * np.eye(features.shape[1])
        self.weights = np.linalg.solve(gram, features.T @ scores)
        return self

    def predict(self, architectures):
        return self._features(architectures) @ self.weights

    def _features(self, architectures):
        return np.array([[*_count(a), len(a.edges), 1] for a in architectures], float)


class Chance:
    """Knows nothing."""

    def __init__(self, seed=0):
        self.seed = seed

    def fit(self, architectures, scores):
        return self

    def predict(self, architectures):
        return np.random.default_rng(self.seed).normal(size=len(architectures))


class Broken(Chance):
    """Fails in one of the ways there are."""

    def __init__(self, seed=0, how="refuse"):
        super().__init__(seed)
        self.how = how

    def fit(self, architectures, scores):
        if self.how == "refuse":
            raise UsageError("too few networks")
        if self.how == "bug":
            raise ZeroDivisionError("by\nzero")
        if self.how == "die":
            os._exit(3)
        return self

    def predict(self, architectures):
        return np.full(len(architectures), np.nan)


PREDICTORS = {"linear": Linear, "slow": partial(Linear, seconds=0.05), "chance": Chance}


def _count(architecture):
    return np.array([sum(op.startswith(kind) for op in architecture.ops) for kind in (WIDE, KERNEL)])


def main(benchmark, out, processes):
    """Measures 48 cells."""
    bench.predictors(PREDICTORS, [benchmark], [20, 40], seeds=8, out=out, processes=processes)

"""A small evolution: for tests, and for the processes that they start and kill."""

import numpy as np

from egraph import datasets, spaces
from egraph.evolve import RankerEvaluator, make_study, split_table

TRIALS = 30


def table(count=80):
    """Networks of nasbench_macro in which wide operations are good, in percent."""
    space = spaces.get("nasbench_macro")
    rng = np.random.default_rng(0)
    unique = {}
    while len(unique) < count:
        drawn = space.sample(rng)
        unique.setdefault(space.key(drawn), drawn)
    architectures = list(unique.values())
    quality = [sum(op.startswith("mbconv5x5") + k / 50 for k, op in enumerate(a.ops)) for a in architectures]
    columns = {"accuracy": np.array(quality), "latency": -np.array(quality)}
    metrics = {
        "accuracy": datasets.Metric("percent", "validation"),
        "latency": datasets.Metric("ms", higher_is_better=False),
    }
    return datasets.Table(space, architectures, columns, metrics, name="small")


def split():
    return split_table(table(), "accuracy", train=16, validation=20, test=30)


def study(storage=None, **options):
    evaluator = RankerEvaluator(split(), filters=4)
    return make_study("graphsage", evaluator, storage=storage, population=6, sample=3, **options)


def history(one):
    """All of the trials that must not depend on the clock."""
    return one.trials.drop(columns=["seconds", "started", "finished"]).to_json()


def main(path):
    """Runs the evolution to its end."""
    with study(path) as evolution:
        evolution.run(trials=TRIALS)

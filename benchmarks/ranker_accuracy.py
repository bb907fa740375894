"""Rank correlation of the ranker on unseen architectures, compared with gradient boosting.

    python benchmarks/ranker_accuracy.py nasbench201:156 nasbench101:424 --seeds 5

Each line is one benchmark and number of labels. Data is split by key: `table.distinct().split(n, seed)`. Both
models are fitted on n keys; the measure is Kendall's tau-b over all other keys, as mean ± standard deviation
over seeds. These seeds were not used for any choice. Gradient boosting reads one-hot operations and edges.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from tables import METRICS

import egraph
from egraph import Architecture
from egraph.metrics import kendall_tau
from egraph.ranker import Ranker

BOUNDS = {
    ("nasbench201", 78): (0.80, 0.84),
    ("nasbench201", 156): (0.845, 0.88),
    ("nasbench201", 469): (0.885, 0.91),
    ("nasbench201", 781): (0.90, 0.92),
    ("nasbench101", 100): (0.755, 0.80),
    ("nasbench101", 172): (0.793, 0.83),
    ("nasbench101", 424): (0.83, 0.86),
    ("nasbench101", 4236): (0.878, 0.885),
    ("accel_nasbench", 100): (0.765, 0.80),
    ("accel_nasbench", 400): (0.859, 0.87),
}
"""Required tau and goal, by benchmark and number of labels."""

DEFAULT = ["nasbench201:78", "nasbench201:156", "nasbench201:469", "nasbench101:100", "nasbench101:172"]
Scores = np.ndarray
Fit = Callable[[Sequence[Architecture], Scores, int], Callable[[Sequence[Architecture]], Scores]]


def fit_ranker(architectures: Sequence[Architecture], scores: Scores, seed: int) -> Callable:
    return Ranker(seed=seed).fit(architectures, scores).predict


def fit_boosting(architectures: Sequence[Architecture], scores: Scores, seed: int) -> Callable:
    """Gradient boosting on the adjacency matrix and the one-hot operation of each vertex, as numbered."""
    ops = sorted({op for a in architectures for op in a.ops})
    width = max(a.num_vertices for a in architectures)

    def encode(graphs: Sequence[Architecture]) -> np.ndarray:
        rows = np.zeros((len(graphs), width * (width + len(ops))), np.float32)
        for row, a in zip(rows, graphs, strict=True):
            for i, j in a.edges:
                if i < width and j < width:
                    row[i * width + j] = 1
            for vertex, op in enumerate(a.ops[:width]):
                if op in ops:
                    row[width * width + vertex * len(ops) + ops.index(op)] = 1
        return rows

    model = HistGradientBoostingRegressor(
        max_iter=300, learning_rate=0.05, min_samples_leaf=5, random_state=seed
    )
    model.fit(encode(architectures), scores)
    return lambda graphs: model.predict(encode(graphs))


METHODS: dict[str, Fit] = {"ranker": fit_ranker, "boosting": fit_boosting}


def measure(name: str, labels: int, seeds: Sequence[int], metric: str) -> None:
    table = egraph.datasets.load(name).distinct()
    taus: dict[str, list[float]] = {method: [] for method in METHODS}
    fit_seconds: dict[str, list[float]] = {method: [] for method in METHODS}
    rates: dict[str, list[float]] = {method: [] for method in METHODS}
    for seed in seeds:
        train, test = table.split(labels, seed=seed)
        for method, fit in METHODS.items():
            start = time.perf_counter()
            predict = fit(train.architectures, train[metric], seed)
            fitted = time.perf_counter()
            predicted = predict(test.architectures)
            done = time.perf_counter()
            taus[method].append(kendall_tau(test[metric], predicted))
            fit_seconds[method].append(fitted - start)
            rates[method].append(len(test) / (done - fitted))
    goal = ""
    if metric == METRICS.get(name) and (name, labels) in BOUNDS:
        least, aim = BOUNDS[name, labels]
        verdict = "met" if np.mean(taus["ranker"]) >= least else "MISSED"
        goal = f"  at least {least:.3f} {verdict}, aim {aim:.3f}"
    for method in METHODS:
        print(
            f"{name:22s} {metric:18s} {labels:6d} {method:10s} tau {np.mean(taus[method]):.4f} ± "
            f"{np.std(taus[method]):.4f}  fit {np.mean(fit_seconds[method]):6.1f} s  "
            f"{np.mean(rates[method]):8.0f} architectures/s{goal if method == 'ranker' else ''}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", default=DEFAULT, metavar="BENCHMARK:LABELS")
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds, counted from 0")
    parser.add_argument("--metric", help="metric; default: the usual one of the benchmark")
    arguments = parser.parse_args()
    print(f"egraph {egraph.__version__}, torch {torch.__version__}, {torch.get_num_threads()} threads")
    for case in arguments.cases:
        name, labels = case.rsplit(":", 1)
        measure(name, int(labels), range(arguments.seeds), arguments.metric or METRICS.get(name, "score"))


if __name__ == "__main__":
    main()

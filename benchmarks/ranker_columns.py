"""The gain of a ranker from zero-cost scores as additional columns.

    python benchmarks/ranker_columns.py
    python benchmarks/ranker_columns.py nasbench201 --seeds 100 101 102 --folds 0

A ranker is fitted with and without the columns on a few labels, and ranks 500 other networks. Both sets are
drawn by seed from the distinct networks of a table. Prints Kendall's tau-b of both rankers and of each column
alone, and the CPU time of the scores. Scores are stored in --scores; a run computes only those that are
missing.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import egraph
from egraph.architecture import Architecture
from egraph.bench.arena import Scores
from egraph.datasets import Table
from egraph.evaluation import ZeroCost
from egraph.metrics import kendall_tau

TASKS = {"nasbench201": ("cifar10_test_200", 78), "nasbench101": ("val_acc_108", 100)}
"""Metric and number of labels."""

PROXIES = ("naswot", "synflow", "params")
TEST = 500


def draw(table: Table, labels: int, seed: int) -> tuple[Table, Table]:
    train, rest = table.split(labels, seed)
    return train, rest.take(np.sort(np.random.default_rng(seed).permutation(len(rest))[:TEST]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "benchmarks", nargs="*", default=list(TASKS), help=f"benchmarks, of {', '.join(TASKS)}; default: all"
    )
    parser.add_argument("--proxies", nargs="+", default=PROXIES, metavar="NAME")
    parser.add_argument(
        "--seeds", nargs="+", type=int, default=[100, 101], help="seeds of splits and rankers"
    )
    parser.add_argument("--data", default="noise-16", help="images")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--members", type=int, default=5)
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--scores", default="runs/ranker_columns.sqlite")
    arguments = parser.parse_args()
    if unknown := set(arguments.benchmarks) - set(TASKS):
        parser.error(f"unknown benchmark {unknown.pop()!r}; known: {', '.join(TASKS)}")
    os.makedirs(os.path.dirname(arguments.scores) or ".", exist_ok=True)
    print(
        f"egraph {egraph.__version__}: {', '.join(arguments.proxies)} of {arguments.channels} channels on "
        f"{arguments.batch_size} images of {arguments.data}"
    )
    for name in arguments.benchmarks:
        compare(name, arguments)


def compare(name: str, arguments: argparse.Namespace) -> None:
    metric, labels = TASKS[name]
    table = egraph.datasets.load(name).distinct()
    parts = [
        Scores(
            ZeroCost(
                table.space,
                proxy,
                arguments.data,
                batch_size=arguments.batch_size,
                channels=arguments.channels,
            ),
            arguments.scores,
        )
        for proxy in arguments.proxies
    ]

    def columns(architectures: list[Architecture]) -> np.ndarray:
        return np.column_stack([part(architectures) for part in parts])  # (architectures, proxies)

    gains = []
    for seed in arguments.seeds:
        train, test = draw(table, labels, seed)
        begun = time.process_time()
        alone = columns([*train.architectures, *test.architectures])[len(train) :]
        spent = time.process_time() - begun
        truth = test.scores(metric)
        taus = []
        for own in (None, columns):
            ranker = egraph.Ranker(seed=seed, members=arguments.members, folds=arguments.folds, columns=own)
            ranker.fit(train.architectures, train.scores(metric))
            taus.append(kendall_tau(truth, ranker(test.architectures)))
        gains.append(taus[1] - taus[0])
        known = np.isfinite(alone)
        single = ", ".join(
            f"{proxy} {kendall_tau(truth[rows], values[rows]):.3f}"
            for proxy, values, rows in zip(arguments.proxies, alone.T, known.T, strict=True)
        )
        print(
            f"{name}, {labels} labels, seed {seed}: tau {taus[0]:.4f} without, {taus[1]:.4f} with; "
            f"alone: {single}; {spent:.0f} CPU s of scores",
            flush=True,
        )
    print(f"{name}: gain {np.mean(gains):+.4f}")


if __name__ == "__main__":
    main()

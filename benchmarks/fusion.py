"""Zero-cost scores fused with a ranker that knows no network of the space.

    python benchmarks/fusion.py
    python benchmarks/fusion.py --seeds 100 --sample 100 --weights 0.2 0.3 0.4 0.5 0.6
    python benchmarks/fusion.py --ranker runs/without-nasbench201.egraph

A ranker is fitted on labels of the source table, or read from a file, and ranks a random sample of the
target table's distinct networks, of which it has no label. Prints Kendall's tau-b of the ranker, of each
zero-cost score, of the scores together, and of the ranker fused with them. Scores are stored in --scores; a
run computes only those that are missing.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import egraph
from egraph.bench.arena import Scores
from egraph.evaluation import ZeroCost, fuse
from egraph.metrics import kendall_tau


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--source", nargs=2, default=("nasbench101", "val_acc_108"), metavar=("TABLE", "METRIC")
    )
    parser.add_argument(
        "--target", nargs=2, default=("nasbench201", "cifar10_test_200"), metavar=("TABLE", "METRIC")
    )
    parser.add_argument("--ranker", metavar="FILE", help="a ranker in place of one fitted on the source")
    parser.add_argument("--labels", type=int, default=1000, help="labels of the source")
    parser.add_argument("--members", type=int, default=3, help="networks of the ranker")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="seeds of labels and rankers")
    parser.add_argument("--sample", type=int, default=0, help="seed of the networks of the target")
    parser.add_argument("--count", type=int, default=300, help="number of networks of the target")
    parser.add_argument("--proxies", nargs="+", default=["swap", "ntk", "synflow"], metavar="NAME")
    parser.add_argument("--weights", nargs="+", type=float, default=[0.4], help="weights of the ranker")
    parser.add_argument("--data", default="photographs-16", help="images")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--channels", type=int, default=4)
    parser.add_argument("--scores", default="runs/fusion.sqlite")
    arguments = parser.parse_args()

    os.makedirs(os.path.dirname(arguments.scores) or ".", exist_ok=True)
    table = egraph.datasets.load(arguments.target[0]).distinct()
    table = table.take(np.random.default_rng(arguments.sample).permutation(len(table))[: arguments.count])
    truth, pool = np.asarray(table[arguments.target[1]]), table.architectures
    columns = []
    options = {"batch_size": arguments.batch_size, "channels": arguments.channels, "device": "cpu"}
    for proxy in arguments.proxies:
        began = time.process_time()
        scores = Scores(ZeroCost(table.space, proxy, arguments.data, **options), arguments.scores)(pool)
        columns.append(scores)
        spent = 1000 * (time.process_time() - began) / len(pool)
        known = np.isfinite(scores)
        tau = kendall_tau(truth[known], scores[known])
        print(f"{proxy:28s} tau {tau:.3f}, none {np.sum(~known)}, {spent:.0f} ms now", flush=True)
    values = np.column_stack(columns)
    alone = fuse(np.zeros(len(pool)), values, 0.0)
    print(f"{'+'.join(arguments.proxies):28s} tau {kendall_tau(truth, alone):.3f}", flush=True)
    found: dict[str, list[float]] = {}
    for seed in arguments.seeds:
        if arguments.ranker:
            ranker = egraph.load(arguments.ranker)
        else:
            source = egraph.datasets.load(arguments.source[0]).distinct().split(arguments.labels, seed)[0]
            ranker = egraph.Ranker(seed=seed, members=arguments.members, folds=0)
            ranker.fit(source.architectures, source[arguments.source[1]])
        with warnings.catch_warnings():  # these networks are unlike those that it was trained on, as intended
            warnings.simplefilter("ignore")
            predicted = ranker.predict(pool)
        rows = {"ranker alone": predicted}
        rows |= {
            f"ranker {weight:g}, scores {1 - weight:g}": fuse(predicted, values, weight)
            for weight in arguments.weights
        }
        for name, scores in rows.items():
            found.setdefault(name, []).append(kendall_tau(truth, scores))
            print(f"seed {seed}: {name:20s} tau {found[name][-1]:.3f}", flush=True)
    for name, taus in found.items():
        print(f"{name:28s} tau {np.mean(taus):.3f} +- {np.std(taus):.3f} over {len(taus)}")


if __name__ == "__main__":
    main()

"""How many more networks two worker processes train in an hour than one, and whether the scores are the same.

    python benchmarks/workers.py                      # on a machine with two free cores; some 10 minutes

Two studies train the same random networks with the recipe of `mnist1d`: one without worker processes, one
with --workers. They take turns. The time of a study goes from its first training to the end of its last; the
start of the processes is in it. Every network must have the same score in both. One thread a process.
"""

from __future__ import annotations

import argparse
import os
from statistics import mean, stdev

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

import egraph
from egraph.evaluation import Training


def train(evaluator: Training, networks: list[egraph.Architecture], workers: int) -> pd.DataFrame:
    """The trials of a study of these networks, by their keys."""
    with egraph.Study(evaluator.space, evaluator, ranker=False, screen=False, workers=workers) as study:
        study.enqueue(networks)
        study.run(trials=len(networks))
        trials = study.trials.set_index("key").sort_index()
    assert (trials["state"] == "complete").all()
    return trials


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--networks", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    space, rng = egraph.spaces.get("convnet"), np.random.default_rng(0)
    evaluator = Training(space, "mnist1d", device="cpu")
    evaluator.describe()  # loads the data
    drawn = (space.sample(rng) for _ in range(args.networks))
    networks = list({space.key(one): one for one in drawn}.values())
    print(f"{len(networks)} networks")
    ratios = []
    for _ in range(args.repeats):
        rates, scores = {}, {}
        for workers in (1, args.workers):
            trials = train(evaluator, networks, workers)
            hours = (trials["finished"].max() - trials["started"].min()) / 3600
            rates[workers], scores[workers] = len(trials) / hours, trials["score"]
            print(f"  {workers} workers: {rates[workers]:,.0f} trainings an hour", flush=True)
        pd.testing.assert_series_equal(scores[1], scores[args.workers], check_exact=True)
        ratios.append(rates[args.workers] / rates[1])
    print(f"ratio: {mean(ratios):.2f}" + (f" +- {stdev(ratios):.2f}" if len(ratios) > 1 else ""))


if __name__ == "__main__":
    main()

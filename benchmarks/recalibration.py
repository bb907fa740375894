r"""A ranker before and after a search that it guided: does the study's ranker keep what the given one knew?

    python benchmarks/recalibration.py                      # ten seeds: about 15 minutes on 2 cores
    python benchmarks/recalibration.py --seeds 1            # a first look

For each seed, as these two commands do:

    egraph train --data nasbench201 --metric cifar10_test_200 --samples 156 --seed SEED --out r.egraph
    egraph search --data nasbench201 --metric cifar10_test_200 --ranker r.egraph --trials 48 --seed SEED \
        --storage x.db

Then both files, `r.egraph` and `x.egraph`, predict all cells that neither of them has learned from. Prints
Kendall's tau of both, the share of the prior in the second, tau of a ranker that learned from the 48 trials
alone, and what the study promised and delivered. ``--out`` appends one JSON line a seed, and seeds that the
file has are not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import egraph
from egraph import bench, datasets
from egraph.evaluation import TableLookup
from egraph.metrics import kendall_tau


def measure(table: datasets.Table, metric: str, seed: int, samples: int, trials: int) -> dict[str, Any]:
    """The results of one seed."""
    fit = bench.fit_on_table(table, metric, samples, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        given, kept = Path(folder) / "r.egraph", Path(folder) / "x.egraph"
        fit.ranker.save(given)
        with egraph.Study(
            table.space, TableLookup(table, metric), seed=seed, ranker=egraph.load(given)
        ) as study:
            study.run(trials=trials)
            own, rounds = study.trials, study.rounds
            assert study.ranker is not None
            study.ranker.save(kept)
        before, after = egraph.load(given), egraph.load(kept)
    graphs = [egraph.Architecture.from_json(text) for text in own["architecture"]]
    alone = egraph.Ranker(seed=seed).fit(graphs, own["score"])
    seen = {*own["key"], *map(table.space.key, fit.train.architectures)}
    keys = map(table.space.key, table.architectures)
    rows = [row for row, key in enumerate(keys) if key not in seen]
    others, truth = [table.architectures[row] for row in rows], table.columns[metric][rows]
    taus = {
        name: kendall_tau(truth, np.asarray(ranker.predict(others)))
        for name, ranker in (("before", before), ("after", after), ("trials_alone", alone))
    }
    return {
        "seed": seed,
        "cells": len(rows),
        **taus,
        "prior_share": float(after.prior_share_),
        "best": float(own["score"].max()),
        "alarms": int(rounds["alarm"].sum()),
        "promised_tau": float(rounds["promised_tau"].mean()),
        "delivered_tau": float(rounds["tau"].mean()),
        "coverage80": float(rounds["coverage80"].mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="nasbench201")
    parser.add_argument("--metric", default="cifar10_test_200")
    parser.add_argument("--samples", type=int, default=156)
    parser.add_argument("--trials", type=int, default=48)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--out", type=Path, help="a file of JSON lines, to resume")
    arguments = parser.parse_args()
    table = datasets.load(arguments.data)
    known = []
    if arguments.out is not None and arguments.out.exists():
        known = [json.loads(line) for line in arguments.out.read_text().splitlines()]
    wanted = range(arguments.first, arguments.first + arguments.seeds)
    results = {result["seed"]: result for result in known if result["seed"] in wanted}
    for seed in wanted:
        if seed not in results:
            results[seed] = measure(table, arguments.metric, seed, arguments.samples, arguments.trials)
            if arguments.out is not None:
                with arguments.out.open("a") as file:
                    file.write(json.dumps(results[seed]) + "\n")
        shown = (f"{name} {value:.3f}" for name, value in results[seed].items() if name != "seed")
        print(f"seed {seed}: {', '.join(shown)}", flush=True)
    print()
    for name in (
        "before",
        "after",
        "trials_alone",
        "prior_share",
        "promised_tau",
        "delivered_tau",
        "coverage80",
    ):
        values = np.array([result[name] for result in results.values()])
        print(f"{name:<14} {values.mean():.3f} +- {values.std(ddof=min(1, len(values) - 1)):.3f}")
    gains = np.array([result["after"] - result["before"] for result in results.values()])
    print(
        f"after - before {gains.mean():+.3f}, least {gains.min():+.3f}, "
        f"not below in {int((gains >= 0).sum())} of {len(gains)}"
    )
    print(f"alarms         {sum(result['alarms'] for result in results.values())}")


if __name__ == "__main__":
    main()

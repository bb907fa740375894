"""How many trainings a search needs for what random search has after 100: real trainings.

    python benchmarks/trainings_needed.py --processes 2                          # egraph and random search
    python benchmarks/trainings_needed.py --searcher all --processes 2           # hours
    python benchmarks/trainings_needed.py --data fashion-mnist --seeds 5 --processes 2

For each seed random search trains 100 networks; its best validation accuracy is the target. Then each
contestant trains, with the same recipe, until a network reaches the target, or as much as 100 networks.
`egraph` is a study with the defaults of `egraph search`; `egraph-fidelities` the same with a quarter of the
epochs first, where only whole trainings can reach the target, and a cheap one counts as a quarter. A searcher
(`regularized-evolution`, ...) sees the real scores and has no ranker. Trainings and seconds are counted
until the training that reached the target has ended. Seconds are those of the processor, in one thread, with
everything that the search itself costs.

Each finished search is a line of the file --out. The same command again does what is missing.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

# One thread a process: the processes share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from search_trained import read, task

import egraph
from egraph import searchers
from egraph.study import TrialFinished

BUDGET = 100
"""Trainings of random search, and at most of each contestant."""

STEP = 8
"""Trainings between two looks at whether the target is reached: a round of a guided study."""

GUIDED = {"egraph": {}, "egraph-fidelities": {"fidelities": [0.25, 1]}}
"""Contestants with a ranker, and their settings beside the defaults."""

UNFIT = ("deepneat", "codeepneat", "drawn")
"""Searchers for other spaces."""


def search(data: str, contestant: str, seed: int, target: float | None) -> dict[str, Any]:
    """Runs one search until its target is reached; without a target, to the end of the budget."""
    space, evaluator = task(data)
    evaluator.describe()  # loads the data, which counts for nobody
    alone = {"ranker": False, "searcher": contestant, "screen": False}
    options: dict[str, Any] = GUIDED.get(contestant, alone)
    scores: list[float] = []
    costs: list[float] = []
    ends: list[float] = []
    began = time.process_time()

    def listen(event: object) -> None:
        if isinstance(event, TrialFinished):
            scores.append(event.trial.score if event.trial.fidelity == 1 else math.nan)
            costs.append(event.trial.fidelity)
            ends.append(time.process_time() - began)

    with egraph.Study(space, evaluator, seed=seed, **options) as study:
        trials = 2 * STEP if contestant in GUIDED else STEP
        while True:
            study.run(trials=min(trials, BUDGET), progress=listen)
            if trials >= BUDGET or (target is not None and np.nanmax([-1, *scores]) >= target):
                break
            trials += STEP
    row = {"data": data, "space": space.name, "contestant": contestant, "seed": seed}
    row["recipe"] = evaluator.recipe.to_dict()
    return row | {"target": target, "scores": scores, "costs": costs, "seconds": ends}


def count(row: dict[str, Any], target: float) -> tuple[float, float]:
    """Trainings and seconds until the target was reached; infinite if it was not."""
    reached = np.flatnonzero(np.array(row["scores"], dtype=float) >= target)
    if not len(reached):
        return np.inf, np.inf
    return float(np.sum(row["costs"][: reached[0] + 1])), row["seconds"][reached[0]]


def show(rows: list[dict[str, Any]]) -> None:
    """Prints one line a data set and contestant."""
    print("data | contestant | seeds | trainings, each seed | mean | 100 / mean | seconds, random / own")
    found = {(row["data"], row["contestant"], row["seed"]): row for row in rows}
    for data, contestant in dict.fromkeys((row["data"], row["contestant"]) for row in rows):
        counts, ratios = [], []
        for (where, who, seed), row in sorted(found.items()):
            random = found.get((data, "random", seed))
            if (where, who) != (data, contestant) or random is None:
                continue
            trainings, seconds = count(row, float(np.nanmax(random["scores"])))
            counts.append(trainings)
            ratios.append(random["seconds"][-1] / seconds)
        mean, each = np.mean(counts), " ".join(f"{value:g}" for value in counts)
        ahead = f"{BUDGET / mean:.1f} | {np.mean(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
        print(f"{data} | {contestant} | {len(counts)} | {each} | {mean:.1f} | {ahead}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", action="append", help="mnist1d or fashion-mnist; default: both")
    parser.add_argument("--searcher", action="append", default=[], help="searchers beside egraph, or all")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/trainings_needed.jsonl"))
    given = parser.parse_args()
    names = [name for name in searchers.names() if name not in ("random", *UNFIT)]
    contestants = [*GUIDED, *(names if given.searcher == ["all"] else given.searcher)]
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(given.processes) as pool, given.out.open("a", encoding="utf-8") as file:
        for wave in (["random"], contestants):  # the targets first
            known = {(row["data"], row["contestant"], row["seed"]): row for row in read(given.out)}
            jobs = []
            for data in given.data or ["mnist1d", "fashion-mnist"]:
                for contestant in wave:
                    for seed in seeds:
                        random = known.get((data, "random", seed))
                        target = None if random is None else float(np.nanmax(random["scores"]))
                        if (data, contestant, seed) not in known:
                            jobs.append(pool.submit(search, data, contestant, seed, target))
            for job in as_completed(jobs):
                row = job.result()
                file.write(json.dumps(row) + "\n")
                file.flush()
                name = f"{row['contestant']} on {row['data']}, seed {row['seed']}"
                print(f"{name}: {len(row['scores'])} trainings", flush=True)
    show([row for row in read(given.out) if row["seed"] in seeds])


if __name__ == "__main__":
    main()

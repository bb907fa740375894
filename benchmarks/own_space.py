"""Searches of a recursive space that a builder defines, and the speed of builders.

    python benchmarks/own_space.py            # 20 seeds: egraph, regularized evolution and random search
    python benchmarks/own_space.py --speed    # networks a second on one core

The space is `cells` of examples/own_networks.py: two cells that may contain cells, each a layer, a chain or a
sum. The fitness is a formula of the layers, so that nothing is trained and the optimum is known, 0: it is the
distance to seven convolutions of 3x3, two of 1x1 and one small pool on the longest way from input to output,
and to three sums. For each seed the target is the best of random search after 160 evaluations;
counted are the evaluations that each contestant needs, 160 where it does not reach it.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

# One thread a process, as on one core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import egraph
from egraph import Architecture, operations
from egraph.study import TrialFinished

CELLS = "examples.own_networks:cells@1x8x8,10"
BUILDERS = {
    "residual": "examples.own_networks:residual@1x28x28,10",
    "transformer": "examples.own_networks:transformer@1x40,10",
    "cells": CELLS,
}
BUDGET = 160
CONTESTANTS: dict[str, dict[str, Any]] = {
    "random": {"ranker": False, "searcher": "random"},
    "regularized-evolution": {"ranker": False, "searcher": "regularized-evolution"},
    "egraph": {"initial": 8, "batch": 4, "candidates": 500},
}


def fitness(architectures: list[Architecture]) -> list[float]:
    """The score of each architecture, at most 0."""
    return [_score(architecture) for architecture in architectures]


def _score(architecture: Architecture) -> float:
    kinds = [operations.get(op) for op in architecture.ops]
    ways: list[Counter[str]] = [Counter() for _ in kinds]
    for vertex, operation in enumerate(kinds):
        before = [ways[i] for i, j in architecture.edges if j == vertex]
        longest = max(before, key=lambda way: (way.total(), sorted(way.items())), default=Counter())
        own = f"{operation.kind}{operation.kernel}"
        ways[vertex] = longest + Counter([own] if operation.kind in ("conv", "max-pool") else [])
    way, sums = ways[-1], architecture.ops.count("add")
    wrong = (
        abs(way["conv3"] - 7) + abs(way["conv1"] - 2) + 0.5 * abs(sums - 3) + 0.5 * abs(way["max-pool3"] - 1)
    )
    return -float(wrong)


def search(contestant: str, seed: int, target: float) -> list[float]:
    """The scores of a search, in the order of its evaluations, until one reaches the target."""
    scores: list[float] = []

    def listen(event: object) -> None:
        if isinstance(event, TrialFinished):
            scores.append(event.trial.score)

    space = egraph.spaces.find(CELLS)
    with egraph.Study(space, fitness, seed=seed, screen=False, **CONTESTANTS[contestant]) as study:
        for trials in range(8, BUDGET + 1, 4):
            study.run(trials=trials, progress=listen)
            if max(scores) >= target:
                break
    return scores


def compare(seeds: range, path: Path) -> None:
    """Runs what is missing in the file, and prints a line a contestant."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(row["contestant"], row["seed"]): row["scores"] for row in rows}
    for contestant in CONTESTANTS:
        for seed in seeds:
            best = 1.0 if contestant == "random" else max(done["random", seed])
            if (contestant, seed) not in done:
                done[contestant, seed] = search(contestant, seed, best)
                with path.open("a", encoding="utf-8") as file:
                    row = {"contestant": contestant, "seed": seed, "scores": done[contestant, seed]}
                    file.write(json.dumps(row) + "\n")
    print("contestant | until random search's best of 160, each seed | mean")
    for contestant in CONTESTANTS:
        counts = []
        for seed in seeds:
            reached = np.flatnonzero(np.array(done[contestant, seed]) >= max(done["random", seed]))
            counts.append(int(reached[0]) + 1 if len(reached) else BUDGET)
        print(f"{contestant} | {' '.join(map(str, counts))} | {np.mean(counts):.1f}")


def measure_speed() -> None:
    """Prints networks a second: sampled, which includes the build, the graph and the key, and mutated."""
    print(
        "builder | vertices, mean | sampled a second | mutated a second | of a sample: build, graph and key"
    )
    for name, builder in BUILDERS.items():
        space = egraph.spaces.find(builder)
        rng = np.random.default_rng(0)
        began = time.process_time()
        drawn = [space.sample(rng) for _ in range(200)]
        sampled = time.process_time() - began
        began = time.process_time()
        for architecture in drawn[:100]:
            space.mutate(architecture, rng)
        mutated = time.process_time() - began
        began = time.process_time()
        for architecture in drawn:
            space.network(architecture, space.input_shape, space.num_classes)
        built = time.process_time() - began
        size = np.mean([architecture.num_vertices for architecture in drawn])
        print(
            f"{name} | {size:.0f} | {200 / sampled:.0f} | {100 / mutated:.0f} | "
            f"{built / sampled:.0%}, {1 - built / sampled:.0%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/own_space.jsonl"))
    given = parser.parse_args()
    if given.speed:
        measure_speed()
    else:
        compare(range(given.first_seed, given.first_seed + given.seeds), given.out)


if __name__ == "__main__":
    main()

"""Searches of a recursive space that a builder defines, and the speed of builders.

    python benchmarks/own_space.py            # 20 seeds: egraph, regularized evolution and random search
    python benchmarks/own_space.py --speed    # networks a second on one core
    python benchmarks/own_space.py --rebuild  # 1,000 networks of each example, rebuilt in another process

The space is `cells` of examples/own_networks.py: two cells that may contain cells, each a layer, a chain or a
sum. The fitness is a formula of the layers, so that nothing is trained and the optimum is known, 0: it is the
distance to seven convolutions of 3x3, two of 1x1 and one small pool on the longest way from input to output,
and to three sums. For each seed the target is the best of random search after 160 evaluations;
counted are the evaluations that each contestant needs, 160 where it does not reach it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

# One thread a process, as on one core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

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


def ten_layers() -> torch.nn.Module:
    """Nine convolutions with norms and a dense layer, whose variants are sampled too."""
    layers: list[torch.nn.Module] = []
    before = 1
    for number, width in enumerate((16, 16, 16, 32, 32, 32, 64, 64, 64)):
        stride = 2 if number in (3, 6) else 1
        conv = torch.nn.Conv2d(before, width, 3, stride, padding=1)
        layers += [conv, torch.nn.BatchNorm2d(width), torch.nn.ReLU()]
        before = width
    head = [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(before, 10)]
    return torch.nn.Sequential(*layers, *head)


def measure_speed() -> None:
    """Prints networks a second: sampled, which includes the build, the graph and the key, and mutated."""
    spaces = {name: egraph.spaces.find(builder) for name, builder in BUILDERS.items()}
    spaces["variants of ten layers"] = egraph.spaces.around(ten_layers(), (1, 28, 28))
    print(
        "builder | vertices, mean | sampled a second | mutated a second | of a sample: build, graph and key"
    )
    for name, space in spaces.items():
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


def rebuild(count: int) -> None:
    """Rebuilds networks from their JSON in another process, and compares keys with what networks compute."""
    print(
        "builder | sampled | rebuilt alike | keys | pairs of keys with equal outputs | keys with two outputs"
    )
    for name, builder in BUILDERS.items():
        space = egraph.spaces.find(builder)
        rng = np.random.default_rng(0)
        drawn = [space.sample(rng) for _ in range(count)]
        lines = "\n".join(json.dumps([builder, one.to_json()]) for one in drawn)
        command = [sys.executable, __file__, "--describe"]
        done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
        alike = sum(
            json.loads(line) == describe(space, one)
            for line, one in zip(done.stdout.splitlines(), drawn, strict=True)
        )
        functions: dict[str, list[np.ndarray]] = {}
        for one in drawn:
            functions.setdefault(space.key(one), []).append(function_of(space, one))
        two = sum(not np.allclose(each, each[0], rtol=1e-9) for each in functions.values())
        firsts = np.array([each[0] for each in functions.values()])
        settings = [key.split(" ", 1)[1:] for key in functions]
        equal = sum(
            settings[i] == settings[j]
            for i in range(len(firsts))
            for j in np.flatnonzero(np.isclose(firsts[i + 1 :], firsts[i], rtol=1e-9).all(axis=1)) + i + 1
        )
        print(f"{name} | {count} | {alike} | {len(functions)} | {equal} | {two}", flush=True)


def describe(space: Any, architecture: Architecture) -> list[Any]:
    """Graph, key, parameters and a digest of the weights of a network, as JSON-ready values."""
    module = space.network(architecture, space.input_shape, space.num_classes, seed=3)
    weights = b"".join(each.detach().numpy().tobytes() for each in module.state_dict().values())
    parameters = sum(each.numel() for each in module.parameters())
    digest = hashlib.sha256(weights).hexdigest()
    return [architecture.to_json(), space.key(architecture), parameters, digest]


def function_of(space: Any, architecture: Architecture) -> np.ndarray:
    """Outputs on random inputs, where all weights are the same numbers, however they were drawn."""
    module = space.network(architecture, space.input_shape, space.num_classes).eval().double()
    inputs = torch.randn(4, *space.input_shape, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        for each in module.parameters():
            wave = torch.linspace(0.1, 1.7 + each.numel(), each.numel()).sin()
            each.copy_((wave * (3 / max(each[0].numel(), 1)) ** 0.5).reshape(each.shape))
        found: np.ndarray = module(inputs).flatten().numpy()
    return found


def describe_lines() -> None:
    """Describes the networks on the standard input: lines with a builder and an architecture."""
    for line in sys.stdin:
        builder, architecture = json.loads(line)
        print(json.dumps(describe(egraph.spaces.find(builder), Architecture.from_json(architecture))))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--rebuild", action="store_true")
    parser.add_argument("--count", type=int, default=1000, help="networks that are rebuilt")
    parser.add_argument("--describe", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/own_space.jsonl"))
    given = parser.parse_args()
    if given.speed:
        measure_speed()
    elif given.rebuild:
        rebuild(given.count)
    elif given.describe:
        describe_lines()
    else:
        compare(range(given.first_seed, given.first_seed + given.seeds), given.out)


if __name__ == "__main__":
    main()

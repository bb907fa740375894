r"""What architectures drawn from a supernet are worth, beside its derived one, evolution and random search.

    python benchmarks/small_images.py fashion-mnist 2 build/fashion-14.npz
    egraph bench darts --data build/fashion-14.npz --metric nasbench201:cifar10_test_200 --out runs/d.jsonl
    python benchmarks/supernet_candidates.py runs/d.jsonl

Reads the supernets of NAS-Bench-201 that `egraph bench darts` has trained. Networks are looked up in the
table: the validation accuracy `cifar10_val_200` selects, the test accuracy `cifar10_test_200` of the selected
network is the result. With K trainings (--trainings):

- `derived`: the derived architecture of the best epoch, one training
- `drawn`: the best of K drawn by the probabilities of that epoch
- `pick`: a ranker that learns from these K orders 200 more drawn ones; the first of them, one training more
- `drawn, ranker`: a study with the ranker, whose searcher draws from the probabilities
- `evolution, ranker`: the same study with its default searcher
- `random`: the best of K random ones
- `random, as long`: as many more random ones as take the time of the supernet; the time of a training is that
  of a random network of the same sizes, examples and epochs
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import time
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

import egraph
from egraph import datasets
from egraph.architecture import Architecture
from egraph.bench.studies import darts
from egraph.evaluation import TableLookup
from egraph.evaluation.building import load_cached
from egraph.searchers import Drawn, RandomSearch
from egraph.supernets import search_recipe
from egraph.training import fit

SPACE = "nasbench201"
SCORE, RESULT = "cifar10_val_200", "cifar10_test_200"
MORE = 200
"""Candidates that the ranker orders."""

FIELDS = [field.name for field in dataclasses.fields(darts.Cell)]


def train_random(cell: darts.Cell, count: int = 3) -> float:
    """Mean processor seconds of a training of a random network like those in the supernet."""
    space, data = egraph.spaces.get(cell.space), load_cached(cell.data, None)
    inputs, classes = (torch.from_numpy(each)[: cell.examples] for each in data.train)
    recipe = search_recipe(epochs=cell.epochs, batch_size=cell.batch_size)
    seconds = []
    for architecture in RandomSearch(space, seed=cell.seed).ask(count):
        sizes = {"channels": cell.channels, "cells": cell.cells}
        network = space.network(architecture, data.input_shape, data.num_classes, seed=cell.seed, **sizes)
        began = time.process_time()
        fit(network, (inputs, classes), recipe, seed=cell.seed)
        seconds.append(time.process_time() - began)
    return float(np.mean(seconds))


def compare(row: dict[str, Any], lookup: TableLookup, trainings: int, cost: float) -> dict[str, float]:
    """The results of all contestants for one supernet, which takes as long as ``cost`` trainings."""
    space, seed = lookup.space, row["seed"]
    draw = partial(Drawn, probabilities=row["probabilities"], empties=False)
    drawn = draw(space, seed=seed).ask(trainings + MORE)
    known, others = drawn[:trainings], drawn[trainings:]
    ranker = egraph.Ranker(seed=seed).fit(known, [lookup.evaluate(each).score for each in known])
    first = others[int(np.argmax(ranker.predict(others)))]
    longer = trainings + round(cost)
    random = RandomSearch(space, seed=seed).ask(longer)
    found = {
        "derived": best_of([space.parse(row["architecture"])], lookup),
        "drawn": best_of(known, lookup),
        "pick": best_of([first], lookup),
        "random": best_of(random[:trainings], lookup),
        "random, as long": best_of(random, lookup),
    }
    for name, searcher in (("drawn, ranker", draw), ("evolution, ranker", None)):
        options: dict[str, Any] = {} if searcher is None else {"searcher": searcher}
        with egraph.Study(space, lookup, seed=seed, **options) as study:
            study.run(trials=trainings)
            found[name] = study.best.test_score
    return found


def best_of(architectures: list[Architecture], lookup: TableLookup) -> float:
    """The test accuracy of the network with the best validation accuracy."""
    done = [lookup.evaluate(each) for each in architectures]
    return max(done, key=lambda each: each.score).test_score


def show(rows: list[dict[str, Any]]) -> None:
    """Prints a table for each method: mean and standard deviation over seeds, and how many are better."""
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method]
        cost = np.mean([row["cost"] for row in own])
        print(f"\n{method}: {len(own)} seeds, the supernet takes as long as {cost:.1f} trainings\n")
        print("| contestant | test accuracy | better than derived | better than random |\n|---|---|---|---|")
        for name in own[0]["results"]:
            values = np.array([row["results"][name] for row in own])
            beats = [
                sum(row["results"][name] > row["results"][other] for row in own)
                for other in ("derived", "random")
            ]
            spread = values.std(ddof=1) if len(own) > 1 else 0.0
            print(f"| {name} | {values.mean():.2f} ± {spread:.2f} | {beats[0]} | {beats[1]} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", type=Path, help="results of egraph bench darts")
    parser.add_argument("--trainings", type=int, default=24)
    given = parser.parse_args()
    rows = [json.loads(line) for line in given.rows.read_text().splitlines()]
    rows = [row for row in rows if row["method"] != darts.RANDOM]
    lookup = TableLookup(datasets.load(SPACE).measured(SCORE).distinct(), SCORE, RESULT)
    one = train_random(darts.Cell(**{name: rows[0][name] for name in FIELDS}))
    results = []
    for row in rows:
        cost = row["seconds"] / one
        results.append({**row, "cost": cost, "results": compare(row, lookup, given.trainings, cost)})
    show(results)


if __name__ == "__main__":
    main()

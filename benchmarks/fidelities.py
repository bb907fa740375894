r"""Searches on tables with cheaper trainings first, at the same number of epochs as searches without.

    python benchmarks/fidelities.py                          # all cases and methods: hours of a core
    python benchmarks/fidelities.py cifar10 --seeds 5        # a first look
    python benchmarks/fidelities.py cifar10 ten ladder --methods egraph,brackets,asha,hyperband

Methods: `egraph`, a study with fidelities and the ranker; `prior`, the same with a ranker of all other
search spaces as its prior, from the files that `benchmarks/left_out.py` keeps in the folder --priors; `asha`,
without a ranker, new networks at random; `brackets` and `hyperband`, `egraph` and `asha` with all brackets;
`short`, a study with the ranker and the shortest training of the case alone; `random`, random search with
whole trainings. Each chooses its best network by the validation score that it has seen at its longest
training, and the test accuracy of this network is the result.

Cases: `cifar10`, NAS-Bench-201 within 1,192 epochs, trainings of 12 and of 200 epochs; `ten`, the same
within the epochs of ten trainings of 200 epochs; `cifar100` and `imagenet16`, for which the table has
validation scores after 12 epochs only, so that `short` alone applies; `nasbench101`, its 20,001 cells in the
table within 368 epochs, where the result is the validation accuracy after 108 epochs, because the table has
no test accuracy; `ladder`, the same within the epochs of ten trainings of 108 epochs, with trainings of 4,
12, 36 and 108 epochs. All settings are the same everywhere. `--out` gets one JSON line a run; runs that it
holds are not repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import egraph
from egraph import datasets
from egraph.evaluation import TableLookup
from egraph.spaces import SearchSpace
from egraph.study import Trial

METHODS = ("egraph", "prior", "asha", "short", "random", "brackets", "hyperband")
CANDIDATES = 20001  # the whole table, so that no searcher is used
ROUND = {"initial": 8, "batch": 4}  # so that ten trainings are several rounds
PRIORS = 10  # each of other training networks


@dataclass(frozen=True)
class Case:
    """A table and a budget.

    Attributes:
        table: Name of the table.
        columns: Validation scores after trainings of increasing length, the whole training last.
        result: Column that is reported.
        epochs: Epochs that a search may spend.
        methods: Methods that apply.
    """

    table: str
    columns: tuple[str, ...]
    result: str
    epochs: int
    methods: tuple[str, ...] = METHODS


FIDELITIES = ("egraph", "prior", "asha", "random", "brackets", "hyperband")
LADDER = ("val_acc_4", "val_acc_12", "val_acc_36", "val_acc_108")
CIFAR10 = ("cifar10_val_12", "cifar10_val_200")
CASES = {
    "cifar10": Case("nasbench201", CIFAR10, "cifar10_test_200", 1192),
    "ten": Case("nasbench201", CIFAR10, "cifar10_test_200", 2000, FIDELITIES),
    "cifar100": Case("nasbench201", ("cifar100_val_12",), "cifar100_test_200", 1192, ("short",)),
    "imagenet16": Case("nasbench201", ("imagenet16_val_12",), "imagenet16_test_200", 1192, ("short",)),
    "nasbench101": Case("nasbench101", ("val_acc_12", "val_acc_108"), "val_acc_108", 368),
    "ladder": Case("nasbench101", LADDER, "val_acc_108", 1080, FIDELITIES),
}


def prepare(case: Case, method: str, root: str | None) -> tuple[SearchSpace, TableLookup, int]:
    """What is searched, how it is measured, and the epochs of its longest training."""
    metric = case.columns[0] if method == "short" else case.columns[-1]
    table = datasets.load(case.table, root).measured(metric).distinct()
    epochs = table.metrics[metric].budget
    assert epochs is not None
    return table.search_space(), TableLookup(table, metric, case.result), epochs


def search(
    case: Case,
    method: str,
    space: SearchSpace,
    lookup: TableLookup,
    epochs: int,
    seed: int,
    priors: Path = Path("build"),
) -> dict[str, Any]:
    """Runs one search; returns its result, its score and the trainings that it spent."""
    options: dict[str, Any] = {"ranker": False, "searcher": "random"}
    if method in ("egraph", "short", "brackets"):
        ranker = egraph.Ranker(folds=0, seed=seed)  # no intervals, to save time
        options = {"ranker": ranker, "candidates": CANDIDATES}
    elif method == "prior":
        ranker = egraph.load(priors / f"without-{case.table}-{seed % PRIORS}.egraph")
        options = {"ranker": ranker, "candidates": CANDIDATES}
    options |= ROUND
    trials: float = case.epochs // epochs
    if method not in ("short", "random"):
        options["fidelities"] = case.columns
        options["brackets"] = len(case.columns) if method in ("brackets", "hyperband") else 1
        trials = case.epochs / epochs
    with egraph.Study(space, lookup, seed=seed, **options) as study:
        study.run(trials=trials)
        best, done = study.best, study.journal.read_trials()
    return {"result": best.test_score, "score": best.score, "epochs": count_epochs(done, epochs)}


def count_epochs(trials: list[Trial], epochs: int) -> dict[str, int]:
    """The number of trainings by their number of epochs."""
    counts: dict[str, int] = defaultdict(int)
    for trial in trials:
        counts[str(round(trial.fidelity * epochs))] += 1
    return dict(counts)


def describe(rows: list[dict[str, Any]], cases: list[str]) -> str:
    """The results as a table in Markdown: mean and standard deviation over seeds."""
    lines = ["| case | method | seeds | result | worst | epochs, mean |", "|---|---|---|---|---|---|"]
    for case in cases:
        for method in CASES[case].methods:
            own = [row for row in rows if (row["case"], row["method"]) == (case, method)]
            if not own:
                continue
            scale = 100 if CASES[case].table == "nasbench101" else 1
            found = scale * np.array([row["result"] for row in own])
            spent = [sum(int(name) * count for name, count in row["epochs"].items()) for row in own]
            lines.append(
                f"| {case} | {method} | {len(own)} | {found.mean():.3f} ± {found.std():.3f} "
                f"| {found.min():.3f} | {np.mean(spent):,.0f} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Runs what the file of results lacks, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"one of {', '.join(CASES)}; default: all")
    parser.add_argument("--methods", default=",".join(METHODS), help="joined by commas")
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--root", help="folder of the tables")
    parser.add_argument("--priors", type=Path, default=Path("build"), help="rankers of other spaces")
    parser.add_argument("--out", type=Path, default=Path("runs/fidelities.jsonl"))
    arguments = parser.parse_args()
    cases = arguments.cases or list(CASES)
    if unknown := {*cases} - {*CASES}:
        parser.error(f"unknown case {', '.join(sorted(unknown))}; known: {', '.join(CASES)}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    lines = arguments.out.read_text().splitlines() if arguments.out.exists() else []
    rows = [json.loads(line) for line in lines]
    done = {(row["case"], row["method"], row["seed"]) for row in rows}
    for name in cases:
        case = CASES[name]
        for method in [one for one in case.methods if one in arguments.methods.split(",")]:
            ground = prepare(case, method, arguments.root)
            for seed in range(arguments.first, arguments.first + arguments.seeds):
                if (name, method, seed) in done:
                    continue
                began = time.perf_counter()
                found = search(case, method, *ground, seed, arguments.priors)
                row = {"case": name, "method": method, "seed": seed, **found}
                row["seconds"] = round(time.perf_counter() - began, 1)
                rows.append(row)
                with arguments.out.open("a") as file:
                    file.write(json.dumps(row) + "\n")
    print(describe(rows, cases))


if __name__ == "__main__":
    main()

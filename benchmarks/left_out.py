"""The ranker of all other search spaces on a left-out one, with 0, 8, 16 and 32 labels of it.

Usage: python benchmarks/left_out.py --target nasbench201 --seeds 0-9 [--labels 0,8,16,32] [--out FILE]

Each seed draws the training networks of the other spaces, the labels and the test networks. Results are
appended to a file of JSON lines; a cell that it holds is not measured again. Rankers of the other spaces are
kept in files next to it. At the end, means and standard
deviations over the seeds are printed: the prior alone, a ranker from scratch, and a ranker with the prior.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pretrain
from tables import METRICS

import egraph
from egraph.errors import OutOfDistributionWarning

TARGETS = ("nasbench201", "nasbench101")
TESTED = 1500


def fit_prior(target: str, seed: int, folder: Path) -> Any:
    """The ranker of all other spaces, from its file if that is there."""
    path = folder / f"without-{target}-{seed}.egraph"
    if not path.exists():
        pretrain.fit(seed, [pretrain.table(target).space.name]).save(path)
    return egraph.load(path)


def measure(
    target: str, seed: int, labels: list[int], done: set[tuple[str, int, int]], folder: Path
) -> list[dict[str, Any]]:
    """The cells of one seed that are not done: tau of the prior alone, from scratch, and with the prior."""
    missing = [count for count in labels if (target, seed, count) not in done]
    if not missing:
        return []
    table, metric = pretrain.table(target), METRICS[target]
    prior = fit_prior(target, seed, folder)
    found = []
    for count in missing:
        train, rest = table.split(count, seed) if count else (None, table)
        test = rest.take(np.random.default_rng(seed).permutation(len(rest))[:TESTED])

        def tau(ranker: Any, test: Any = test) -> float:
            return egraph.metrics.kendall_tau(test.scores(metric), ranker(test.architectures))

        cell = {"target": target, "seed": seed, "labels": count, "prior": tau(prior)}
        if train is not None:
            data = train.architectures, train.scores(metric)
            ranker = egraph.Ranker(prior=prior, seed=seed).fit(*data)
            cell |= {"with prior": tau(ranker), "share": ranker.prior_share_}
            cell["scratch"] = tau(egraph.Ranker(seed=seed).fit(*data))
        found.append(cell)
    return found


def show(cells: list[dict[str, Any]]) -> None:
    """Prints the means over the seeds."""
    print("| target | labels | seeds | prior alone | from scratch | with prior |")
    print("| --- | --- | --- | --- | --- | --- |")
    for target, count in sorted({(cell["target"], cell["labels"]) for cell in cells}):
        chosen = [cell for cell in cells if (cell["target"], cell["labels"]) == (target, count)]
        columns = []
        for name in ("prior", "scratch", "with prior"):
            taus = [cell[name] for cell in chosen if name in cell]
            columns.append(f"{np.mean(taus):.3f} ± {np.std(taus):.3f}" if taus else "")
        print(f"| {target} | {count} | {len(chosen)} | {' | '.join(columns)} |")


def main() -> None:
    """Measures what is missing, and prints all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--target", choices=TARGETS, action="append")
    parser.add_argument("--seeds", default="0-9", help="first-last")
    parser.add_argument("--labels", default="0,8,16,32")
    parser.add_argument("--out", type=Path, default=Path("build/left_out.jsonl"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", OutOfDistributionWarning)
    first, last = map(int, arguments.seeds.split("-"))
    labels = [int(count) for count in arguments.labels.split(",")]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    text = arguments.out.read_text(encoding="utf-8") if arguments.out.exists() else ""
    cells = [json.loads(line) for line in text.splitlines()]
    done = {(cell["target"], cell["seed"], cell["labels"]) for cell in cells}
    for seed in range(first, last + 1):
        for target in arguments.target or TARGETS:
            for cell in measure(target, seed, labels, done, arguments.out.parent):
                cells.append(cell)
                with arguments.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(cell) + "\n")
    show(cells)


if __name__ == "__main__":
    main()

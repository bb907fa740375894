"""`egraph search` compared with random search, over several seeds: real trainings.

    python benchmarks/search_trained.py                        # mnist1d: about 20 minutes on 2 cores
    python benchmarks/search_trained.py --seeds 1              # a first look
    python benchmarks/search_trained.py --data fashion-mnist   # 10,000 images, small networks

Each seed is one study with the defaults of `egraph search`. The guided search and random search have the same
number of trainings. Each then trains its best five architectures by validation accuracy three times from
scratch, with the same seeds, and selects one by the mean validation accuracy. Its mean test accuracy is the
result. Prints the results of each seed, their mean and standard deviation, the difference with its standard
error, the ratio of test errors (below 1: the guided search is better), and after how many trainings the
guided search had a validation accuracy as high as the last best of random search. Then prints, for both
searches, the accuracy of the best architecture by validation accuracy after some numbers of trainings.

Each finished seed is a line of the file --out. The same command again does what is missing.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import math
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

# One thread a process: the processes share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import egraph
from egraph.datasets import ImageData
from egraph.evaluation import Recipe, Training
from egraph.spaces import Limited, SearchSpace

FASHION = Recipe(epochs=4, batch_size=128, learning_rate=1e-2, channels=8)
"""Recipe for ten thousand images of 28 x 28 pixels; a training takes seconds."""

FASHION_PARAMS = 50_000
"""Largest network for them. Without a limit most of the best random networks have dense heads of millions of
parameters, and there is little room above them."""

MARKS = (8, 16, 32, 60)


@functools.cache
def task(data: str) -> tuple[SearchSpace, Training]:
    """What is searched, and how it is measured."""
    space = egraph.spaces.get("convnet")
    if not data.startswith("fashion-mnist"):
        return space, Training(space, data, device="cpu")
    whole = egraph.datasets.images("fashion-mnist")
    images, labels = whole.train
    rows = {"train": slice(10_000), "validation": slice(10_000, 35_000)}  # so many that luck decides little
    parts = {part: (images[own], labels[own]) for part, own in rows.items()} | {"test": whole.test}
    small = ImageData(**parts, name="fashion-mnist, 10,000 images")
    evaluator = Training(space, small, FASHION, device="cpu")
    return Limited(space, {"params": evaluator.costs.params}, {"params": FASHION_PARAMS}), evaluator


def follow(side: dict[str, list[float]]) -> np.ndarray:
    """Validation and test accuracy of the best by validation after each training, ``(trainings, 2)``."""
    scores = np.nan_to_num(np.array(side["scores"], dtype=float), nan=-np.inf)
    first = np.flatnonzero(scores > np.concatenate([[-np.inf], np.maximum.accumulate(scores)[:-1]]))
    first = np.unique([0, *first])
    best = first[np.searchsorted(first, np.arange(len(scores)), side="right") - 1]
    return np.array([scores[best], np.array(side["test scores"], dtype=float)[best]]).T


def count_until(side: dict[str, list[float]], target: float) -> float:
    """Number of trainings until a score is at least the target; infinite if none is."""
    reached = np.flatnonzero(np.array(side["scores"], dtype=float) >= target)
    return float(reached[0]) + 1 if len(reached) else math.inf


def search(setting: dict[str, Any], seed: int) -> dict[str, Any]:
    space, evaluator = task(setting["data"])
    trials, repeats = setting["trials"], setting["repeats"]
    with egraph.Study(space, evaluator, seed=seed, **setting["options"]) as study:
        study.run(trials=trials, baseline=True)
        guided, random = study.confirm(repeats=repeats)
        assert random is not None
        done = study.trials
    sides = {"guided": done["origin"] != "baseline", "random": done["origin"].isin(["initial", "baseline"])}
    row = setting | {"seed": seed, "recipe": evaluator.recipe.to_dict()}
    for (name, rows), winner in zip(sides.items(), (guided, random), strict=True):
        row[name] = {
            "scores": done.loc[rows, "score"].tolist(),
            "test scores": done.loc[rows, "test_score"].tolist(),
            "chosen by": winner.score,
            "test": winner.test_score,
        }
    return row


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of the file; an unfinished last one is left out."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        with contextlib.suppress(json.JSONDecodeError):
            rows.append(json.loads(line))
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    """Prints the comparison."""
    print(
        f"{'seed':>6}{'guided':>10}{'random':>10}{'ratio':>8}{'until':>7}"
        "   test accuracy, mean of fresh trainings"
    )
    untils = []
    for row in rows:
        guided, random = row["guided"], row["random"]
        target = float(np.nanmax(random["scores"]))
        untils.append(count_until(guided, target))
        print(
            f"{row['seed']:>6}{guided['test']:>10.4f}{random['test']:>10.4f}"
            f"{(1 - guided['test']) / (1 - random['test']):>8.3f}{untils[-1]:>7g}"
            f"   (validation {guided['chosen by']:.4f}, {random['chosen by']:.4f}; random had its best "
            f"after {count_until(random, target):g})"
        )
    guided, random = (np.array([row[side]["test"] for row in rows]) for side in ("guided", "random"))
    until, ahead = np.array(untils), guided - random
    print(f"{'mean':>6}{guided.mean():>10.4f}{random.mean():>10.4f}{'':>8}{until.mean():>7.1f}")
    if len(rows) > 1:
        spread = (each.std(ddof=1) for each in (guided, random))
        print(f"{'sd':>6}" + "".join(f"{each:>10.4f}" for each in spread))
        error = ahead.std(ddof=1) / np.sqrt(len(ahead))
        print(f"difference {ahead.mean():.4f} ± {error:.4f} (standard error)")
    print(f"better, equal, worse: {(ahead > 0).sum()}, {(ahead == 0).sum()}, {(ahead < 0).sum()}")
    print(f"ratio of test errors, guided to random: {(1 - guided.mean()) / (1 - random.mean()):.3f}")
    marks = [mark for mark in MARKS if mark < rows[0]["trials"]] + [rows[0]["trials"]]
    print(f"\n{'the best so far after':<33}" + "".join(f"{mark:>17}" for mark in marks) + "   trainings")
    for name in ("guided", "random"):
        curves = np.array([follow(row[name])[np.array(marks) - 1] for row in rows])
        for part, what in enumerate(("validation", "test")):
            own = curves[..., part]
            cells = (f"{m:>9.4f} ± {s:.3f}" for m, s in zip(own.mean(0), own.std(0), strict=True))
            print(f"{name:>8}, {what + ' accuracy':<23}" + "".join(cells))


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draws the mean of the best validation accuracy so far, and the range over the seeds."""
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "egraph"
    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    for name, label, colour in (
        ("random", "random search", "#d97706"),
        ("guided", "egraph", "#2563eb"),
    ):
        curves = 100 * np.array([follow(row[name])[:, 0] for row in rows])
        steps = np.arange(1, curves.shape[1] + 1)
        axes.fill_between(
            steps, curves.min(0), curves.max(0), step="post", color=colour, alpha=0.15, linewidth=0
        )
        axes.step(steps, curves.mean(0), where="post", color=colour, lw=2, label=label)
    axes.set(xlabel="trainings", ylabel="best validation accuracy so far (%)", ylim=(80, 100), xlim=(1, None))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", default="mnist1d", help="mnist1d, with a difficulty if wanted; digits or fashion-mnist"
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    for name, value in (("initial", 16), ("batch", 8), ("far", 2), ("candidates", 2000)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--out", type=Path, default=Path("runs/search_trained.jsonl"))
    parser.add_argument("--picture", type=Path, help="draw the best so far of both searches into this file")
    given = parser.parse_args()
    options = {name: getattr(given, name) for name in ("initial", "batch", "far", "candidates")}
    setting = {"data": given.data, "trials": given.trials, "repeats": given.repeats, "options": options}
    wanted = range(given.first_seed, given.first_seed + given.seeds)

    def find() -> dict[int, dict[str, Any]]:
        own = (row for row in read(given.out) if {name: row[name] for name in setting} == setting)
        return {row["seed"]: row for row in own if row["seed"] in wanted}

    missing = [seed for seed in wanted if seed not in find()]
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(given.processes) as pool, given.out.open("a", encoding="utf-8") as file:
        for job in as_completed([pool.submit(search, setting, seed) for seed in missing]):
            row = job.result()
            file.write(json.dumps(row) + "\n")
            file.flush()
            print(f"seed {row['seed']} is done", flush=True)
    rows = [row for _, row in sorted(find().items())]
    show(rows)
    if given.picture:
        draw(rows, given.picture)


if __name__ == "__main__":
    main()

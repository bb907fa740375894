"""`egraph search` compared with random search, over several seeds: real trainings on real images.

    python benchmarks/search_images.py                         # digits: about 20 minutes on 2 cores
    python benchmarks/search_images.py --seeds 1               # a first look
    python benchmarks/search_images.py --data fashion-mnist    # 1,000 of its images: half an hour a seed

Each seed is one study with the defaults of `egraph search`. The guided search and random search have the same
number of trainings. Each then trains its best five architectures by validation accuracy three times from
scratch, with the same seeds, and selects one by the mean validation accuracy. Its mean test accuracy is the
result. Prints the results of each seed, their mean and standard deviation, the difference with its standard
error, and the ratio of test errors (below 1: the guided search is better). Then prints, for both searches,
the accuracy of the best architecture by validation accuracy after some numbers of trainings.
"""

from __future__ import annotations

import argparse
import functools
import os
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

# One thread a process: the processes share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

import egraph
from egraph.datasets import ImageData
from egraph.evaluation import Recipe, Training

FASHION = Recipe(epochs=10, batch_size=64, learning_rate=1e-2, channels=16)
"""Recipe for a thousand images of 28 x 28 pixels; a training takes seconds."""


@functools.cache
def training(data: str) -> Training:
    space = egraph.spaces.get("convnet")
    if data == "digits":
        return Training(space, data, device="cpu")
    whole = egraph.datasets.images(data)
    sizes = {"train": 1000, "validation": 2000, "test": 4000}
    parts = {part: tuple(each[:size] for each in getattr(whole, part)) for part, size in sizes.items()}
    return Training(space, ImageData(**parts, name=f"{data}, 1,000 images"), FASHION, device="cpu")


class Result(NamedTuple):
    seed: int
    guided: float
    random: float
    guided_validation: float
    random_validation: float
    curves: np.ndarray  # (guided and random, marks, validation and test)


MARKS = (8, 16, 32, 60)


def curve(trials: pd.DataFrame) -> list[tuple[float, float]]:
    """Validation and test accuracy of the best architecture by validation after each mark."""
    best = [trials[:mark].sort_values("score", ascending=False, kind="stable").iloc[0] for mark in MARKS]
    return [(row["score"], row["test_score"]) for row in best]


def search(data: str, seed: int, trials: int, repeats: int, options: dict[str, int]) -> Result:
    evaluator = training(data)
    with egraph.Study(evaluator.space, evaluator, seed=seed, **options) as study:
        study.run(trials=trials, baseline=True)
        guided, random = study.confirm(repeats=repeats)
        assert random is not None
        done = study.trials
        own, others = done["origin"] != "baseline", done["origin"].isin(["initial", "baseline"])
        curves = np.array([curve(done[own]), curve(done[others])])
        return Result(seed, guided.test_score, random.test_score, guided.score, random.score, curves)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", choices=("digits", "fashion-mnist"), default="digits")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    for name, value in (("initial", 16), ("batch", 8), ("far", 2), ("candidates", 2000)):
        parser.add_argument(f"--{name}", type=int, default=value)
    arguments = parser.parse_args()
    options = {name: getattr(arguments, name) for name in ("initial", "batch", "far", "candidates")}

    print(f"{'seed':>6}{'guided':>10}{'random':>10}   test accuracy, mean of {arguments.repeats} trainings")
    results = []
    with ProcessPoolExecutor(arguments.processes) as pool:
        seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
        fixed = (arguments.trials, arguments.repeats, options)
        jobs = [pool.submit(search, arguments.data, seed, *fixed) for seed in seeds]
        for job in jobs:
            result = job.result()
            results.append(result)
            print(
                f"{result.seed:>6}{result.guided:>10.4f}{result.random:>10.4f}   "
                f"(validation {result.guided_validation:.4f}, {result.random_validation:.4f})",
                flush=True,
            )
    guided = np.array([result.guided for result in results])
    random = np.array([result.random for result in results])
    print(f"{'mean':>6}{guided.mean():>10.4f}{random.mean():>10.4f}")
    if len(results) > 1:
        print(f"{'sd':>6}{guided.std(ddof=1):>10.4f}{random.std(ddof=1):>10.4f}")
    ahead = guided - random
    if len(results) > 1:
        print(
            f"difference {ahead.mean():.4f} ± {ahead.std(ddof=1) / np.sqrt(len(ahead)):.4f} (standard error)"
        )
    print(f"better, equal, worse: {(ahead > 0).sum()}, {(ahead == 0).sum()}, {(ahead < 0).sum()}")
    print(f"ratio of test errors, guided to random: {(1 - guided.mean()) / (1 - random.mean()):.3f}")
    print(f"\n{'the best so far after':<33}" + "".join(f"{mark:>17}" for mark in MARKS) + "   trainings")
    curves = np.array([result.curves for result in results])  # (seeds, searches, marks, parts)
    for side, name in enumerate(("guided", "random")):
        for part, what in enumerate(("validation", "test")):
            own = curves[:, side, :, part]
            cells = (f"{m:>9.4f} ± {s:.3f}" for m, s in zip(own.mean(0), own.std(0), strict=True))
            print(f"{name:>8}, {what + ' accuracy':<23}" + "".join(cells))


if __name__ == "__main__":
    main()

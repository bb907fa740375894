"""How much a good search can win on a task: the scores of random networks, trained for real.

    python benchmarks/room.py --count 1000 --workers 2 --out runs/room.jsonl
    python benchmarks/room.py --data mnist1d:noise=0.5 --max-params 20000 --count 1000 --out runs/room.jsonl
    python benchmarks/room.py --report --out runs/room.jsonl

Trains random networks of the search space, each drawn from a generator of its own number, and appends one
line for each to the file. A run that was interrupted goes on where it stopped, and a larger --count continues
it. A file can hold several settings (data, limit, recipe). The table has one row for each: quantiles of the
validation score, the expected best of 60 of these networks by validation, the best of all, their test scores,
and the room between the two test scores in standard errors of an accuracy on the test part. Scores of 60 are
means over all subsets of 60. The best of all by validation is itself chosen by luck among near equals; its
test score is not.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import math
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

# One thread a process: the processes share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

import egraph
from egraph.errors import EvaluationError
from egraph.evaluation import Recipe, Training
from egraph.spaces import Limited

FEW = 60
"""Number of trainings that the best of all is compared with; the default of `egraph search`."""


@functools.cache
def prepare(setting: str) -> tuple[egraph.spaces.SearchSpace, Training]:
    """The space within its limit, and the training, of a setting as JSON."""
    read = json.loads(setting)
    space = egraph.spaces.get(read["space"])
    training = Training(space, read["data"], Recipe(**read["recipe"]), device="cpu")
    if read["max_params"] is None:
        return space, training
    return Limited(space, {"params": training.costs.params}, {"params": read["max_params"]}), training


def train(setting: str, seed: int, number: int) -> dict[str, Any]:
    """One random network, drawn and trained by its number alone."""
    space, training = prepare(setting)
    architecture = space.sample(np.random.default_rng((seed, number)))
    row: dict[str, Any] = {"setting": setting, "seed": seed, "number": number}
    row["architecture"] = training.space.format(architecture)
    try:
        result = training.evaluate(architecture, seed=number)
    except EvaluationError as error:
        return row | {"error": str(error)}
    sizes = {"validation": len(training.images.validation[1]), "test": len(training.images.test[1])}
    names = ("score", "test_score", "params", "flops", "seconds")
    return row | {name: getattr(result, name) for name in names} | {"sizes": sizes}


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of the file; an unfinished last one is left out."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        with contextlib.suppress(json.JSONDecodeError):
            rows.append(json.loads(line))
    return rows


def expected_best(scores: NDArray[np.float64], values: NDArray[np.float64], few: int) -> float:
    """The mean of a value of the best by score, over all subsets of ``few``.

    Of the networks in the order of their scores, the one with ``i`` below it is the best of
    ``C(i, few - 1)`` subsets.
    """
    order = np.argsort(scores, kind="stable")
    ways = [math.comb(below, few - 1) for below in range(len(scores))]
    total = math.comb(len(scores), few)
    return float(sum(way / total * values[row] for way, row in zip(ways, order, strict=True)))


def describe(setting: str, rows: list[dict[str, Any]]) -> str:
    """One row of the table."""
    done = [row for row in rows if "score" in row]
    score, test = (np.array([row[name] for row in done]) for name in ("score", "test_score"))
    seconds = np.array([row["seconds"] for row in done])
    told = json.loads(setting)
    name = f"{told['data']}, {told['space']}, {told['recipe']['epochs']} epochs"
    name += f", {told['recipe']['channels']} channels"
    name += f", <= {told['max_params']:,} parameters" if told["max_params"] else ""
    quantiles = " ".join(f"{value:.3f}" for value in np.quantile(score, [0, 0.25, 0.5, 0.75, 0.9, 1]))
    text = f"{name} | {len(done)} + {len(rows) - len(done)} failed | {quantiles} | {seconds.mean():.1f} s"
    if len(done) <= FEW:
        return f"{text} | needs more than {FEW}"
    few_score, few_test = (expected_best(score, values, FEW) for values in (score, test))
    best = int(np.argmax(score))
    error = math.sqrt(few_test * (1 - few_test) / done[0]["sizes"]["test"])
    room = (test[best] - few_test) / error
    bests = f"{few_score:.4f} {few_test:.4f} | {score[best]:.4f} {test[best]:.4f}"
    return f"{text} | {bests} | {error:.4f} | {room:.1f}"


def main() -> None:
    """Trains what is missing and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", default="mnist1d")
    parser.add_argument("--space", default="convnet")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--max-params", type=int)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=1e-2)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=1000, help="1000 and more: settings are chosen here")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/room.jsonl"))
    parser.add_argument("--report", action="store_true", help="print the table, train nothing")
    given = parser.parse_args()
    recipe = Recipe(
        epochs=given.epochs,
        batch_size=given.batch_size,
        learning_rate=given.learning_rate,
        channels=given.channels,
    )
    setting = json.dumps(
        {
            "data": given.data,
            "space": given.space,
            "max_params": given.max_params,
            "recipe": recipe.to_dict(),
        },
        sort_keys=True,
    )
    if not given.report:
        done = {
            row["number"] for row in read(given.out) if (row["setting"], row["seed"]) == (setting, given.seed)
        }
        missing = [number for number in range(given.count) if number not in done]
        given.out.parent.mkdir(parents=True, exist_ok=True)
        with given.out.open("a", encoding="utf-8") as file, ProcessPoolExecutor(given.workers) as pool:
            if file.tell() and not given.out.read_text(encoding="utf-8").endswith("\n"):
                file.write("\n")  # after a line that was cut off
            for row in pool.map(functools.partial(train, setting, given.seed), missing):
                file.write(json.dumps(row) + "\n")
                file.flush()
    rows = read(given.out)
    print("setting | networks | validation: 0, 25, 50, 75, 90, 100 % | training | "
          f"best of {FEW}: validation, test | best of all | standard error | room")  # fmt: skip
    for each in dict.fromkeys(row["setting"] for row in rows):
        print(describe(each, [row for row in rows if row["setting"] == each]))


if __name__ == "__main__":
    main()

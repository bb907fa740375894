"""Scores architectures with a ranker that was fitted on your own measurements.

    python examples/rank_from_csv.py                          # makes a small CSV file first
    python examples/rank_from_csv.py mine.csv nasbench201     # columns: architecture, accuracy

The architectures stand in the notation of the space, one a row.
"""

import argparse
import csv
import tempfile
from pathlib import Path

import numpy as np

import egraph


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", help="CSV file with the columns architecture and accuracy")
    parser.add_argument("space", nargs="?", default="nasbench201")
    arguments = parser.parse_args()
    space = egraph.spaces.get(arguments.space)

    with tempfile.TemporaryDirectory() as folder:
        file = arguments.file or write_example(space, Path(folder) / "mine.csv")
        table = egraph.datasets.load(
            egraph.datasets.import_table(
                file, Path(folder) / "mine.parquet", space=space, metrics=["accuracy"]
            )
        )

    train, test = table.distinct().split(len(table) * 3 // 4, seed=0)
    ranker = egraph.Ranker(seed=0, members=2, epochs=40).fit(train.architectures, train["accuracy"])
    tau = ranker.score(test.architectures, test["accuracy"])
    print(f"Kendall's tau on {len(test)} held-out architectures: {tau:.2f}")

    candidates = [space.sample(np.random.default_rng(seed)) for seed in range(200)]
    scores = ranker.predict(candidates)
    lower, upper = ranker.intervals(candidates, level=0.8)
    print("\nThe three best of 200 random architectures, with intervals that hold 80 % of measured scores:")
    for i in np.argsort(-scores)[:3]:
        print(f"{scores[i]:6.2f}  ({lower[i]:.2f} to {upper[i]:.2f})  {space.format(candidates[i])}")


def write_example(space: egraph.spaces.SearchSpace, file: Path) -> Path:
    """Eighty architectures with an accuracy that counts convolutions, in place of trainings."""
    rng = np.random.default_rng(0)
    with file.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["architecture", "accuracy"])
        for _ in range(80):
            architecture = space.sample(rng)
            accuracy = 80 + sum("conv" in op for op in architecture.ops) + rng.normal(0, 0.1)
            rows.writerow([space.format(architecture), round(accuracy, 2)])
    return file


if __name__ == "__main__":
    main()

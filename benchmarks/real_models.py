"""Real models: how well rankers order networks that people trained on ImageNet-1k from scratch.

    egraph data trace --models timm --labels timm_imagenet --out timm.parquet
    python benchmarks/real_models.py timm.parquet

Rows are the best of each architecture among those whose recipe (the column ``tag``) used ImageNet-1k alone.
Each draw gives 100 of them as labels and all others as the test: once drawn at random, once from half of the
families (the letters that a name begins with), with the other families as the test. ``--tags`` stays inside
each of the larger recipes instead. The contestant ``trees`` has the columns of the table: parameters,
multiply-adds, activations and size of the image.
"""

from __future__ import annotations

import argparse
import json
import re
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau
from sklearn.ensemble import ExtraTreesRegressor

import egraph

# Recipes with other data or teachers.
OTHER = re.compile(
    "in21k|in22k|in12k|clip|laion|dino|mae|jft|ig1b|ssl|swsl|dist|m30m|m38m|webli|openai|datacomp|fcmae|lvd"
)
COLUMNS = ("params_m", "infer_gmacs", "infer_macts", "img_size")


def read(path: str, tags: bool) -> dict[str, list[dict]]:
    """The rows by the name of their group: all recipes in one, or each of the larger ones."""
    table = egraph.datasets.load(path)
    frame = table.to_frame().assign(graph=table.architectures)
    frame = frame[~frame.tag.fillna("").str.contains(OTHER)].sort_values("top1", ascending=False)
    frame["family"] = frame.network.str.extract("^([a-z]+)")
    if not tags:
        return {"all": frame.drop_duplicates("network")}
    groups = {tag: part.drop_duplicates("network") for tag, part in frame.groupby("tag")}
    return {tag: part for tag, part in groups.items() if len(part) >= 30}


def split(families: np.ndarray, by_family: bool, labels: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    if not by_family:
        order = rng.permutation(len(families))
        return order[:labels], order[labels:]
    known = rng.permutation(sorted(set(families)))
    inside = np.isin(families, known[: len(known) // 2])
    return rng.permutation(np.flatnonzero(inside))[:labels], np.flatnonzero(~inside)


def predict(contestant: str, frame, train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    scores = frame.top1.to_numpy()[train]
    if contestant == "trees":
        inputs = frame[list(COLUMNS)].astype(float).to_numpy()
        trees = ExtraTreesRegressor(500, min_samples_leaf=2, random_state=seed)
        return trees.fit(inputs[train], scores).predict(inputs[test])
    graphs = frame.graph.tolist()
    options = {"members": 1, "epochs": 1, "folds": 0} if contestant != "ranker" else {}
    ranker = egraph.Ranker(seed=seed, **options).fit([graphs[i] for i in train], scores)
    chosen = [graphs[i] for i in test]
    if contestant == "ranker":
        return ranker(chosen)
    encoding = egraph.encoding.encode(chosen, ranker.vocabulary_)
    _, process, trees = ranker.scorer_.opinions(encoding)
    return process if contestant == "gaussian process" else process + trees


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table")
    parser.add_argument("--seeds", default="0:10", help="seeds, FIRST:END")
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--contestants", default="trees,gaussian process,tabular part,ranker")
    parser.add_argument(
        "--tags", action="store_true", help="inside each of the larger recipes, half as labels"
    )
    parser.add_argument("--out", default="real_models.jsonl")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    first, end = map(int, given.seeds.split(":"))
    rows = []
    for group, frame in read(given.table, given.tags).items():
        families = frame.family.to_numpy()
        for contestant in given.contestants.split(","):
            for by_family in (False, True) if not given.tags else (False,):
                for seed in range(first, end):
                    labels = len(frame) // 2 if given.tags else given.labels
                    train, test = split(families, by_family, labels, seed)
                    began = time.process_time()
                    predicted = predict(contestant, frame, train, test, seed)
                    tau = kendalltau(predicted, frame.top1.to_numpy()[test]).statistic
                    row = {"group": group, "contestant": contestant, "by_family": by_family, "seed": seed}
                    row |= {"tau": tau, "labels": len(train), "tested": len(test)}
                    row["seconds"] = time.process_time() - began
                    rows.append(row)
                    with Path(given.out).open("a") as file:
                        file.write(json.dumps(row) + "\n")
                taus = [r["tau"] for r in rows[first - end :]]
                kind = "other families" if by_family else "at random"
                print(f"{group:20} {contestant:18} {kind:15} tau {np.mean(taus):.3f} +- {np.std(taus):.3f} "
                      f"({row['labels']} labels, {row['tested']} tested)", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()

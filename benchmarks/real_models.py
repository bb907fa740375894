"""Real models: how well rankers order networks that people trained on ImageNet-1k from scratch.

    egraph data trace --models timm --labels timm_imagenet --out timm.parquet
    python benchmarks/real_models.py timm.parquet

Rows are the best of each architecture among those whose recipe (the column ``tag``) used ImageNet-1k alone.
Each draw gives 100 of them as labels and all others as the test: once drawn at random, once from half of the
families (the letters that a name begins with), with the other families as the test. ``--tags`` stays inside
each of the larger recipes instead. The contestant ``trees`` has the columns of the table: parameters,
multiply-adds, activations and size of the image.

    egraph data trace --models torchvision --out torchvision.parquet
    python benchmarks/real_models.py torchvision.parquet --labels 62 --contestants parts
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
    frame = table.to_frame().assign(graph=table.architectures).dropna(subset=["top1"])
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


def predict(contestant: str, frame, train: np.ndarray, test: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """The predictions for the test, by name; the parts of one ranker are several."""
    scores = frame.top1.to_numpy()[train]
    if contestant == "trees":
        inputs = frame[list(COLUMNS)].astype(float).to_numpy()
        trees = ExtraTreesRegressor(500, min_samples_leaf=2, random_state=seed)
        return {"trees": trees.fit(inputs[train], scores).predict(inputs[test])}
    graphs = frame.graph.tolist()
    options = {"members": 1, "epochs": 1, "folds": 0} if contestant == "parts" else {}
    ranker = egraph.Ranker(seed=seed, **options).fit([graphs[i] for i in train], scores)
    # Graphs of like size are encoded together, so that few are padded.
    order = np.argsort([graphs[i].num_vertices for i in test], kind="stable")
    found: dict[str, list[np.ndarray]] = {}
    for part in np.array_split(order, max(len(order) // 50, 1)):
        encoding = egraph.encoding.encode([graphs[test[i]] for i in part], ranker.vocabulary_)
        networks, process, grown = ranker.scorer_.opinions(encoding)
        opinions = {"gaussian process": process, "tabular part": process + grown}
        if contestant == "ranker":
            opinions = {"networks": networks, **opinions, "ranker": ranker.scorer_.latent(encoding)}
        for name, opinion in opinions.items():
            found.setdefault(name, []).append(opinion)
    return {name: np.concatenate(parts)[np.argsort(order)] for name, parts in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table")
    parser.add_argument("--seeds", default="0:10", help="seeds, FIRST:END")
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--contestants", default="trees,parts,ranker", help="parts: those of a ranker alone")
    parser.add_argument("--splits", default="random,family")
    parser.add_argument(
        "--tags", action="store_true", help="inside each of the larger recipes, half as labels"
    )
    parser.add_argument("--out", default="real_models.jsonl")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    for group, frame in read(given.table, given.tags).items():
        for contestant in given.contestants.split(","):
            for kind in ["random"] if given.tags else given.splits.split(","):
                compare(group, frame, contestant, kind, given)


def compare(group: str, frame, contestant: str, kind: str, given: argparse.Namespace) -> None:
    """Writes a row for each draw, and prints the mean of all."""
    first, end = map(int, given.seeds.split(":"))
    labels = len(frame) // 2 if given.tags else given.labels
    taus: dict[str, list[float]] = {}
    for seed in range(first, end):
        train, test = split(frame.family.to_numpy(), kind == "family", labels, seed)
        began = time.process_time()
        for name, predicted in predict(contestant, frame, train, test, seed).items():
            tau = kendalltau(predicted, frame.top1.to_numpy()[test]).statistic
            taus.setdefault(name, []).append(tau)
            row = {"group": group, "contestant": name, "split": kind, "seed": seed, "tau": tau}
            row |= {"labels": len(train), "tested": len(test), "seconds": time.process_time() - began}
            with Path(given.out).open("a") as file:
                file.write(json.dumps(row) + "\n")
    for name, found in taus.items():
        print(
            f"{group:20} {name:17} {kind:7} tau {np.mean(found):.3f} +- {np.std(found):.3f} "
            f"({row['labels']} labels, about {row['tested']} tested)",
            flush=True,
        )


if __name__ == "__main__":
    main()

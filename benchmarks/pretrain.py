"""Fits the ranker that is part of the package, on all public tables, and writes its card.

Usage: python benchmarks/pretrain.py

It needs the tables (``EGRAPH_DATA``) and takes ten minutes. It writes ``egraph/ranker/pretrained.egraph``
and ``docs/reference/pretrained.md``. Before, each space is left out once, and the ranker of the others is
measured on it.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

import egraph
from egraph.bench._card import FINGERPRINTS, describe_table, fingerprint, to_page
from egraph.errors import OutOfDistributionWarning

ROOT = Path(__file__).parent.parent
FILE = ROOT / "egraph" / "ranker" / "pretrained.egraph"
PAGE = ROOT / "docs" / "reference" / "pretrained.md"

SOURCES = (
    ("nasbench101", "val_acc_108", 900),
    ("nasbench201", "cifar10_test_200", 300),
    ("nasbench201", "cifar100_test_200", 300),
    ("nasbench201", "imagenet16_test_200", 300),
    ("nasbench_macro", "mean_acc", 200),
    ("accel_nasbench", "val_top1", 200),
    ("nasbench_graph_cora", "test_perf", 50),
    ("nasbench_graph_arxiv", "test_perf", 50),
    ("nasbench_graph_photo", "test_perf", 50),
)
"""Table, metric and number of networks. Cells transfer to cells, so they are most of the data."""

SETTINGS = {"names": False, "members": 2, "epochs": 20, "batch_size": 128, "folds": 0}
SHARES = (0.16, 0.42, 0.42)
"""Shares of networks, Gaussian process and trees, chosen on left-out spaces: networks transfer worst."""

SEED, LEFT_OUT_SEEDS, TESTED = 0, range(3), 2000

_tables: dict[str, Any] = {}


def table(name: str) -> Any:
    """The table, each distinct network once."""
    if name not in _tables:
        _tables[name] = egraph.datasets.load(name).distinct()
    return _tables[name]


def sources(without: Iterable[str] = ()) -> list[tuple[str, str, int]]:
    """The sources without those of some spaces."""
    return [source for source in SOURCES if table(source[0]).space.name not in without]


def draw(chosen: Iterable[tuple[str, str, int]], seed: int) -> list[tuple[str, Any]]:
    """The metric and the training networks of each source; each has networks of its own."""
    return [
        (metric, table(name).split(count, seed=100 * seed + number)[0])
        for number, (name, metric, count) in enumerate(chosen)
    ]


def training_data(
    chosen: Iterable[tuple[str, str, int]], seed: int
) -> tuple[list[Any], list[float], list[str]]:
    """Architectures, scores and groups."""
    architectures, scores, groups = [], [], []
    for metric, train in draw(chosen, seed):
        architectures += train.architectures
        scores += train.scores(metric).tolist()
        groups += [f"{train.name}:{metric}"] * len(train)
    return architectures, scores, groups


def fit(seed: int, without: Iterable[str] = ()) -> egraph.Ranker:
    """The ranker of all sources but those of some spaces."""
    ranker = egraph.Ranker(seed=seed, **SETTINGS)  # type: ignore[arg-type]
    architectures, scores, groups = training_data(sources(without), seed)
    ranker.fit(architectures, scores, groups=groups)
    ranker.scorer_ = ranker.scorer_.share_out(np.array(SHARES))
    return ranker


def taus_left_out(space: str, seed: int) -> dict[str, float]:
    """Kendall's tau on each source of a space, of a ranker that learned from all others."""
    ranker = fit(seed, [space])
    found = {}
    for name, metric, _ in SOURCES:
        if (whole := table(name)).space.name == space:
            rows = np.random.default_rng(seed).permutation(len(whole))[:TESTED]
            test = whole.take(rows)
            found[f"{name}:{metric}"] = egraph.metrics.kendall_tau(
                test.scores(metric), ranker(test.architectures)
            )
    return found


def make_card(left_out: dict[str, list[float]]) -> dict[str, Any]:
    """The model card as JSON-ready values."""
    return {
        "spaces": list(dict.fromkeys(table(name).space.name for name, *_ in SOURCES)),
        "sources": [
            {**describe_source(name, metric), "networks learned from": count, "scores": None}
            for name, metric, count in SOURCES
        ],
        "kendall tau-b where the space was left out": {
            name: f"{np.mean(taus):.3f}" for name, taus in left_out.items()
        },
        "measured on": f"{TESTED:,} networks, {len(LEFT_OUT_SEEDS)} seeds, without a label of the space",
        "command": "python benchmarks/pretrain.py",
        FINGERPRINTS: sorted({fingerprint(key) for _, train in draw(SOURCES, SEED) for key in train.keys}),
    }


def describe_source(name: str, metric: str) -> dict[str, Any]:
    """Origin of a source's scores; of the file that was read, its name without the folder of this machine."""
    about = describe_table(table(name), metric)
    about["data"]["read from"] = Path(about["data"]["read from"]).name
    return about


def main() -> None:
    """Measures, fits and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.parse_args()
    warnings.simplefilter("ignore", OutOfDistributionWarning)
    left_out: dict[str, list[float]] = {}
    for space in dict.fromkeys(table(name).space.name for name, *_ in SOURCES):
        for seed in LEFT_OUT_SEEDS:
            for name, tau in taus_left_out(space, seed).items():
                left_out.setdefault(name, []).append(tau)
                print(f"{name} left out, seed {seed}: {tau:.3f}", flush=True)
    card = make_card(left_out)
    fit(SEED).save(FILE, card=card)
    PAGE.write_text(to_page(card, FILE.name), encoding="utf-8")
    print(f"wrote {FILE.relative_to(ROOT)}, {FILE.stat().st_size:,} bytes, and {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

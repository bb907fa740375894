"""Whether a prior ever harms: rankers with few labels of one table, with and without a ranker of another.

    python benchmarks/transfer.py pairs --draws 10 --log runs/transfer.jsonl
    python benchmarks/transfer.py datasets --draws 10 --log runs/transfer-datasets.jsonl

``pairs`` fits a source ranker on 1,000 labels of each table. For every other table it compares three rankers
on 1,500 unseen networks: one fitted to a few labels from scratch, the source ranker alone, and one fitted to
the same labels with the source as its prior. ``datasets`` does so with 400 labels of CIFAR-10 and 20 of
ImageNet16-120. All ensembles have two networks. Cells are appended to the log, and those in it are skipped.
Prints tables in Markdown; ``--table`` prints them from the log alone.

Networks fitted to the same labels are the same for all sources, so they are trained once and reused.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tables import METRICS

import egraph
from egraph.metrics import kendall_tau
from egraph.ranker import Ranker, fitting, parts

TABLES = (
    "nasbench101",
    "nasbench201",
    "nasbench_macro",
    "nasbench_graph_cora",
    "nasbench_graph_arxiv",
    "accel_nasbench",
)
COUNTS = (0, 4, 8, 16, 32, 64, 128)
GAINS = {8: 0.06, 16: 0.04, 32: 0.01}
"""Least mean gain over scratch by the number of labels, where the prior alone is above .4."""
SOURCE_LABELS, TEST, SOURCE_SEED = 1000, 1500, 1000
Log = dict[tuple[Any, ...], dict[str, Any]]


def remember(function: Callable[..., Any], key: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which computes each result once."""
    known: dict[Any, Any] = {}

    def remembering(*arguments: Any) -> Any:
        if (name := key(*arguments)) not in known:
            known[name] = function(*arguments)
        return known[name]

    remembering.forget = known.clear  # type: ignore[attr-defined]
    return remembering


def share_work() -> Callable[[], None]:
    """Trains the networks of equal labels once, and asks a prior once; returns a function that forgets."""

    def fit_key(plan: Any, encoding: Any, labels: Any, rows: Any, _: Any) -> Any:
        sizes = plan.shape.members, plan.schedule.epochs, plan.seed
        return sizes, encoding.vertices.tobytes(), labels.scores.tobytes(), tuple(r.tobytes() for r in rows)

    fit = remember(fitting._fit, fit_key)
    ask = remember(parts.ask_prior, lambda prior, graphs: (id(prior), *map(id, graphs)))
    fitting._fit, parts.ask_prior = fit, ask

    def forget() -> None:
        fit.forget()
        ask.forget()

    return forget


def load_log(path: Path, names: tuple[str, ...]) -> Log:
    lines = path.read_text().splitlines() if path.exists() else []
    return {tuple(row[name] for name in names): row for row in map(json.loads, lines)}


def append(path: Path, row: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")


def load(name: str) -> egraph.datasets.Table:
    table = egraph.datasets.load(name)
    values = table[METRICS[name]]
    return table.take(np.flatnonzero(np.isfinite(values))).distinct()


def fit_source(name: str, table: egraph.datasets.Table, folder: Path) -> Ranker:
    path = folder / f"source-{name}.egraph"
    if not path.exists():
        train, _ = table.split(SOURCE_LABELS, seed=SOURCE_SEED)
        folder.mkdir(parents=True, exist_ok=True)
        Ranker(members=2, folds=0, seed=0).fit(train.architectures, train[METRICS[name]]).save(path)
    ranker = egraph.load(path)
    assert isinstance(ranker, Ranker)
    return ranker


def run_pairs(names: list[str], draws: list[int], counts: tuple[int, ...], log: Path) -> None:
    done = load_log(log, ("source", "target", "labels", "draw"))
    tables = {name: load(name) for name in names}
    sources = {name: fit_source(name, tables[name], log.parent) for name in names}
    forget = share_work()
    for draw in draws:
        for target in names:
            missing = [
                (source, count)
                for count in counts
                for source in names
                if source != target and (source, target, count, draw) not in done
            ]
            if missing:
                run_target(tables[target], target, sources, missing, draw, log)
            forget()


def run_target(
    table: egraph.datasets.Table,
    target: str,
    sources: dict[str, Ranker],
    missing: list[tuple[str, int]],
    draw: int,
    log: Path,
) -> None:
    train, rest = table.split(max(COUNTS), seed=draw)
    test = rest.take(np.random.default_rng(draw).permutation(len(rest))[:TEST])
    truth, labels = test[METRICS[target]], train[METRICS[target]]
    graphs, tested = train.architectures, test.architectures
    scratch: dict[int, float] = {}
    alone: dict[str, float] = {}
    for source, count in missing:
        begun = time.perf_counter()
        known, values = graphs[:count], labels[:count]
        if count not in scratch:
            scratch[count] = 0.0
            if len(np.unique(values)) > 1:
                own = Ranker(members=2, seed=draw).fit(known, values)
                scratch[count] = kendall_tau(truth, own(tested))
        prior = sources[source]
        if source not in alone:
            alone[source] = kendall_tau(truth, prior(tested))
        both = Ranker(members=2, seed=draw, prior=prior).fit(known, values)
        row = {
            "source": source,
            "target": target,
            "labels": count,
            "draw": draw,
            "scratch": scratch[count],
            "alone": alone[source],
            "both": kendall_tau(truth, both(tested)),
            "share": both.prior_share_,
            "seconds": round(time.perf_counter() - begun, 1),
        }
        append(log, row)


def run_datasets(draws: list[int], log: Path) -> None:
    done = load_log(log, ("draw",))
    table = egraph.datasets.load("nasbench201").distinct()
    for draw in draws:
        if (draw,) in done:
            continue
        train, rest = table.split(400, seed=draw)
        prior = Ranker(members=2, folds=0, seed=draw).fit(train.architectures, train["cifar10_test_200"])
        few, others = rest.split(20, seed=draw)
        test = others.take(np.random.default_rng(draw).permutation(len(others))[:4000])
        known, values, truth = few.architectures, few["imagenet16_test_200"], test["imagenet16_test_200"]
        scratch = Ranker(members=2, seed=draw).fit(known, values)
        both = Ranker(members=2, seed=draw, prior=prior).fit(known, values)
        taus = [kendall_tau(truth, ranker(test.architectures)) for ranker in (scratch, prior, both)]
        row = dict(zip(("scratch", "alone", "both"), taus, strict=True))
        append(log, {"draw": draw, **row, "share": both.prior_share_})


def tell_pairs(log: Path) -> None:
    """Prints the mean over draws of each pair, and misses in bold."""
    groups: dict[tuple[str, str, int], list[dict[str, Any]]] = defaultdict(list)
    for (source, target, count, _), row in load_log(log, ("source", "target", "labels", "draw")).items():
        groups[source, target, count].append(row)
    counts = sorted({count for _, _, count in groups})
    print("| source → target | " + " | ".join(map(str, counts)) + " |")
    print("|---" * (len(counts) + 1) + "|")
    missed, gains = 0, defaultdict(list)
    for source, target in dict.fromkeys((s, t) for s, t, _ in groups):
        line = []
        for count in counts:
            rows = groups.get((source, target, count), [])
            if not rows:
                line.append("")
                continue
            scratch, alone, both = (np.mean([r[k] for r in rows]) for k in ("scratch", "alone", "both"))
            miss = bool(both < (alone if count == 0 else max(scratch, alone)) - 0.01)
            missed += miss
            if alone > 0.4:
                gains[count].append(both - scratch)
            mark = "**" if miss else ""
            known = f"{scratch:.3f}, {alone:.3f}" if count else f"–, {alone:.3f}"
            line.append(f"{known}: {mark}{both:.3f}{mark}")
        print(f"| {source} → {target} | " + " | ".join(line) + " |")
    draws = sorted({len(rows) for rows in groups.values()})
    print(
        f"\n{missed} of {len(groups)} means miss the better of both by more than .01; draws a cell: {draws}\n"
    )
    print("| labels | mean gain over scratch where the prior alone is above .4 | required |")
    print("|---|---|---|")
    for count, found in sorted(gains.items()):
        if count:
            print(f"| {count} | {np.mean(found):.3f} ({len(found)} pairs) | {GAINS.get(count, '')} |")


def tell_datasets(log: Path) -> None:
    rows = list(load_log(log, ("draw",)).values())
    print("| 20 labels of ImageNet16-120 | 400 labels of CIFAR-10 | both | share of the prior |")
    print("|---|---|---|---|")
    found = {key: [row[key] for row in rows] for key in ("scratch", "alone", "both", "share")}
    print("| " + " | ".join(f"{np.mean(v):.3f} ± {np.std(v):.3f}" for v in found.values()) + " |")
    print(f"\n{len(rows)} draws")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("case", choices=["pairs", "datasets"])
    parser.add_argument("--draws", type=int, default=10, help="number of draws, seeds from --first on")
    parser.add_argument("--first", type=int, default=0, help="seed of the first draw")
    parser.add_argument("--tables", default=",".join(TABLES), help="tables, separated by commas")
    parser.add_argument("--counts", default=",".join(map(str, COUNTS)), help="numbers of labels")
    parser.add_argument("--log", type=Path, required=True, help="JSON lines, appended to")
    parser.add_argument("--table", action="store_true", help="only print the tables")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    draws = list(range(given.first, given.first + given.draws))
    if given.case == "datasets":
        if not given.table:
            run_datasets(draws, given.log)
        tell_datasets(given.log)
        return
    if not given.table:
        run_pairs(given.tables.split(","), draws, tuple(map(int, given.counts.split(","))), given.log)
    tell_pairs(given.log)


if __name__ == "__main__":
    main()

"""Rank correlation of each zero-cost proxy with measured accuracy, compared with published figures.

    python benchmarks/zero_cost.py --processes 2
    python benchmarks/zero_cost.py nasbench201 --full --device cuda
    python benchmarks/zero_cost.py nasbench201 --count 20 --channels 8 --proxies naswot synflow flops

Scores untrained networks of a random sample of distinct architectures of each benchmark, all on the same
batch of images. Networks and images are as close to those of the papers as half an hour on one core allows
for 300 cells of NAS-Bench-201 and NAS-Bench-101 (`AFFORDABLE`). With --full they equal those of the papers
except for the image content: 64 images of 32 x 32 pixels, and networks as built by the authors of the
benchmark. Each finished architecture is a line of --out. If interrupted, run the same command again to
resume.

Prints Kendall's tau-b and Spearman's rho with the measured accuracy over the architectures that have a score,
the number of architectures without a score, and CPU seconds per score. Published figures are for CIFAR-10 and
whole spaces, and differ by 0.05 between papers; the images here are random unless --data names others, such
as CIFAR-10 as an .npz file. If only rho is published, it is compared with rho.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

# One thread a process: the processes share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from tables import METRICS

import egraph
from egraph.datasets import Table
from egraph.errors import EvaluationError
from egraph.evaluation import ZeroCost, rank_average
from egraph.evaluation.zero_cost import proxies
from egraph.metrics import kendall_tau, spearman
from egraph.specs import parse

BENCHMARKS = ("nasbench201", "nasbench101", "nasbench_macro")
TOGETHER = ("naswot", "jacob-cov", "synflow", "flops")
"""Proxies whose rank average is also reported, if all of them are selected."""

VKDNW = "VKDNW (arXiv 2502.04975), second-hand"
DEEPLITE = "CIFAR-100, 500 networks; github.com/Deeplite/deeplite-torch-zoo/pull/323"
SAMSUNG = "output kept in github.com/SamsungLabs/zero-cost-nas, notebooks/*_correlations.ipynb"
PUBLISHED: dict[str, dict[str, tuple[str, float, str]]] = {
    "nasbench201": {
        "flops": ("tau", 0.62, VKDNW),
        "naswot": ("tau", 0.57, VKDNW),
        "synflow": ("tau", 0.56, VKDNW),
        "ntk": ("tau", 0.54, f"TE-NAS, with linear regions; {VKDNW}"),
        "params": ("tau", 0.531, DEEPLITE),
        "grad-norm": ("rho", 0.594, SAMSUNG),
        "jacob-cov": ("rho", 0.731, SAMSUNG),
    },
    "nasbench101": {
        "grad-norm": ("rho", 0.198, f"absolute value; {SAMSUNG}"),
        "synflow": ("rho", 0.372, f"absolute value; {SAMSUNG}"),
        "jacob-cov": ("rho", 0.378, f"absolute value; {SAMSUNG}"),
    },
}
"""Kind, value and source of published rank correlations."""


class Settings(NamedTuple):
    """Settings that a score depends on."""

    data: str
    batch_size: int
    channels: int | None
    seed: int


FULL = Settings("noise", 64, None, 0)
AFFORDABLE = {
    "nasbench201": Settings("noise-16", 64, 16, 0),
    "nasbench101": Settings("noise-16", 64, 16, 0),
    "nasbench_macro": Settings("noise-16", 64, 16, 0),
}
"""Settings by benchmark; other tables use those of the papers."""

Row = dict[str, Any]
Rows = dict[tuple[str, str, Settings], Row]
"""Score (None if it failed), reason and seconds of each proxy, by space, architecture and settings."""


@cache
def evaluator(space: str, proxy: str, settings: Settings, device: str) -> ZeroCost:
    data, batch_size, channels, seed = settings
    return ZeroCost(
        egraph.spaces.get(space),
        proxy,
        data,
        batch_size=batch_size,
        device=device,
        channels=channels,
        seed=seed,
    )


def score(space: str, text: str, wanted: list[str], settings: Settings, device: str) -> Row:
    """The scores of one architecture, or the reason of each failure."""
    architecture = egraph.spaces.get(space).parse(text)
    row: Row = {"space": space, "architecture": text, **settings._asdict()}
    row |= {"scores": {}, "reasons": {}, "seconds": {}}
    for proxy in wanted:
        scored = evaluator(space, proxy, settings, device)
        _ = scored.images  # loaded once, so that a score does not include it
        start = time.process_time()
        try:
            row["scores"][proxy] = scored.values(architecture)[proxy]
        except EvaluationError as error:
            row["scores"][proxy], row["reasons"][proxy] = None, str(error)
        row["seconds"][proxy] = round(time.process_time() - start, 4)
    return row


def read(path: Path) -> Iterator[Row]:
    """The finished rows; an incomplete last line is skipped."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue


def add(rows: Rows, row: Row) -> None:
    """Merges the rows of one architecture: earlier runs may have used other proxies."""
    key = row["space"], row["architecture"], Settings(*(row[field] for field in Settings._fields))
    known = rows.setdefault(key, {"scores": {}, "reasons": {}, "seconds": {}})
    for field, values in known.items():
        values.update(row[field])


def sample(name: str, count: int) -> Table:
    table = egraph.datasets.load(name).distinct()
    rows = np.random.default_rng(0).permutation(len(table))[:count]
    return table.take(np.sort(rows))


def choose(name: str, arguments: argparse.Namespace) -> Settings:
    """The settings of a benchmark, overridden by those of the command line."""
    own = FULL if arguments.full else AFFORDABLE.get(name, FULL)
    asked = {field: getattr(arguments, field) for field in Settings._fields}
    return own._replace(**{field: value for field, value in asked.items() if value is not None})


def measure(tables: dict[str, Table], arguments: argparse.Namespace) -> Rows:
    """Computes the missing scores; returns all, those of earlier runs included."""
    rows: Rows = {}
    for row in read(arguments.out):
        add(rows, row)
    tasks = []
    for name, table in tables.items():
        settings = choose(name, arguments)
        for text in map(table.space.format, table.architectures):
            done = rows.get((table.space.name, text, settings), {"scores": {}})["scores"]
            if wanted := [proxy for proxy in arguments.proxies if proxy not in done]:
                tasks.append((table.space.name, text, wanted, settings, arguments.device))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with (
        ProcessPoolExecutor(arguments.processes, multiprocessing.get_context("spawn")) as pool,
        arguments.out.open("a", encoding="utf-8") as out,
    ):
        if out.tell() and not arguments.out.read_bytes().endswith(b"\n"):
            out.write("\n")  # after an incomplete line
        for number, future in enumerate(as_completed([pool.submit(score, *task) for task in tasks]), 1):
            row = future.result()
            out.write(json.dumps(row) + "\n")
            out.flush()
            add(rows, row)
            print(f"\r{number} of {len(tasks)} architectures", end="", flush=True)
    print()
    return rows


def report(name: str, table: Table, arguments: argparse.Namespace, rows: Rows) -> None:
    settings = choose(name, arguments)
    own = [rows[table.space.name, text, settings] for text in map(table.space.format, table.architectures)]
    metric = METRICS.get(name, next(iter(table.metrics)))
    truth = np.asarray(table[metric])
    width = "full width" if settings.channels is None else f"{settings.channels} channels"
    images = f"{settings.batch_size} images of {settings.data}"
    print(f"\n{name}: {len(truth)} architectures, {metric}; {images}, {width}, seed {settings.seed}")
    columns, spent = {}, 0.0
    for proxy in arguments.proxies:
        scores = [row["scores"][proxy] for row in own]
        columns[proxy] = np.array([np.nan if each is None else each for each in scores])
        seconds = sum(row["seconds"][proxy] for row in own)
        spent += seconds
        kind, value, source = PUBLISHED.get(name, {}).get(proxy, ("", 0.0, ""))
        print_row(proxy, truth, columns[proxy], f"{seconds / len(own):8.3f} s", kind, value, source)
    if set(TOGETHER) <= columns.keys():
        together = rank_average(np.column_stack([columns[proxy] for proxy in TOGETHER]))
        print_row("rank-average", truth, together, " " * 10, "", 0.0, f"of {', '.join(TOGETHER)}")
    print(f"  {spent / 60:.1f} core minutes in all, {spent / len(own):.2f} s an architecture")


def print_row(
    what: str, truth: np.ndarray, scores: np.ndarray, seconds: str, kind: str, value: float, source: str
) -> None:
    known = np.isfinite(scores)
    tau, rho = (metric(truth[known], scores[known]) for metric in (kendall_tau, spearman))
    beside = {"tau": f"tau {value:.3f}", "rho": f"rho {value:.3f}"}.get(kind, "")
    print(
        f"  {what:22s} tau {tau:6.3f}  rho {rho:6.3f}  none {sum(~known):4d} {seconds}  {beside:10s} {source}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "benchmarks",
        nargs="*",
        default=list(BENCHMARKS),
        help="names or files of tables; default: all benchmarks",
    )
    parser.add_argument("--proxies", nargs="+", default=list(proxies), metavar="NAME")
    parser.add_argument("--count", type=int, default=300, help="number of architectures of each benchmark")
    parser.add_argument("--data", help="name or path of images for egraph.datasets.images")
    parser.add_argument("--batch-size", type=int, help="number of images")
    parser.add_argument("--channels", type=int, help="width of the networks")
    parser.add_argument("--full", action="store_true", help="widths and sizes as in the papers")
    parser.add_argument("--seed", type=int, help="seed of weights and images")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/zero_cost.jsonl"))
    arguments = parser.parse_args()
    for text in arguments.proxies:
        _ = proxies[parse(text)[0]]  # refuses unknown names before anything is computed
    tables = {name: sample(name, arguments.count) for name in arguments.benchmarks}
    rows = measure(tables, arguments)
    for name, table in tables.items():
        report(name, table, arguments, rows)


if __name__ == "__main__":
    main()

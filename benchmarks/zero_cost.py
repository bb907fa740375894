"""How well each zero-cost proxy ranks measured architectures, beside published figures.

    python benchmarks/zero_cost.py --processes 2      # hours on a CPU; --device cuda
    python benchmarks/zero_cost.py nasbench201 --count 20 --channels 8 --proxies naswot synflow flops

Of each benchmark a random sample of distinct architectures; their networks as the benchmark's authors built
them (or narrower: --channels), untrained; one batch of images for all. Each architecture adds its scores to
--out when it is done, and the same command goes on with those that are missing. Prints Kendall's tau-b and
Spearman's rho with the measured accuracy over the architectures that have a score, how many have none, and
seconds a score.

Published figures are for CIFAR-10 and whole spaces, and disagree by 0.05 from paper to paper; the images here
are others unless --data names CIFAR-10 as an .npz file. Where only rho is published it stands with rho.
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

import egraph
from egraph.datasets import ImageData, Table
from egraph.errors import EvaluationError
from egraph.evaluation import ZeroCost, rank_average
from egraph.evaluation.zero_cost import proxies
from egraph.metrics import kendall_tau, spearman

METRICS = {"nasbench201": "cifar10_test_200", "nasbench101": "val_acc_108", "nasbench_macro": "mean_acc"}
TOGETHER = ("naswot", "jacob-cov", "synflow", "flops")
"""Proxies whose rank-average is reported too, where all of them were asked for."""

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
    """What a score depends on besides architecture and proxy."""

    data: str
    batch_size: int
    channels: int | None
    seed: int


Rows = dict[tuple[str, str, str], dict[str, Any]]


def noise() -> ImageData:
    """Images of noise, 3 x 32 x 32, ten classes: for what does not depend on images much."""
    rng = np.random.default_rng(0)
    x, y = rng.random((1000, 3, 32, 32), dtype=np.float32), np.arange(1000) % 10
    return ImageData((x, y), (x[:10], y[:10]), (x[:10], y[:10]), name="noise")


@cache
def evaluator(space: str, proxy: str, settings: Settings, device: str) -> ZeroCost:
    return ZeroCost(
        egraph.spaces.get(space),
        proxy,
        noise() if settings.data == "noise" else settings.data,
        batch_size=settings.batch_size,
        device=device,
        channels=settings.channels,
        seed=settings.seed,
    )


def score(space: str, text: str, wanted: list[str], settings: Settings, device: str) -> list[dict[str, Any]]:
    """One row for each proxy: its score, or why it has none."""
    architecture = egraph.spaces.get(space).parse(text)
    rows = []
    for proxy in wanted:
        start = time.perf_counter()
        row: dict[str, Any] = {"score": None, "reason": ""}
        try:
            row["score"] = evaluator(space, proxy, settings, device).values(architecture)[proxy]
        except EvaluationError as error:
            row["reason"] = str(error)
        row["seconds"] = round(time.perf_counter() - start, 3)
        rows.append({"space": space, "architecture": text, "proxy": proxy, **settings._asdict(), **row})
    return rows


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The finished rows; a last line that was cut off is passed over."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue


def sample(name: str, count: int) -> Table:
    table = egraph.datasets.load(name).distinct()
    rows = np.random.default_rng(0).permutation(len(table))[:count]
    return table.take(np.sort(rows))


def measure(arguments: argparse.Namespace, settings: Settings) -> Rows:
    """All rows that were asked for, measured now or before, by space, architecture and proxy."""
    done = {
        (row["space"], row["architecture"], row["proxy"]): row
        for row in read(arguments.out)
        if Settings(*(row[field] for field in Settings._fields)) == settings
    }
    tasks = []
    for name in arguments.benchmarks:
        table = sample(name, arguments.count)
        for architecture in table.architectures:
            text = table.space.format(architecture)
            wanted = [proxy for proxy in arguments.proxies if (table.space.name, text, proxy) not in done]
            if wanted:
                tasks.append((table.space.name, text, wanted, settings, arguments.device))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with (
        ProcessPoolExecutor(arguments.processes, multiprocessing.get_context("spawn")) as pool,
        arguments.out.open("a", encoding="utf-8") as out,
    ):
        if out.tell() and not arguments.out.read_bytes().endswith(b"\n"):
            out.write("\n")  # after a line that was cut off
        for number, future in enumerate(as_completed([pool.submit(score, *task) for task in tasks]), 1):
            for row in future.result():
                out.write(json.dumps(row) + "\n")
                done[row["space"], row["architecture"], row["proxy"]] = row
            out.flush()
            print(f"\r{number} of {len(tasks)} architectures", end="", flush=True)
    print()
    return done


def report(name: str, arguments: argparse.Namespace, rows: Rows) -> None:
    table = sample(name, arguments.count)
    texts = [table.space.format(architecture) for architecture in table.architectures]
    truth = np.asarray(table[METRICS.get(name, next(iter(table.metrics)))])
    print(f"\n{name}: {len(truth)} architectures, {METRICS.get(name, next(iter(table.metrics)))}")
    columns = {}
    for proxy in arguments.proxies:
        own = [rows[table.space.name, text, proxy] for text in texts]
        columns[proxy] = np.array([np.nan if row["score"] is None else row["score"] for row in own])
        seconds = np.mean([row["seconds"] for row in own])
        kind, value, source = PUBLISHED.get(name, {}).get(proxy, ("", 0.0, ""))
        print_row(proxy, truth, columns[proxy], f"{seconds:8.2f} s", kind, value, source)
    if set(TOGETHER) <= columns.keys():
        together = rank_average(np.column_stack([columns[proxy] for proxy in TOGETHER]))
        print_row("rank-average", truth, together, " " * 10, "", 0.0, f"of {', '.join(TOGETHER)}")


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
    parser.add_argument("benchmarks", nargs="*", default=list(METRICS), help="names or files of tables")
    parser.add_argument("--proxies", nargs="+", default=list(proxies), choices=list(proxies), metavar="NAME")
    parser.add_argument("--count", type=int, default=300, help="architectures of each benchmark")
    parser.add_argument("--data", default="fashion-mnist", help="images, or noise (of the size of CIFAR-10)")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--channels", type=int, help="width of the networks; default is the benchmark's own")
    parser.add_argument("--seed", type=int, default=0, help="of weights and images")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/zero_cost.jsonl"))
    arguments = parser.parse_args()
    settings = Settings(arguments.data, arguments.batch_size, arguments.channels, arguments.seed)
    rows = measure(arguments, settings)
    for name in arguments.benchmarks:
        report(name, arguments, rows)


if __name__ == "__main__":
    main()

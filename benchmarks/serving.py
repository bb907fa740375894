"""Throughput of scoring: in one process, and through a service under load.

    python benchmarks/serving.py                     # about ten minutes
    python benchmarks/serving.py --smoke             # seconds; the figures are not meaningful
    python benchmarks/serving.py --out serving.jsonl

In one process: the exported ranker, the PyTorch ranker, and torch-geometric networks, as many as the ranker
has members. These networks are plain ones of the same width, and ones with the components of the ranker's
networks (both directions, norms, skips, three readouts). They start from prepared tensors or, like rankers,
from architectures. They lack the tabular models of a ranker. Then the service: a separate process sends
requests over the loopback device, on the same cores, with many connections or one, many architectures a
request or one, and with or without batching over requests. The ranker is fitted to random numbers, which does
not affect its speed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from loopback import hammer
from loopback.served import Served
from throughput import PlainNetwork, plain_batches
from torch_geometric.data import Batch
from torch_geometric.nn import SAGEConv, global_add_pool, global_max_pool

import egraph
from egraph.export import OnnxRanker
from egraph.ranker import Ranker

SCORE = "/v1/score"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--space", default="nasbench201", help="search space of the architectures")
    parser.add_argument("--seconds", type=float, default=60, help="duration of each load")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--batch", type=int, default=256, help="number of architectures in a large request")
    parser.add_argument(
        "--count", type=int, default=8192, help="number of architectures scored in one process"
    )
    parser.add_argument(
        "--repeats", type=int, default=5, help="number of repeats, of which the fastest counts"
    )
    parser.add_argument("--workers", type=int, default=1, help="number of workers of the service")
    parser.add_argument("--smoke", action="store_true", help="a short run")
    parser.add_argument("--out", type=Path, help="file to append the figures to, as JSON lines")
    options = parser.parse_args()
    if options.smoke:
        options.seconds, options.count, options.repeats = min(options.seconds, 1.0), 1024, 2
    with tempfile.TemporaryDirectory() as folder:
        rows = list(measure(options, Path(folder)))
    show(rows, options)
    if options.out:
        with options.out.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps({**about(options), **row}) + "\n" for row in rows)


class AlikeNetwork(torch.nn.Module):
    """The computation of a member of the default ranker, with torch-geometric's layers."""

    def __init__(self, inputs: int, width: int, layers: int) -> None:
        super().__init__()
        widths = list(pairwise([inputs, *[width] * layers]))
        self.forth = torch.nn.ModuleList(SAGEConv(i, o) for i, o in widths)
        self.back = torch.nn.ModuleList(SAGEConv(i, o, root_weight=False) for i, o in widths)
        self.norms = torch.nn.ModuleList(torch.nn.LayerNorm(width) for _ in widths)
        self.hidden = torch.nn.Linear(3 * width, width)
        self.out = torch.nn.Linear(width, 1)

    def forward(self, batch: Batch) -> torch.Tensor:
        x, edges, reverse = batch.x, batch.edge_index, batch.edge_index.flip(0)
        for forth, back, norm in zip(self.forth, self.back, self.norms, strict=True):
            new = torch.nn.functional.gelu(norm(forth(x, edges) + back(x, reverse)))
            x = new if new.shape != x.shape else x + new
        last = x[batch.ptr[1:] - 1]
        read = [last, global_add_pool(x, batch.batch), global_max_pool(x, batch.batch)]
        return self.out(torch.nn.functional.gelu(self.hidden(torch.cat(read, 1))))


def measure(options: argparse.Namespace, folder: Path) -> Iterator[dict[str, Any]]:
    """Yields all rows."""
    space = egraph.spaces.get(options.space)
    rng = np.random.default_rng(0)
    graphs = [space.sample(rng) for _ in range(options.count)]
    ranker = Ranker(epochs=2, folds=2, seed=0).fit(graphs[:156], rng.normal(size=156))
    path = folder / "ranker.onnx"
    ranker.to_onnx(path)
    inside = list(measure_inside(ranker, OnnxRanker(path), graphs, options))
    yield from inside
    reference = inside[0]["architectures/s"]
    for row in measure_service(path, graphs, options, folder / "log"):
        yield row | {"of one process": row["architectures/s"] / reference}


def measure_inside(
    ranker: Ranker, onnx: OnnxRanker, graphs: list[egraph.Architecture], options: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Measurements in one process; the first row is the reference."""
    parts = [graphs[start : start + options.batch] for start in range(0, len(graphs), options.batch)]
    few = graphs[: max(64, len(graphs) // 32)]
    shape = ranker.scorer_.network.shape
    size = shape.vertex_features, shape.width, len(shape.layers)
    plain = [PlainNetwork(*size).eval() for _ in range(shape.members)]
    alike = [AlikeNetwork(*size).eval() for _ in range(shape.members)]
    batches = plain_batches(ranker.encode(graphs))

    def score(networks: Sequence[torch.nn.Module], batches: list[Batch]) -> None:
        with torch.inference_mode():
            for batch in batches:
                for network in networks:
                    network(batch)

    def build_and_score() -> None:
        for part in parts:
            score(alike, plain_batches(ranker.encode(part)))

    members = f"{shape.members} torch-geometric networks"
    works: dict[str, tuple[int, Callable[[], object]]] = {
        f"OnnxRanker, batches of {options.batch}": (len(graphs), lambda: [onnx(part) for part in parts]),
        "OnnxRanker, with intervals": (len(graphs), lambda: [onnx.assess(part, level=0.8) for part in parts]),
        "OnnxRanker, one at a time": (len(few), lambda: [onnx([graph]) for graph in few]),
        f"Ranker, batches of {options.batch}": (len(graphs), lambda: [ranker(part) for part in parts]),
        "Ranker, all at once": (len(graphs), lambda: ranker(graphs)),
        "Ranker, one at a time": (len(few), lambda: [ranker([graph]) for graph in few]),
        f"{members}, plain, tensors ready": (len(graphs), lambda: score(plain, batches)),
        f"{members}, alike, tensors ready": (len(graphs), lambda: score(alike, batches)),
        f"{members}, alike": (len(graphs), build_and_score),
    }  # fmt: skip
    least = dict.fromkeys(works, math.inf)
    for repeat in range(options.repeats + 1):
        for name, (_, work) in works.items():
            began = time.perf_counter()
            work()
            if repeat:  # the first round is a warm-up
                least[name] = min(least[name], time.perf_counter() - began)
    for name, (count, _) in works.items():
        yield {"what": name, "architectures/s": count / least[name]}


def measure_service(
    path: Path, graphs: list[egraph.Architecture], options: argparse.Namespace, log: Path
) -> Iterator[dict[str, Any]]:
    """Measurements of the service, over the loopback device."""
    batch, many = options.batch, options.connections
    large = [graphs[start : start + batch] for start in range(0, min(len(graphs), 32 * batch), batch)]
    small = [[graph] for graph in graphs[:1024]]
    body = f"{batch} a request"
    cases = {
        f"{many} connections, {body}": (large, many, 0.0),
        f"{many} connections, {body}, with intervals": (large, many, 0.8),
        f"{many} connections, 1 a request": (small, many, 0.0),
        f"1 connection, {body}": (large, 1, 0.0),
        "1 connection, 1 a request": (small, 1, 0.0),
    }
    with Served(path, log, workers=options.workers) as served:
        check(served, graphs[:batch], path)
        for name, case in cases.items():
            yield {"what": name, **measure_load(served, *case, options.seconds)}
        fitness = egraph.fitness(served.url, batch=batch)
        fitness(graphs)
        began = time.perf_counter()
        fitness(graphs)
        yield {
            "what": f"egraph.fitness, {body}",
            "architectures/s": len(graphs) / (time.perf_counter() - began),
        }
    for size, parts in ((batch, large), (1, small)):
        with Served(path, log, workers=options.workers, largest_batch=size) as served:
            found = measure_load(served, parts, many, 0.0, options.seconds)
        yield {"what": f"{many} connections, {size} a request, each by itself", **found}


def measure_load(
    served: Served, parts: list[list[egraph.Architecture]], connections: int, level: float, seconds: float
) -> dict[str, Any]:
    """Measures one load, after a short warm-up."""
    requests = [
        hammer.request(SCORE, {"architectures": [graph.to_dict() for graph in part], "level": level})
        for part in parts
    ]
    load(served, requests, connections, min(2.0, seconds / 2))
    before = served.memory()
    found = load(served, requests, connections, seconds)
    rate = found["requests/s"] * len(parts[0])
    return {"architectures/s": rate, **found, "MiB before": before, "MiB after": served.memory()}


def load(served: Served, requests: list[bytes], connections: int, seconds: float) -> dict[str, Any]:
    return hammer.finish(hammer.start(served.port, requests, connections, seconds), seconds)


def check(served: Served, graphs: list[egraph.Architecture], path: Path) -> None:
    """Checks that the service returns the right scores."""
    there, here = egraph.fitness(served.url)(graphs), OnnxRanker(path)(graphs)
    if not np.allclose(there, here, rtol=1e-5, atol=1e-5):
        raise SystemExit(f"the service scores differently, by up to {np.abs(there - here).max():.3g}")


def about(options: argparse.Namespace) -> dict[str, Any]:
    import onnxruntime

    return {
        "space": options.space,
        "seconds": options.seconds,
        "workers": options.workers,
        "cores": len(os.sched_getaffinity(0)),
        "egraph": egraph.__version__,
        "torch": torch.__version__,
        "onnxruntime": onnxruntime.__version__,
        "python": platform.python_version(),
    }


def show(rows: list[dict[str, Any]], options: argparse.Namespace) -> None:
    """Prints the figures as Markdown tables."""
    inside = [row for row in rows if "requests" not in row]
    served = [row for row in rows if "requests" in row]
    reference = rows[0]["architectures/s"]
    print(", ".join(f"{name} {value}" for name, value in about(options).items()) + "\n")
    print("| in one process, and the client | architectures/s | ratio |\n|---|---:|---:|")
    for row in inside:
        rate = row["architectures/s"]
        print(f"| {row['what']} | {rate:,.0f} | {rate / reference:.2f} |")
    print("\n| service | requests/s | architectures/s | ratio | p50 ms | p99 ms | not 200 | errors | MiB |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for row in served:
        wrong = row["requests"] - row["statuses"].get("200", 0)
        print(
            f"| {row['what']} | {row['requests/s']:,.0f} | {row['architectures/s']:,.0f} "
            f"| {row['of one process']:.2f} | {row['p50 ms']:.1f} | {row['p99 ms']:.1f} | {wrong} "
            f"| {sum(row['errors'].values())} | {row['MiB before']:.0f} to {row['MiB after']:.0f} |"
        )
    ratio = served[0]["of one process"]
    print(f"\nThe service reaches {ratio:.2f} of the rate in one process; at least 0.5 is required.")


if __name__ == "__main__":
    main()

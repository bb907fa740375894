"""Throughput of the ranker in encoding and scoring, with bounds measured in the same run.

    python benchmarks/throughput.py nasbench101:172 nasbench201:156 --threads 2
    python benchmarks/throughput.py nasbench101:172 --whole-space

"One network" is a ranker with one member and no tabular models. Two bounds are given for comparison: a plain
torch-geometric model of the same widths (one network, mean aggregation, batches of 512), times the number of
members; and the time of the matrix products alone, at the rate at which this machine multiplies large
matrices. CPU seconds are summed over all threads of the process; on a shared machine they are more reliable
than wall time.
"""

from __future__ import annotations

import argparse
import math
import resource
import time
from collections import deque
from collections.abc import Callable
from itertools import islice, pairwise

import numpy as np
import torch
from tables import METRICS
from torch_geometric.data import Batch, Data
from torch_geometric.nn import SAGEConv, global_add_pool

import egraph
from egraph.ranker import Encoding, Ranker


def measure(works: dict[str, Callable[[], object]], repeats: int) -> dict[str, tuple[float, float]]:
    """Least wall time and least CPU time of each work, in seconds; the works run in turn."""
    least = dict.fromkeys(works, (math.inf, math.inf))
    for repeat in range(repeats + 1):
        for what, work in works.items():
            start = time.perf_counter(), time.process_time()
            work()
            took = time.perf_counter() - start[0], time.process_time() - start[1]
            if repeat:  # the first round is a warm-up
                least[what] = min(least[what][0], took[0]), min(least[what][1], took[1])
    return least


def operations(ranker: Ranker, encoding: Encoding) -> float:
    """Mean floating-point operations of the dense matrix products for one architecture."""
    shape = ranker.scorer_.network.shape
    terms = 3 if shape.bidirectional else 2
    widths = shape.widths
    vertex = sum(2 * terms * i * o for i, o in pairwise(widths))
    readout = 2 * shape.width * (len(shape.readout) * widths[-1] + shape.graph_features + shape.width)
    return shape.members * (vertex * float(encoding.sizes.mean()) + readout)


class PlainNetwork(torch.nn.Module):
    def __init__(self, inputs: int, width: int, layers: int) -> None:
        super().__init__()
        widths = [inputs, *[width] * layers]
        self.convolutions = torch.nn.ModuleList(SAGEConv(i, o) for i, o in pairwise(widths))
        self.out = torch.nn.Linear(width, 1)

    def forward(self, batch: Batch) -> torch.Tensor:
        x = batch.x
        for convolution in self.convolutions:
            x = torch.nn.functional.gelu(convolution(x, batch.edge_index))
        return self.out(global_add_pool(x, batch.batch))


def plain_batches(encoding: Encoding) -> list[Batch]:
    graphs = []
    for vertices, counts, size in zip(encoding.vertices, encoding.counts, encoding.sizes, strict=True):
        edges = torch.from_numpy(np.stack(np.nonzero(counts[:size, :size])))
        graphs.append(Data(x=torch.from_numpy(vertices[:size]), edge_index=edges))
    return [Batch.from_data_list(graphs[start : start + 512]) for start in range(0, len(graphs), 512)]


def report(name: str, labels: int, count: int, epochs: int, repeats: int) -> None:
    table = egraph.datasets.load(name).distinct()
    train, test = table.split(labels, seed=0)
    ranker = Ranker(epochs=epochs, folds=0).fit(train.architectures, train[METRICS[name]])
    single = Ranker(epochs=epochs, folds=0, members=1, tabular=None)
    single.fit(train.architectures, train[METRICS[name]])
    graphs = [test.architectures[i % len(test)] for i in range(count)]
    encoding = ranker.encode(graphs)
    shape = ranker.scorer_.network.shape
    plain = PlainNetwork(shape.vertex_features, shape.width, len(shape.layers)).eval()
    batches = plain_batches(encoding)

    def score_plainly() -> None:
        with torch.inference_mode():
            for batch in batches:
                plain(batch)

    print(f"{name}, {labels} labels, {count} architectures of {encoding.sizes.mean():.1f} vertices")
    works = {
        "encode": lambda: ranker.encode(graphs),
        "score encoded": lambda: ranker.predict(encoding),
        "end to end": lambda: ranker(graphs),
        "score encoded, one network": lambda: single.predict(encoding),
        "end to end, one network": lambda: single(graphs),
        "torch-geometric, one network": score_plainly,
    }
    matrix = torch.randn(1024, 1024)
    timings = measure({**works, "product": lambda: matrix @ matrix}, repeats)
    product = timings.pop("product")[0]
    for what, (wall, cpu) in timings.items():
        print(f"  {what:30s} {count / wall:10,.0f} architectures/s   {1e6 * cpu / count:7.1f} µs CPU each")
    rate, each = 2 * len(matrix) ** 3 / product, operations(ranker, encoding)
    scored = timings["score encoded"][0]
    members = timings["torch-geometric, one network"][0] * shape.members
    print(f"  matrix products: {each / 1e6:.2f} MFLOP each, {rate / 1e9:.0f} GFLOP/s here: ", end="")
    print(
        f"at most {rate / each:,.0f} architectures/s; {scored * rate / each / count:.1f} times that is needed"
    )
    print(
        f"  {members / scored:.1f} times as fast as {shape.members} plain torch-geometric networks",
        flush=True,
    )


def rank_whole_space() -> None:
    """Scores every cell of nasbench101 from a generator, and prints time and memory."""
    table = egraph.datasets.load("nasbench101").distinct()
    train, _ = table.split(172, seed=0)
    ranker = Ranker(epochs=5, folds=0).fit(train.architectures, train["val_acc_108"])
    space = egraph.spaces.get("nasbench101")
    deque(space, maxlen=0)  # lists the cells first, so that their memory is not counted
    before = peak()
    for count in (len(space) // 2, len(space)):
        start = time.perf_counter(), time.process_time()
        scores = ranker(islice(space, count))
        wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
        print(
            f"nasbench101 from a generator: {len(scores):,} cells in {wall:.0f} s ({cpu:.0f} s CPU), "
            f"peak memory + {peak() - before:.0f} MiB"
        )


def peak() -> float:
    """Peak memory of the process, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", default=["nasbench101:172"], metavar="BENCHMARK:LABELS")
    parser.add_argument("--count", type=int, default=8192, help="number of architectures to score")
    parser.add_argument("--threads", type=int, help="threads of PyTorch; default: its own choice")
    parser.add_argument(
        "--repeats", type=int, default=5, help="number of repeats, of which the fastest counts"
    )
    parser.add_argument(
        "--epochs", type=int, default=5, help="epochs of the fit; they do not affect the speed"
    )
    parser.add_argument("--whole-space", action="store_true", help="also rank all of nasbench101")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    print(f"egraph {egraph.__version__}, torch {torch.__version__}, {torch.get_num_threads()} threads")
    for case in arguments.cases:
        name, labels = case.rsplit(":", 1)
        report(name, int(labels), arguments.count, arguments.epochs, arguments.repeats)
    if arguments.whole_space:
        rank_whole_space()


if __name__ == "__main__":
    main()

"""A few ratios in minutes, compared with recorded ones: has something become much slower or worse?

    python benchmarks/quick.py             # make bench-quick; exit code 1 where a ratio is too small
    python benchmarks/quick.py --only ask-tell scoring
    python benchmarks/quick.py --record    # writes what was found into thresholds.toml

Each ratio is egraph's figure over a peer's in the same run, so that it hardly depends on the machine. Higher
is better. `thresholds.toml` beside this file has the recorded ratios and the least that pass. Other scripts
of this folder measure the same things thoroughly.
"""

from __future__ import annotations

import argparse
import math
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import egraph
from egraph.export import OnnxRanker
from egraph.ranker import Ranker
from egraph.searchers import RandomSearch, RegularizedEvolution

THRESHOLDS = Path(__file__).with_name("thresholds.toml")
COUNT = 4096


def fitted() -> tuple[Ranker, list[egraph.Architecture]]:
    """A default ranker, fitted briefly, and architectures to score. Speed does not depend on the scores."""
    space, rng = egraph.spaces.get("nasbench201"), np.random.default_rng(0)
    train = [space.sample(rng) for _ in range(60)]
    ranker = Ranker(epochs=3, folds=0, seed=0).fit(train, rng.random(60))
    return ranker, [space.sample(rng) for _ in range(COUNT)]


def seconds(works: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Least processor seconds of each, measured in turns after a first time that warms up."""
    least = dict.fromkeys(works, math.inf)
    for repeat in range(repeats + 1):
        for what, work in works.items():
            start = time.process_time()
            work()
            if repeat:
                least[what] = min(least[what], time.process_time() - start)
    return least


def scoring() -> float:
    """Architectures scored a second by the ranker, over as many plain torch-geometric networks as it has."""
    from throughput import PlainNetwork, plain_batches

    ranker, graphs = fitted()
    encoding, shape = ranker.encode(graphs), ranker.scorer_.network.shape
    plain = PlainNetwork(shape.vertex_features, shape.width, len(shape.layers)).eval()
    batches = plain_batches(encoding)

    def score_plainly() -> None:
        with torch.inference_mode():
            for batch in batches:
                plain(batch)

    took = seconds({"ours": lambda: ranker.predict(encoding), "peer": score_plainly}, repeats=5)
    return shape.members * took["peer"] / took["ours"]


def exported() -> float:
    """Architectures scored a second by the exported ranker, over those of the ranker, in batches of 256."""
    ranker, graphs = fitted()
    batches = [graphs[start : start + 256] for start in range(0, 2048, 256)]
    with tempfile.TemporaryDirectory() as folder:
        ranker.to_onnx(Path(folder) / "r.onnx")
        onnx = OnnxRanker(Path(folder) / "r.onnx")
        works = {"ours": lambda: [onnx(b) for b in batches], "peer": lambda: [ranker(b) for b in batches]}
        took = seconds(works, repeats=3)
    return took["peer"] / took["ours"]


def ranking() -> float:
    """Kendall's tau of the ranker after 100 labels of NAS-Bench-Graph, over that of a random forest."""
    table = egraph.datasets.load("nasbench_graph_cora").distinct()
    found: dict[str, list[float]] = {"ours": [], "peer": []}
    for seed in (0, 1):
        train, test = table.split(100, seed=seed)
        graphs, truth = test.architectures[:5000], test["test_perf"][:5000]
        makers: dict[str, Callable] = {"ours": Ranker, "peer": egraph.ranker.predictors.get("forest")}
        for who, make in makers.items():
            model = make(seed=seed).fit(train.architectures, train["test_perf"])
            found[who].append(egraph.metrics.kendall_tau(truth, model.predict(graphs)))
    return float(np.mean(found["ours"]) / np.mean(found["peer"]))


def ask_tell() -> float:
    """Pairs of an ask and a tell a second, of regularized evolution over random search."""
    space = egraph.spaces.get("nasbench201")

    def search(kind: Callable) -> None:
        searcher = kind(space, seed=0, distinct=False)
        for _ in range(10_000):
            searcher.tell(searcher.ask(), [0.0])

    took = seconds({"ours": lambda: search(RegularizedEvolution), "peer": lambda: search(RandomSearch)}, 3)
    return took["peer"] / took["ours"]


def importing() -> float:
    """Seconds that `import numpy` takes, over those of `import egraph`, each in a new process."""
    least = {"numpy": math.inf, "egraph": math.inf}
    for _ in range(5):
        for name in least:
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", f"import {name}"], check=True)
            least[name] = min(least[name], time.perf_counter() - start)
    return least["numpy"] / least["egraph"]


MEASURES: dict[str, Callable[[], float]] = {
    "scoring": scoring,
    "exported": exported,
    "ranking": ranking,
    "ask-tell": ask_tell,
    "importing": importing,
}


def too_small(found: dict[str, float], thresholds: dict[str, dict[str, float]]) -> list[str]:
    """The names of ratios below their threshold; one that is not a number is below any."""
    return [name for name, ratio in found.items() if not ratio >= thresholds[name]["least"]]


def show(found: dict[str, float], thresholds: dict[str, dict[str, float]]) -> None:
    table = Table("ratio", "found", "recorded", "least", "what", box=None)
    failed = too_small(found, thresholds)
    for name, ratio in found.items():
        recorded, least = thresholds[name]["recorded"], thresholds[name]["least"]
        what = (MEASURES[name].__doc__ or "").split("\n")[0]
        style = "red" if name in failed else None
        table.add_row(name, f"{ratio:.2f}", f"{recorded:.2f}", f"{least:.2f}", what, style=style)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def record(found: dict[str, float]) -> None:
    """Replaces the recorded ratios; how much less passes is for a person to decide."""
    text = THRESHOLDS.read_text(encoding="utf-8")
    for name, ratio in found.items():
        text = re.sub(rf"(\[{name}\]\nrecorded = )[\d.]+", rf"\g<1>{ratio:.2f}", text)
    THRESHOLDS.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=list(MEASURES), default=list(MEASURES), metavar="RATIO")
    parser.add_argument("--record", action="store_true", help="write what was found into thresholds.toml")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    thresholds = tomllib.loads(THRESHOLDS.read_text(encoding="utf-8"))
    found = {}
    for name in arguments.only:
        print(f"{name} ...", file=sys.stderr, flush=True)
        found[name] = MEASURES[name]()
    show(found, thresholds)
    if arguments.record:
        record(found)
    elif failed := too_small(found, thresholds):
        sys.exit(f"worse than recorded in {THRESHOLDS.name}: {', '.join(failed)}")


if __name__ == "__main__":
    main()

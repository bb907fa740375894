"""Compares the scores of a ranker with those of its ONNX file, on every search space.

    python benchmarks/parity.py [SPACE ...] [--count 2000] [--members 5]

For each space a ranker is fitted to synthetic scores of 100 architectures. Then the ranker and its file score
new architectures: samples of the space, and as many random graphs of its operations with 2 to 64 vertices.
Scores are in standard deviations of the training scores. Two architectures are swapped if one is better by
more than 1e-6 according to the ranker, and worse by more than that according to the file.
"""

import argparse
import tempfile
import warnings
from pathlib import Path

import numpy as np

import egraph
from egraph.errors import OutOfDistributionWarning
from egraph.export import OnnxRanker

TRAINING = 100
TIE = 1e-6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("spaces", nargs="*", default=egraph.spaces.names(), metavar="SPACE")
    parser.add_argument("--count", type=int, default=2000, help="number of architectures of each kind [2000]")
    parser.add_argument("--members", type=int, default=5, help="number of networks in a ranker [5]")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    warnings.simplefilter("ignore", OutOfDistributionWarning)
    print(
        "| space | architectures | vertices | largest difference | swapped pairs | rounding of the ranker |"
    )
    print("|---|---|---|---|---|---|")
    for name in args.spaces:
        rng = np.random.default_rng(args.seed)
        space = egraph.spaces.get(name)
        training = [space.sample(rng) for _ in range(TRAINING)]
        ranker = egraph.Ranker(members=args.members, folds=0, seed=args.seed)
        ranker.fit(training, score(training, rng))
        with tempfile.TemporaryDirectory() as folder:
            ranker.to_onnx(Path(folder, "r.onnx"))
            file = OnnxRanker(Path(folder, "r.onnx"))
        unit = float(ranker.scale_.scores.std())
        for kind, graphs in {
            name: [space.sample(rng) for _ in range(args.count)],
            "random graphs of its operations": random_graphs(ranker, args.count, rng),
        }.items():
            here, there = ranker(graphs) / unit, file(graphs) / unit
            backwards = ranker(graphs[::-1])[::-1] / unit  # in other batches
            sizes = [a.num_vertices for a in graphs]
            print(
                f"| {kind} | {len(graphs)} | {min(sizes)} to {max(sizes)} | {np.abs(here - there).max():.1e} "
                f"| {swapped(here, there)} | {np.abs(here - backwards).max():.1e} |",
                flush=True,
            )


def score(graphs: list[egraph.Architecture], rng: np.random.Generator) -> np.ndarray:
    """Synthetic scores that a ranker can learn: a random combination of features, and noise."""
    from egraph.encoding import Vocabulary, encode

    features = encode(graphs, Vocabulary.of(graphs)).features
    spread = features.std(axis=0)
    z = (features - features.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    total = z @ rng.normal(size=z.shape[1])
    return total / total.std() + 0.1 * rng.normal(size=len(graphs))


def random_graphs(ranker: egraph.Ranker, count: int, rng: np.random.Generator) -> list[egraph.Architecture]:
    names = [op.name for op in ranker.vocabulary_.operations if op.kind not in ("input", "output")]
    graphs = []
    for _ in range(count):
        size = int(rng.integers(2, 65))
        edges = {(int(rng.integers(max(v - 6, 0), v)), v) for v in range(1, size) for _ in range(2)}
        ops = ["input", *rng.choice(names, size - 2).tolist(), "output"]
        graphs.append(egraph.Architecture(ops, edges))
    return graphs


def swapped(a: np.ndarray, b: np.ndarray) -> int:
    return int((((a[:, None] - a) > TIE) & ((b[:, None] - b) < -TIE)).sum())


if __name__ == "__main__":
    main()

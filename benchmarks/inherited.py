"""Variants of a trained network, trained briefly from inherited weights and from fresh ones.

    python benchmarks/inherited.py            # seeds 0 to 9
    python benchmarks/inherited.py --seeds 2

For each seed a residual network is trained on the digits of scikit-learn for 15 epochs. Then four random
variants of it are drawn, and four that change one thing. Each is trained for 1, 2 and 4 epochs by the
same recipe and seed, once from the weights that it inherits and once from fresh ones. Printed are the mean
validation accuracies of both, and their difference with its standard deviation over the seeds.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

# One thread a process, as on one core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import nn

import egraph
from egraph.evaluation import Recipe, Training

SHAPE, EPOCHS, BRIEF, VARIANTS = (1, 8, 8), 15, (1, 2, 4), 4


class Block(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after)
        self.conv2, self.bn2 = nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)
        same = before == after and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(before, after, 1, stride)
        self.act = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = self.bn2(self.conv2(self.act(self.bn1(self.conv1(x)))))
        return self.act(self.shortcut(x) + inner)


def model() -> nn.Sequential:
    """The given network."""
    stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
    stages = [nn.Sequential(Block(16, 16), Block(16, 16)), nn.Sequential(Block(16, 32, 2), Block(32, 32))]
    return nn.Sequential(stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


def compare(seed: int) -> dict[tuple[str, int], tuple[float, float, float]]:
    """Accuracies of one seed by kind of variant and epochs: the given network, inherited, fresh."""
    fresh = egraph.spaces.around(model, SHAPE, name="fresh")
    trained = Training(fresh, "digits", Recipe(epochs=EPOCHS, learning_rate=1e-2), "cpu")
    start, network = trained.train(fresh.given, seed=seed)
    inheriting = egraph.spaces.around(network, SHAPE, inherit=True, name="inherited")
    rng = np.random.default_rng(seed)
    kinds: dict[str, Any] = {
        "random variants": [fresh.sample(rng) for _ in range(VARIANTS)],
        "one change": [fresh.mutate(fresh.given, rng) for _ in range(VARIANTS)],
    }
    found = {}
    for kind, variants in kinds.items():
        for epochs in BRIEF:
            means = []
            for space in (inheriting, fresh):
                training = Training(space, "digits", Recipe(epochs=epochs, learning_rate=1e-2), "cpu")
                own = [space.from_answers(dict(one.answers)) for one in variants]
                means.append(float(np.mean([training.evaluate(one, seed=seed).score for one in own])))
            found[kind, epochs] = (start.score, means[0], means[1])
    return found


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10, help="number of seeds, from 0")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    given = parser.parse_args()
    rows: dict[tuple[str, int], list[tuple[float, float, float]]] = {}
    for seed in range(given.first, given.first + given.seeds):
        for what, scores in compare(seed).items():
            rows.setdefault(what, []).append(scores)
        print(f"seed {seed} done", flush=True)
    print(f"{'variants':<18}{'epochs':>7}{'given':>9}{'inherited':>11}{'fresh':>9}{'difference':>19}")
    for (kind, epochs), scores in rows.items():
        start, inherited, fresh = np.array(scores).mean(axis=0)
        gain = np.array(scores)[:, 1] - np.array(scores)[:, 2]
        spread = f"{gain.mean():+.1%} +- {gain.std(ddof=1) if len(gain) > 1 else 0:.1%}"
        print(f"{kind:<18}{epochs:>7}{start:>9.1%}{inherited:>11.1%}{fresh:>9.1%}{spread:>19}")


if __name__ == "__main__":
    main()

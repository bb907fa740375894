"""Whether three scores of untrained networks recognise well-known designs.

    python benchmarks/famous_cells.py --picture docs/images/famous-cells.svg

Figure 4 of the source of ``pareto-evolution`` (T. Reolon, 2021) shows networks such as ResNet and VGG near
the origin of three scores that are minimised, and random ones far from it. Here two comparisons repeat it:

- *networks*: small networks of well-known designs, written below, against stacks of three random cells of the
  space ``concat-cell``;
- *cells*: cells of that space that follow such designs, against random cells, all in the same skeleton.

The scores are minus the proxies ``ntk``, ``naswot`` and ``gradient-correlation``, the means over several
batches and initial weights. Each score is divided by its range up to the 90 % quantile of all networks, where
it is cut, as the source cuts its outliers. A network without a score is at the end of all ranges. The
distance from the origin is compared by the rank-sum test, one-sided; "separation" is the share of pairs of a
well-known and a random design in which the first is nearer. The last row is that of the size alone.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from scipy.stats import mannwhitneyu, spearmanr
from torch import Tensor, nn

from egraph import spaces
from egraph.datasets import images
from egraph.errors import EvaluationError
from egraph.evaluation.zero_cost import proxies
from egraph.networks import count_params

SCORES = ("ntk", "naswot", "gradient-correlation")
IMAGES = 16
CUT = 0.9

CELLS = {
    "VGG": " ".join(["0|0|0|32|0|0|0|0", *["0|0|0|0|0|0|0|0", "32|0|0|0|0|0|0|0"], *["0|0|0|0|0|0|0|0"] * 2,
                     "32|0|0|0|0|0|0|0"]),
    "ResNet": "32|0|0|0|0|0|0|0 0|0|0|32|0|0|0|0 32|0|0|0|0|0|0|0",
    "DenseNet": " ".join(["16|0|0|0|0|0|0|0"] * 6),
    "Inception": "16|16|0|16|0|16|0|0",
    "MobileNet": "0|0|0|32|0|0|0|0 0|0|0|0|0|0|0|0 32|0|0|0|0|0|0|0",
    "SqueezeNet": "0|0|0|8|0|0|0|0 0|0|0|0|0|0|0|0 16|0|0|16|0|0|0|0",
    "SENet": "0|0|0|16|0|0|0|0 0|0|0|0|0|0|0|0 32|0|0|0|0|0|16|0",
}  # fmt: skip
"""Cells that follow a design as far as concatenation allows: skips join channels, they add nothing."""


def block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution, batch normalisation and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def head(width: int) -> nn.Sequential:
    """The mean over all pixels, and a dense layer."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


class Sum(nn.Module):
    """A path added to a shorter one, with a ReLU behind the sum where that is wanted."""

    def __init__(self, path: nn.Module, short: nn.Module, act: nn.Module) -> None:
        super().__init__()
        self.path, self.short, self.act = path, short, act

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.path(x) + self.short(x))


class Join(nn.Module):
    """Paths whose results are concatenated."""

    def __init__(self, *paths: nn.Module) -> None:
        super().__init__()
        self.paths = nn.ModuleList(paths)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([path(x) for path in self.paths], dim=1)


class Gate(nn.Module):
    """Squeeze and excitation: channels are scaled by what their means say."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = max(4, width // 4)
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, inner, 1), nn.ReLU(), nn.Conv2d(inner, width, 1),
            nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale(x)


def vgg(w: int) -> nn.Module:
    """Three stages of two convolutions, with pools between them."""
    stages = []
    for inputs, outputs in ((3, w), (w, 2 * w), (2 * w, 4 * w)):
        stages += [block(inputs, outputs), block(outputs, outputs), nn.MaxPool2d(2)]
    return nn.Sequential(*stages, head(4 * w))


def resnet(w: int, gate: bool = False) -> nn.Module:
    """Three stages of one residual block; with gates it is an SE-ResNet."""
    stages: list[nn.Module] = [block(3, w)]
    for inputs, outputs, stride in ((w, w, 1), (w, 2 * w, 2), (2 * w, 4 * w, 2)):
        path = [block(inputs, outputs, 3, stride), nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)]
        path += [nn.BatchNorm2d(outputs), *([Gate(outputs)] if gate else [])]
        short: nn.Module = nn.Identity()
        if inputs != outputs:
            short = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        stages.append(Sum(nn.Sequential(*path), short, nn.ReLU()))
    return nn.Sequential(*stages, head(4 * w))


def densenet(w: int) -> nn.Module:
    """Two dense blocks of three layers with a transition between them."""
    layers: list[nn.Module] = [block(3, w)]
    width = w
    for number in range(2):
        for _ in range(3):
            layers.append(Join(nn.Identity(), nn.Sequential(
                nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, w, 3, 1, 1, bias=False)
            )))  # fmt: skip
            width += w
        if number == 0:
            layers += [block(width, width // 2, 1), nn.AvgPool2d(2)]
            width //= 2
    return nn.Sequential(*layers, nn.BatchNorm2d(width), nn.ReLU(), head(width))


def inception(w: int) -> nn.Module:
    """Two modules of four branches."""

    def module(inputs: int, each: int) -> nn.Module:
        return Join(
            block(inputs, each, 1),
            nn.Sequential(block(inputs, each, 1), block(each, each)),
            nn.Sequential(block(inputs, each // 2, 1), block(each // 2, each, 5)),
            nn.Sequential(nn.MaxPool2d(3, 1, 1), block(inputs, each, 1)),
        )

    return nn.Sequential(
        block(3, w), module(w, w // 2), nn.MaxPool2d(2), module(2 * w, w), nn.MaxPool2d(2), head(4 * w)
    )


def mobilenet(w: int) -> nn.Module:
    """Three inverted bottlenecks: wide depthwise convolutions between narrow ends."""
    stages: list[nn.Module] = [block(3, w)]
    for inputs, outputs, stride in ((w, w, 1), (w, 2 * w, 2), (2 * w, 4 * w, 2)):
        path = nn.Sequential(
            block(inputs, 4 * inputs, 1), block(4 * inputs, 4 * inputs, 3, stride, groups=4 * inputs),
            nn.Conv2d(4 * inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip
        stages.append(Sum(path, nn.Identity(), nn.Identity()) if inputs == outputs else path)
    return nn.Sequential(*stages, block(4 * w, 8 * w, 1), head(8 * w))


def squeezenet(w: int) -> nn.Module:
    """Three fire modules."""

    def fire(inputs: int, outputs: int) -> nn.Module:
        squeezed = max(4, outputs // 4)
        wide = Join(block(squeezed, outputs // 2, 1), block(squeezed, outputs // 2))
        return nn.Sequential(block(inputs, squeezed, 1), wide)

    return nn.Sequential(
        block(3, w), fire(w, 2 * w), nn.MaxPool2d(2), fire(2 * w, 4 * w), nn.MaxPool2d(2), fire(4 * w, 4 * w),
        head(4 * w),
    )  # fmt: skip


NETWORKS: dict[str, Callable[[int], nn.Module]] = {
    "VGG": vgg,
    "ResNet": resnet,
    "DenseNet": densenet,
    "Inception": inception,
    "MobileNet": mobilenet,
    "SqueezeNet": squeezenet,
    "SENet": lambda width: resnet(width, gate=True),
}


def main() -> None:
    """Prints both comparisons and draws them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="photographs-16", help="images of 3 channels")
    parser.add_argument("--random", type=int, default=30, help="number of random cells")
    parser.add_argument("--seeds", type=int, default=2, help="batches and initial weights")
    parser.add_argument("--width", type=int, default=16, help="channels of the first layer of a network")
    parser.add_argument("--out", type=Path, default=Path("runs/famous_cells.json"))
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    shape = images(given.data).input_shape
    space, rng = spaces.get("concat-cell"), np.random.default_rng(0)
    known = json.loads(given.out.read_text()) if given.out.exists() else {}

    def measure(name: str, make: Callable[[int], nn.Module]) -> dict:
        if len(known.get(name, {}).get("seeds", [])) < given.seeds:
            known[name] = score(make, given.data, given.seeds)
            given.out.parent.mkdir(parents=True, exist_ok=True)
            given.out.write_text(json.dumps(known))
        return known[name]

    def build(cell):
        return lambda seed: space.network(cell, shape, 10, seed=seed)

    drawn = [measure(f"random {n}", build(space.sample(rng))) for n in range(given.random)]
    cells = {name: measure(f"cell {name}", build(space.parse(text))) for name, text in CELLS.items()}
    nets = {
        name: measure(f"network {name} {given.width}", lambda seed, make=make: make(given.width))
        for name, make in NETWORKS.items()
    }
    both = {"networks": nets, "cells": cells}
    for title, famous in both.items():
        tell(title, famous, drawn)
    if given.picture is not None:
        draw(both, drawn, given.picture)


def score(make: Callable[[int], nn.Module], data: str, seeds: int) -> dict:
    """Parameters of a network, and its minimised scores for each seed; None where there is none."""
    x, y = images(data).train
    found: dict = {"seeds": []}
    for seed in range(seeds):
        rows = np.random.default_rng(seed).permutation(len(x))[:IMAGES]
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            network = make(seed)
        found["params"] = count_params(network)
        values = {}
        for name in SCORES:
            try:
                values[name] = -proxies[name].score(
                    network, torch.from_numpy(x[rows]), torch.from_numpy(y[rows])
                )
            except EvaluationError:
                values[name] = None
        found["seeds"].append(values)
    return found


def means(measured: list[dict]) -> np.ndarray:
    """The mean score of each network, ``(networks, scores)``; infinite where a seed has none."""
    return np.array([[np.mean([math.inf if one[name] is None else one[name] for one in each["seeds"]])
                      for name in SCORES] for each in measured])  # fmt: skip


def scaled(famous: dict, drawn: list[dict]) -> np.ndarray:
    """The scores of well-known designs, then of random ones, from 0 to 1."""
    values = means([*famous.values(), *drawn])
    finite = np.where(np.isfinite(values), values, np.nan)
    low, high = np.nanmin(finite, axis=0), np.nanquantile(finite, CUT, axis=0)
    return np.clip((values - low) / (high - low), 0, 1)


def tell(title: str, famous: dict, drawn: list[dict]) -> None:
    """Prints the comparison."""
    points, count = scaled(famous, drawn), len(famous)
    distance = np.linalg.norm(points, axis=1)
    params = np.array([each["params"] for each in [*famous.values(), *drawn]])
    failed = int((~np.isfinite(means(drawn))).any(axis=1).sum())
    print(f"\n{title}: {count} well-known designs, {len(drawn)} random, {failed} of these without a score\n")
    print(
        f"{'design':<14}{'parameters':>12}" + "".join(f"{name:>22}" for name in SCORES) + f"{'distance':>10}"
    )
    rows = [*zip(famous, params, means(list(famous.values())), distance, strict=False)]
    middle = np.median(means(drawn), axis=0)
    rows.append(("random, median", np.median(params[count:]), middle, np.median(distance[count:])))
    for name, size, values, far in rows:
        print(f"{name:<14}{size:>12,.0f}" + "".join(f"{value:>22.3f}" for value in values) + f"{far:>10.2f}")
    print(f"\n{'by':<24}{'separation':>12}{'p':>10}")
    columns = {"distance": distance, **{name: points[:, n] for n, name in enumerate(SCORES)}, "size": -params}
    for name, column in columns.items():
        test = mannwhitneyu(column[:count], column[count:], alternative="less")
        share = 1 - test.statistic / (count * len(drawn))
        print(f"{name:<24}{share:>12.2f}{test.pvalue:>10.2g}")
    rho = spearmanr(distance[count:], params[count:]).statistic
    print(f"distance and parameters of random designs: Spearman's rho {rho:.2f}")


def draw(both: dict, drawn: list[dict], path: Path) -> None:
    """Draws each pair of scores: random designs grey, well-known ones with their names."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["svg.hashsalt"] = "egraph"
    pairs = ((0, 1), (0, 2), (1, 2))
    figure = Figure(figsize=(12, 7.6), layout="constrained")
    for row, (title, famous) in zip(figure.subplots(len(both), len(pairs)), both.items(), strict=True):
        points, count = scaled(famous, drawn), len(famous)
        for axes, (one, two) in zip(row, pairs, strict=True):
            axes.scatter(*points[count:, [one, two]].T, s=18, color="0.65", label="random")
            axes.scatter(*points[:count, [one, two]].T, s=28, color="#b2182b", label="well-known")
            for name, point in zip(famous, points[:, [one, two]], strict=False):
                axes.annotate(name, point, xytext=(4, 3), textcoords="offset points", fontsize=8)
            axes.set(xlabel=SCORES[one], ylabel=SCORES[two], xlim=(-0.05, 1.05), ylim=(-0.05, 1.05))
        row[0].set_title(title, loc="left")
        row[-1].legend(loc="upper right", fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()

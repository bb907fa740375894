"""Where the time of a training goes on one core, and what dropout and the layout of images cost.

    python benchmarks/training_speed.py

Trains small networks for a few epochs in one thread: as `Training` does; with PyTorch's own dropout; with
channels first; and with both, as earlier versions did. The variants take turns, three times. Prints processor
seconds (the least of three), the ratio to the first variant, and how many such networks two cores train in an
hour. The last column is the share of the time that PyTorch's profiler finds outside of operators of PyTorch:
Python, the optimizer's bookkeeping, and the dispatch of modules.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch.profiler import ProfilerActivity, profile

import egraph
from egraph.architecture import Architecture
from egraph.evaluation import Recipe, Training
from egraph.training import fitting

CHAIN = "CONV_5.N,CONV_5.N,CONV_5.N;0>1,1>2,2>3,3>4"
SIGNALS = "mnist1d:train=4000,validation=500,test=500"
IMAGES = "fashion-mnist:train=2000,validation=500,test=500"
FEW_IMAGES = "fashion-mnist:train=500,validation=200,test=200"
CELL = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|avg_pool_3x3~1|nor_conv_3x3~2|"


@dataclass(frozen=True)
class Case:
    """A network with its data and recipe."""

    name: str
    space: str
    network: str
    data: str
    recipe: Recipe


CASES = (
    Case("chain of three, signals", "convnet", CHAIN, SIGNALS,
         Recipe(epochs=4, batch_size=256, learning_rate=2e-2, channels=16)),
    Case("chain of three, images", "convnet", CHAIN, IMAGES,
         Recipe(epochs=2, batch_size=128, learning_rate=1e-2, channels=8)),
    Case("the same, 32 channels", "convnet", CHAIN, IMAGES,
         Recipe(epochs=1, batch_size=128, learning_rate=1e-2, channels=32)),
    Case("cells of nasbench201", "nasbench201", CELL, FEW_IMAGES,
         Recipe(epochs=1, batch_size=64, channels=16)),
)  # fmt: skip

VARIANTS = {
    "as it is": (True, True),
    "own dropout of PyTorch": (False, True),
    "channels first": (True, False),
    "both, as before": (False, False),
}


@contextmanager
def variant(quick: bool, last: bool) -> Iterator[None]:
    """Trainings with or without quick dropout, with channels last or first."""
    before = fitting.quick_dropout, fitting.IMAGE_LAYOUT
    fitting.quick_dropout = before[0] if quick else lambda *_: nullcontext()
    fitting.IMAGE_LAYOUT = torch.channels_last if last else torch.contiguous_format
    try:
        yield
    finally:
        fitting.quick_dropout, fitting.IMAGE_LAYOUT = before


def measure(training: Training, network: Architecture) -> float:
    """Processor seconds of one training."""
    began = time.process_time()
    training.evaluate(network)
    return time.process_time() - began


def share_outside(training: Training, network: Architecture) -> float:
    """The share of a training that is spent outside of operators of PyTorch."""
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        began = time.perf_counter()
        training.evaluate(network)
        whole = time.perf_counter() - began
    inside = sum(
        each.self_cpu_time_total for each in profiled.key_averages() if each.key.startswith("aten::")
    )
    return 1 - inside / 1e6 / whole


def main() -> None:
    """Prints one line a case and variant."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    print("network | variant | seconds | ratio | networks an hour on two cores | outside of operators")
    for case in CASES:
        space = egraph.spaces.get(case.space)
        training, network = Training(space, case.data, case.recipe, device="cpu"), space.parse(case.network)
        measure(training, network)  # warms up
        found: dict[str, list[float]] = {name: [] for name in VARIANTS}
        for _ in range(given.repeats):
            for name, switches in VARIANTS.items():
                with variant(*switches):
                    found[name].append(measure(training, network))
        least = {name: min(seconds) for name, seconds in found.items()}
        for name, seconds in least.items():
            with variant(*VARIANTS[name]):
                outside = share_outside(training, network)
            ratio = seconds / least["as it is"]
            print(
                f"{case.name} | {name} | {seconds:.2f} | {ratio:.2f} | {2 * 3600 / seconds:,.0f} | "
                f"{100 * outside:.0f} %",
                flush=True,
            )


if __name__ == "__main__":
    main()

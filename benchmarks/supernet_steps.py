"""Measures a search step of each differentiable method, relative to first-order DARTS.

    python benchmarks/supernet_steps.py [--side 16] [--batch 32] [--cells 5] [--repeats 5] [METHOD ...]

A step is one on the logits and one on the weights, of the supernet of nasbench201 with 16 channels, on one
thread. The methods take turns, and the shortest of several steps counts (for methods that draw operations,
the median). Bytes are those that the step on the logits keeps for the backward pass: in all, and in the mixed
operations alone.
"""

import argparse
import statistics
import time

import torch

import egraph
from egraph.supernets import Mixed, Run, Settings, methods, search_recipe

EVERY = ("darts", "darts:order=2", *(name for name in methods if name != "darts"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("methods", nargs="*", default=EVERY, help="NAME or NAME:OPTION=NUMBER")
    parser.add_argument("--side", type=int, default=16, help="height and width of the images")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--cells", type=int, default=5, help="cells of each of the three stages")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    runs = {text: make_run(text, args) for text in dict.fromkeys(("darts", *args.methods))}
    seconds: dict[str, list[float]] = {text: [] for text in runs}
    for _ in range(args.repeats + 1):
        for text, run in runs.items():
            seconds[text].append(time_step(run))
    basis = None
    print(f"{'method':18} {'seconds':>8} {'ratio':>6} {'MB':>7} {'ratio':>6} {'mixed MB':>9} {'ratio':>6}")
    for text, run in runs.items():
        values = seconds[text][1:]  # the first one allocates
        sampled = any(run.draw().live.values())
        row = (statistics.median(values) if sampled else min(values), *count_bytes(run))
        basis = basis or row
        ratios = [value / first for value, first in zip(row, basis, strict=True)]
        print(
            f"{text:18} {row[0]:8.3f} {ratios[0]:6.2f} {row[1] / 1e6:7.1f} {ratios[1]:6.2f} "
            f"{row[2] / 1e6:9.1f} {ratios[2]:6.2f}"
        )


def make_run(text: str, args: argparse.Namespace) -> Run:
    """The run of a method whose warm-up is left out."""
    name, _, told = text.partition(":")
    options = {key: float(value) if "." in value else int(value) for key, value in (
        each.split("=") for each in told.split(",") if each
    )}  # fmt: skip
    method = methods[name](**options)
    method.warmup = 0.0
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2 * args.batch, 3, args.side, args.side, generator=generator)
    classes = torch.arange(2 * args.batch) % 10
    recipe = search_recipe(epochs=max(2, method.stages), batch_size=args.batch, channels=16, cells=args.cells)
    return Run(egraph.spaces.get("nasbench201").relaxation(), method, (images, classes), 10, Settings(recipe))


def time_step(run: Run) -> float:
    """Processor seconds of one step on logits and weights."""
    training, validation = next(run.training), next(run.validation)
    run.saved_bytes = 1  # they are counted apart
    began = time.process_time()
    if run.method.one_level:
        run.train_both(training)
    else:
        run.train_logits(training, validation)
        run.train_weights(training)
    return time.process_time() - began


def count_bytes(run: Run, repeats: int = 5) -> tuple[float, float]:
    """Mean bytes that the loss of a batch keeps for the backward pass: all, and in mixed operations."""
    totals, inside = [], []
    for _ in range(repeats):
        depth = [0]
        seen: dict[int, tuple[int, bool]] = {}

        def keep(tensor: torch.Tensor, depth=depth, seen=seen) -> torch.Tensor:
            storage = tensor.untyped_storage()
            old = seen.get(storage.data_ptr(), (0, False))
            seen[storage.data_ptr()] = (storage.nbytes(), bool(depth[0]) or old[1])
            return tensor

        def enter(*_: object, depth=depth) -> None:
            depth[0] += 1

        def leave(*_: object, depth=depth) -> None:
            depth[0] -= 1

        handles = []
        for module in run.supernet.modules():
            if isinstance(module, Mixed):
                handles.append(module.register_forward_pre_hook(enter))
                handles.append(module.register_forward_hook(leave))
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss = run.validate(next(run.validation))[0]
        del loss
        for handle in handles:
            handle.remove()
        totals.append(sum(size for size, _ in seen.values()))
        inside.append(sum(size for size, mixed in seen.values() if mixed))
    return statistics.mean(totals), statistics.mean(inside)


if __name__ == "__main__":
    main()

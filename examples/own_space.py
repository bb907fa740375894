"""Defines a search space as a list of choices, and searches it.

python examples/own_space.py
"""

import numpy as np
import torch

import egraph
from egraph.operations import Operation

for operation in (
    Operation("narrow", "conv", kernel=3, width=0.5),
    Operation("wide", "conv", kernel=3),
    Operation("large", "conv", kernel=5),
    Operation("pool", "max-pool", kernel=2, stride=2, shareable=True),
):
    egraph.operations.register(operation)  # what a ranker knows of it


LAYERS = ("narrow", "wide", "large", "pool")


class Chains(egraph.spaces.ChoiceSpace):
    """Chains of four layers, with or without a shortcut around the last two."""

    name = "chains"
    operations = LAYERS
    positions = dict.fromkeys(("first", "second", "third", "fourth"), LAYERS) | {
        "shortcut": ("with", "without")
    }

    def build(self, options: tuple[str, ...]) -> egraph.Architecture:
        """A vertex for each layer."""
        *layers, shortcut = options
        edges = [(i, i + 1) for i in range(5)] + ([(2, 5)] if shortcut == "with" else [])
        return egraph.Architecture(["input", *layers, "output"], edges)

    def read(self, architecture: egraph.Architecture) -> tuple[str, ...]:
        """The layers, and whether there is a shortcut."""
        shortcut = "with" if (2, 5) in architecture.edges else "without"
        return (*architecture.ops[1:-1], shortcut)


def receptive_field(architecture: egraph.Architecture) -> float:
    """The score: pixels that one output sees, less a price for wide layers. It stands in for a training."""
    field, step = 1, 1
    for op in architecture.ops[1:-1]:
        operation = egraph.operations.get(op)
        field, step = field + (operation.kernel - 1) * step, step * operation.stride
    return field - architecture.ops.count("wide") - 2 * architecture.ops.count("large")


def main() -> None:
    torch.set_num_threads(1)
    space = egraph.spaces.register(Chains())
    print(f"{len(space)} networks; a random one: {space.format(space.sample(np.random.default_rng(0)))}")

    study = egraph.Study("chains", receptive_field, seed=0, initial=12, batch=6, candidates=300)
    study.run(trials=24)
    best = study.best
    true_best = max(map(receptive_field, space))
    print(f"best after {len(study.trials)} trials: {best.score:.0f} of {true_best:.0f} possible")
    print(space.format(best.architecture))
    study.close()


if __name__ == "__main__":
    main()

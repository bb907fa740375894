"""What steadies the networks where labels are few: a Gaussian process and trees on the analytic features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.surrogates.gaussian_process import GaussianProcess
from egraph.surrogates.trees import Trees

__all__ = ["FEW", "Companion"]

Floats = NDArray[np.float64]

_PROCESS_WEIGHT = 0.5
_TREES_WEIGHT = 0.4
FEW = 500
"""With more labels than these the networks need less steadying."""


@dataclass(frozen=True, eq=False)
class Companion:
    """A Gaussian process and, unless left out, randomised trees.

    Their errors differ: the process is smooth and extrapolates, the trees take no feature for more than an
    order and do not heed how many features say one thing.

    Attributes:
        process: fitted.
        trees: fitted, or None for the process alone.
        process_sd: standard deviation of the process's mean on the training data.
        trees_sd: likewise of the trees; 1 without them.
        weights: of process and, where there are any, trees in the ensemble, in which the networks together
            have 1.
    """

    process: GaussianProcess
    trees: Trees | None
    process_sd: float
    trees_sd: float
    weights: tuple[float, ...]

    @classmethod
    def fit(
        cls, inputs: Floats, targets: Floats, groups: Sequence[str], with_trees: bool, seed: int
    ) -> Companion:
        """Learns from standardised features.

        Args:
            inputs: ``(graphs, features)``.
            targets: ``(graphs,)``, of mean zero.
            groups: of each feature; see `GaussianProcess.fit`.
            with_trees: whether trees join the process.
            seed: of the trees.
        """
        process = GaussianProcess.fit(inputs, targets, groups)
        # Trees need something to split.
        trees = Trees.fit(inputs, targets, seed) if with_trees and inputs.shape[1] else None
        steadying = min(1.0, (FEW / len(inputs)) ** (1 / 3))
        usual = (_PROCESS_WEIGHT,) if trees is None else (_PROCESS_WEIGHT, _TREES_WEIGHT)
        return cls(
            process,
            trees,
            max(float(process.predict(inputs).std()), 1e-9),
            1.0 if trees is None else max(float(trees.predict(inputs).std()), 1e-9),
            tuple(steadying * weight for weight in usual),
        )

    @property
    def weight(self) -> float:
        """Weight in the ensemble, where the networks together have 1."""
        return sum(self.weights)

    def weigh(self, weights: Sequence[float]) -> Companion:
        """The same with other `weights`."""
        return replace(self, weights=tuple(weights))

    def opinions(self, inputs: Floats) -> Floats:
        """What process and trees predict, in units of their deviation in training, ``(parts, graphs)``."""
        parts = [self.process.predict(inputs) / self.process_sd]
        if self.trees is not None:
            parts.append(self.trees.predict(inputs) / self.trees_sd)
        return np.stack(parts)

    def predict(self, inputs: Floats) -> Floats:
        """The weighted mean of the `opinions`, ``(graphs,)``."""
        weights = np.array(self.weights)
        return weights @ self.opinions(inputs) / weights.sum()

    def variance(self, inputs: Floats) -> Floats:
        """Variance of a measured target in the same units, by the process, ``(graphs,)``."""
        return self.process.variance(inputs) / self.process_sd**2

    def leave_one_out(self) -> Floats:
        """What the process says of each training example when fitted on the others, ``(graphs,)``."""
        return self.process.leave_one_out() / self.process_sd

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What a file keeps as tensors; `restore` reads it, with `numbers`."""
        process = self.process
        kept: dict[str, NDArray[Any]] = {
            "inputs": process.inputs,
            "targets": process.targets,
            "lengths": process.lengths,
        }
        if (trees := self.trees) is not None:
            kept |= {
                "feature": trees.feature,
                "threshold": trees.threshold,
                "children": trees.children,
                "value": trees.value,
                "roots": trees.roots,
            }
        return kept

    def numbers(self) -> dict[str, Any]:
        """What a file keeps as JSON."""
        return {
            "noise": self.process.noise,
            "process_sd": self.process_sd,
            "trees_sd": self.trees_sd,
            "weights": self.weights,
            "depth": None if self.trees is None else self.trees.depth,
        }

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]], numbers: Mapping[str, Any]) -> Companion:
        """Makes the companion that gave these `arrays` and `numbers`."""
        process = GaussianProcess(
            arrays["inputs"], arrays["targets"], arrays["lengths"], float(numbers["noise"])
        )
        trees = None
        if numbers["depth"] is not None:
            names = ("feature", "threshold", "children", "value", "roots")
            trees = Trees(**{name: arrays[name] for name in names}, depth=int(numbers["depth"]))
        weights = tuple(float(weight) for weight in numbers["weights"])
        return cls(process, trees, float(numbers["process_sd"]), float(numbers["trees_sd"]), weights)

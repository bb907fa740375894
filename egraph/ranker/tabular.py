"""The tabular part of the ensemble: a Gaussian process and trees on the analytic features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.surrogates.gaussian_process import GaussianProcess
from egraph.surrogates.trees import Trees

__all__ = ["FEW", "TabularModels"]

Floats = NDArray[np.float64]

_GAUSSIAN_PROCESS_WEIGHT = 0.5
_TREES_WEIGHT = 0.4
_MEASURED = 10.0
"""Factor of both weights for networks whose layers were measured: their graphs are larger and more unlike one
another, which a graph neural network needs more labels for, and sizes tell more than operations."""

FEW = 500
"""Number of labels above which the tabular models count for less: the networks then learn enough."""


@dataclass(frozen=True, eq=False)
class TabularModels:
    """A Gaussian process and, unless left out, randomised trees.

    Their errors differ. The Gaussian process is smooth and extrapolates. The trees use only the order of each
    feature's values, and redundant features do not mislead them.

    Attributes:
        gaussian_process: Fitted Gaussian process.
        trees: Fitted trees; None for the Gaussian process alone.
        gaussian_process_sd: Standard deviation of the Gaussian process's mean on the training data.
        trees_sd: Standard deviation of the trees' predictions on the training data; 1 without trees.
        weights: Weights of the Gaussian process and, if any, the trees in the ensemble, in which the networks
            together have weight 1.
    """

    gaussian_process: GaussianProcess
    trees: Trees | None
    gaussian_process_sd: float
    trees_sd: float
    weights: tuple[float, ...]

    @classmethod
    def fit(
        cls,
        inputs: Floats,
        targets: Floats,
        groups: Sequence[str],
        with_trees: bool,
        seed: int,
        measured: bool = False,
    ) -> TabularModels:
        """Fits both models to standardised features.

        Args:
            inputs: ``(graphs, features)``.
            targets: ``(graphs,)``, of mean zero.
            groups: Group of each feature; see `GaussianProcess.fit`.
            with_trees: Whether to grow trees.
            seed: Seed of the trees.
            measured: Whether the features include the sizes of layers.
        """
        gaussian_process = GaussianProcess.fit(inputs, targets, groups)
        # Without features there is nothing to split.
        trees = Trees.fit(inputs, targets, seed) if with_trees and inputs.shape[1] else None
        share = min(1.0, (FEW / len(inputs)) ** (1 / 3)) * (_MEASURED if measured else 1.0)
        usual = (_GAUSSIAN_PROCESS_WEIGHT,) if trees is None else (_GAUSSIAN_PROCESS_WEIGHT, _TREES_WEIGHT)
        return cls(
            gaussian_process,
            trees,
            max(float(gaussian_process.predict(inputs).std()), 1e-9),
            1.0 if trees is None else max(float(trees.predict(inputs).std()), 1e-9),
            tuple(share * weight for weight in usual),
        )

    @property
    def weight(self) -> float:
        """Weight in the ensemble, in which the networks together have weight 1."""
        return sum(self.weights)

    def weigh(self, weights: Sequence[float]) -> TabularModels:
        """The same models with other `weights`."""
        return replace(self, weights=tuple(weights))

    def opinions(self, inputs: Floats) -> Floats:
        """Predictions of each model over its standard deviation in training, ``(models, graphs)``."""
        parts = [self.gaussian_process.predict(inputs) / self.gaussian_process_sd]
        if self.trees is not None:
            parts.append(self.trees.predict(inputs) / self.trees_sd)
        return np.stack(parts)

    def predict(self, inputs: Floats) -> Floats:
        """The weighted mean of the `opinions`, ``(graphs,)``."""
        weights = np.array(self.weights)
        return weights @ self.opinions(inputs) / weights.sum()

    def variance(self, inputs: Floats) -> Floats:
        """Variance of a measured target in the same units, by the Gaussian process, ``(graphs,)``."""
        return self.gaussian_process.variance(inputs) / self.gaussian_process_sd**2

    def leave_one_out(self) -> Floats:
        """Predictions of the Gaussian process for each training example from the others, ``(graphs,)``."""
        return self.gaussian_process.leave_one_out() / self.gaussian_process_sd

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What a file keeps as tensors; `restore` reads it, with `numbers`."""
        kept: dict[str, NDArray[Any]] = {
            "inputs": self.gaussian_process.inputs,
            "targets": self.gaussian_process.targets,
            "lengths": self.gaussian_process.lengths,
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
            "noise": self.gaussian_process.noise,
            "process_sd": self.gaussian_process_sd,
            "trees_sd": self.trees_sd,
            "weights": self.weights,
            "depth": None if self.trees is None else self.trees.depth,
        }

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]], numbers: Mapping[str, Any]) -> TabularModels:
        """Makes the models that gave these `arrays` and `numbers`."""
        gaussian_process = GaussianProcess(
            arrays["inputs"], arrays["targets"], arrays["lengths"], float(numbers["noise"])
        )
        trees = None
        if numbers["depth"] is not None:
            names = ("feature", "threshold", "children", "value", "roots")
            trees = Trees(**{name: arrays[name] for name in names}, depth=int(numbers["depth"]))
            trees.check(gaussian_process.inputs.shape[1])
        weights = tuple(float(weight) for weight in numbers["weights"])
        return cls(gaussian_process, trees, float(numbers["process_sd"]), float(numbers["trees_sd"]), weights)

"""`MLP`: a multilayer perceptron on a row of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from egraph.architecture import Architecture
from egraph.baselines._flat import FlatEncoder
from egraph.baselines._network import Inputs, NetworkBaseline
from egraph.ranker.scale import Standardiser

__all__ = ["MLP"]


class MLP(NetworkBaseline):
    """The usual perceptron of predictor comparisons, fitted by squared error.

    Changed: the published one reads one-hot operations and the adjacency matrix (White et al.: the path
    encoding). This one reads both, and the ranker's analytic features, of the simplified graph and
    standardised.

    Args:
        hidden: Width of each hidden layer.
        epochs: Number of passes over the training data.
        batch_size: Number of architectures per batch.
        learning_rate: Initial learning rate; it follows a cosine to 0.
        weight_decay: Weight decay of AdamW.
        seed: Seed of weights and batches.

    References:
        White, Zela, Ru, Liu, Hutter: How powerful are performance predictors in neural architecture search?,
        NeurIPS 2021, https://arxiv.org/abs/2104.01177
    """

    def __init__(
        self,
        *,
        hidden: Sequence[int] = (128, 128, 128),
        epochs: int = 200,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-2,
        seed: int = 0,
    ) -> None:
        self.hidden = hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.seed = seed

    def _measure(self, graphs: Sequence[Architecture]) -> None:
        self._encoder = FlatEncoder(graphs, self.vocabulary_)
        self._standardiser = Standardiser.fit(self._encoder(graphs))

    def _read(self, graphs: Sequence[Architecture]) -> Inputs:
        return (torch.from_numpy(self._standardiser.transform(self._encoder(graphs))).float(),)

    def _build(self, inputs: Inputs) -> nn.Module:
        widths = [inputs[0].shape[1], *self.hidden]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(widths[-1], 1), nn.Flatten(0))

    def _loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return functional.mse_loss(outputs, targets)

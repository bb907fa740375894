"""The base class of baselines that train one small network."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from egraph.architecture import Architecture
from egraph.baselines._base import Baseline
from egraph.errors import UsageError

__all__ = ["Dropout", "NetworkBaseline", "mean_over_pairs"]

Floats = NDArray[np.float64]
Inputs = tuple[Tensor, ...]


class NetworkBaseline(Baseline):
    """A baseline that trains one network with one output per architecture.

    Outputs are standardised on the training data.

    Attributes:
        network_: Trained network.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float

    network_: nn.Module

    @abstractmethod
    def _measure(self, graphs: Sequence[Architecture]) -> None:
        """Measures the training data for `_read`, such as sizes and means."""

    @abstractmethod
    def _read(self, graphs: Sequence[Architecture]) -> Inputs:
        """Inputs of the network, with the graphs as first dimension."""

    @abstractmethod
    def _build(self, inputs: Inputs) -> nn.Module:
        """Builds the network for such inputs; weights are drawn later."""

    def _optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        """Makes the optimizer."""
        return torch.optim.AdamW(network.parameters(), self.learning_rate, weight_decay=self.weight_decay)

    @abstractmethod
    def _loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Loss of outputs and targets, ``(batch,)`` each."""

    def _rate(self, done: float) -> float:
        """Factor of the learning rate after a share of the steps; follows a cosine from 1 to 0."""
        return 0.5 * (1 + math.cos(math.pi * done))

    def _learn(self, graphs: Sequence[Architecture], targets: Floats) -> None:
        if self.epochs < 1 or self.batch_size < 2:
            raise UsageError(
                f"epochs must be at least 1 and batch_size at least 2, got {self.epochs} "
                f"and {self.batch_size}"
            )
        self._measure(graphs)
        inputs, wanted = self._read(graphs), torch.from_numpy(targets).float()
        generator = torch.Generator().manual_seed(self.seed)
        network = self._empty(inputs)
        _initialise(network, generator)
        drops = [module for module in network.modules() if isinstance(module, Dropout)]
        for module in drops:
            module.generator = generator
        optimizer = self._optimizer(network)
        batches = max(1, round(len(targets) / self.batch_size))
        steps = self.epochs * batches
        network.train()
        for step in range(steps):
            if step % batches == 0:
                shuffled = torch.randperm(len(targets), generator=generator)
            part = shuffled[step % batches :: batches]
            for group in optimizer.param_groups:
                group["lr"] = self.learning_rate * self._rate(step / steps)
            optimizer.zero_grad()
            self._loss(network(*(x[part] for x in inputs)), wanted[part]).backward()
            optimizer.step()
        for module in drops:
            module.generator = None  # a generator cannot be copied
        self._keep(network, inputs)

    def _latent(self, graphs: Sequence[Architecture]) -> Floats:
        return (self._ask(self._read(graphs)) - self._mean) / self._sd

    def _weights(self) -> dict[str, Tensor]:
        return dict(self.network_.state_dict())

    def _restore(self, graphs: Sequence[Architecture], weights: dict[str, Tensor]) -> None:
        self._measure(graphs)
        inputs = self._read(graphs)
        network = self._empty(inputs)
        network.load_state_dict(weights)
        self._keep(network, inputs)

    def _empty(self, inputs: Inputs) -> nn.Module:
        # Constructors draw no weights on the device "meta", so the global generator is not used.
        with torch.device("meta"):
            network = self._build(inputs)
        return network.to_empty(device="cpu")

    def _keep(self, network: nn.Module, inputs: Inputs) -> None:
        self.network_ = network.eval().requires_grad_(False)
        latent = self._ask(inputs)
        self._mean, self._sd = float(latent.mean()), max(float(latent.std()), 1e-9)

    def _ask(self, inputs: Inputs) -> Floats:
        return self.network_(*inputs).double().numpy()


class Dropout(nn.Module):
    """Dropout that draws from its own generator.

    Args:
        share: Share of the values that are set to zero in training.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Drops values, and scales the others so that the expected sum does not change."""
        if not self.training or not self.share:
            return x
        return x * (torch.rand(x.shape, generator=self.generator) >= self.share) / (1 - self.share)


def mean_over_pairs(loss_of_lead: Tensor, targets: Tensor) -> Tensor:
    """Mean of losses, ``(batch, batch)``, over the pairs in which the first is better."""
    better = (targets[:, None] > targets).to(loss_of_lead.dtype)
    return (loss_of_lead * better).sum() / better.sum().clamp(min=1)


def _initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draws weights and biases uniformly within 1 / sqrt(inputs); normalisations start as the identity."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                bound = 1 / math.sqrt(module.weight[0].numel())
                for parameter in module.parameters():
                    parameter.uniform_(-bound, bound, generator=generator)
            elif isinstance(module, nn.LayerNorm | nn.BatchNorm2d):
                module.reset_parameters()

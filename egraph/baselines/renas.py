"""`ReNAS`: a small convolutional network on the adjacency matrix as an image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from egraph.architecture import Architecture
from egraph.baselines._network import Inputs, NetworkBaseline, mean_over_pairs
from egraph.encoding.features import parameter_cost
from egraph.errors import ArchitectureError, UnknownNameError
from egraph.ranker.scale import Standardiser

__all__ = ["TENSORS", "ReNAS", "feature_tensor"]

TENSORS = ("7x7", "19x7x7")
"""Choices of the tensor that describes a cell."""

_CELLS = tuple((128 << stack, 32 >> stack) for stack in range(3) for _ in range(3))
"""Output channels and side of the feature maps of the nine cells of NAS-Bench-101."""


class ReNAS(NetworkBaseline):
    r"""Relativistic evaluation: LeNet-5 on a feature tensor, fitted by a margin ranking loss.

    .. math::
        \max(0, m - (f_a - f_b)) \quad \text{for } a \text{ better than } b

    over all pairs of a batch, with Adam, learning rate 1e-3, weight decay 5e-4, 200 epochs and batches of
    1,024. The network has two 3x3 convolutions with batch normalisation and three dense layers of 120, 84
    and 1. Its input is that of `feature_tensor`. The side of the image is the number of vertices of the
    largest training graph: 7 in NAS-Bench-101, 8 in NAS-Bench-201; or ``vertices``, if that is more. Larger
    graphs are refused. Graphs are not simplified, so that two numberings of one network get two scores.

    Changed: it works on other search spaces too. Operations are numbered in the order of their names, and
    costs are computed as if each graph were a cell of NAS-Bench-101.

    Args:
        tensor: ``"7x7"`` for types alone, ``"19x7x7"`` for types, FLOPs and parameters.
        margin: Margin :math:`m`.
        vertices: Number of vertices of the largest graph that it will read; None for that of the training.
        epochs: Number of passes over the training data.
        batch_size: Number of architectures per batch, of which all pairs are compared.
        learning_rate: Constant learning rate.
        weight_decay: Weight decay of Adam.
        seed: Seed of weights and batches.

    References:
        Xu, Wang, Han, Tang, Jui, Xu, Xu: ReNAS, relativistic evaluation of neural architecture search,
        CVPR 2021, https://arxiv.org/abs/1910.01523
    """

    invariant = False

    def __init__(
        self,
        *,
        tensor: str = "19x7x7",
        margin: float = 0.1,
        vertices: int | None = None,
        epochs: int = 200,
        batch_size: int = 1024,
        learning_rate: float = 1e-3,
        weight_decay: float = 5e-4,
        seed: int = 0,
    ) -> None:
        self.tensor = tensor
        self.margin = margin
        self.vertices = vertices
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.seed = seed

    def _measure(self, graphs: Sequence[Architecture]) -> None:
        if self.tensor not in TENSORS:
            raise UnknownNameError("ReNAS tensor", self.tensor, TENSORS)
        self._side = max(self.vertices or 0, *(a.num_vertices for a in graphs))
        # Numbered from 1, the input first and the output last; 0 is for unknown operations.
        interior = sorted({op for a in graphs for op in a.ops} - {"input", "output"})
        self._types = {op: number for number, op in enumerate(("input", *interior, "output"), 1)}
        self._standardiser = Standardiser.fit(self._tensors(graphs))

    def _read(self, graphs: Sequence[Architecture]) -> Inputs:
        tensors = self._tensors(graphs)
        scaled = np.zeros(tensors.shape)
        scaled[:, self._standardiser.kept] = self._standardiser.transform(tensors)
        return (torch.from_numpy(scaled).float().view(len(graphs), -1, self._side, self._side),)

    def _tensors(self, graphs: Sequence[Architecture]) -> NDArray[np.float64]:
        tensors = []
        for a in graphs:
            if a.num_vertices > self._side:
                raise ArchitectureError(
                    f"ReNAS reads graphs of a fixed size: at most {self._side} vertices, the most in its "
                    f"training data, got {a.num_vertices}; fit it with larger architectures, or set vertices"
                )
            types = [self._types.get(op, 0) for op in a.ops]
            costs = [parameter_cost(self.vocabulary_.describe(op)) for op in a.ops]
            tensors.append(feature_tensor(a, types, costs, self._side)[: None if "19" in self.tensor else 1])
        return np.stack(tensors).reshape(len(graphs), -1)

    def _build(self, inputs: Inputs) -> nn.Module:
        _, channels, side, _ = inputs[0].shape
        return nn.Sequential(
            nn.Conv2d(channels, 38, 3, padding=1, bias=False),
            nn.BatchNorm2d(38),
            nn.ReLU(),
            nn.Conv2d(38, 128, 3, padding=1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(128 * side * side, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, 1),
            nn.Flatten(0),
        )

    def _optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), self.learning_rate, weight_decay=self.weight_decay)

    def _rate(self, done: float) -> float:
        return 1.0

    def _loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        lead = outputs[:, None] - outputs
        return mean_over_pairs((self.margin - lead).relu(), targets)


def feature_tensor(
    architecture: Architecture, types: Sequence[int], costs: Sequence[float], side: int
) -> NDArray[np.float64]:
    """The input of ReNAS, ``(19, side, side)``.

    Each channel is the adjacency matrix, padded with zeros before the last row and column, in which an edge
    carries a number of its target: the type in channel 0, the FLOPs (millions of multiply-adds) in channels 1
    to 9, and the parameters (millions) in channels 10 to 18, for each of the nine cells of NAS-Bench-101. The
    first three cells have 128 channels and 32 x 32 pixels; after each three, channels double and sides halve.
    Vertices that lead to the output share its channels; every other vertex is as wide as the widest of its
    successors.

    Args:
        architecture: Architecture of at most ``side`` vertices.
        types: Number of each vertex's operation, ``(vertices,)``.
        costs: Parameters of each vertex's operation per squared channel, ``(vertices,)``.
        side: Side of the image.
    """
    n = architecture.num_vertices
    position = np.array([*range(n - 1), side - 1])
    share = _shares_of_channels(architecture)
    per_cell = np.array([[cost * (part * channels) ** 2 for cost, part in zip(costs, share, strict=True)]
                         for channels, _ in _CELLS]) / 1e6  # fmt: skip
    pixels = np.array([height * height for _, height in _CELLS])
    numbers = np.concatenate([np.array([types], dtype=np.float64), per_cell * pixels[:, None], per_cell])
    tensor = np.zeros((len(numbers), side, side))
    for i, j in architecture.edges:
        tensor[:, position[i], position[j]] = numbers[:, j]
    return tensor


def _shares_of_channels(architecture: Architecture) -> list[float]:
    """Width of each vertex over that of the cell; 0 for vertices without a path to the output."""
    last = architecture.num_vertices - 1
    following: list[list[int]] = [[] for _ in range(last + 1)]
    for i, j in architecture.edges:
        following[i].append(j)
    ending = sum(j == last and i != 0 for i, j in architecture.edges)
    known: dict[int, float] = {last: 1.0}

    def share(vertex: int) -> float:
        if vertex not in known:
            inner = [share(j) for j in following[vertex] if j != last]
            known[vertex] = max([1 / ending if last in following[vertex] else 0.0, *inner])
        return known[vertex]

    known[0] = 1.0
    return [share(vertex) for vertex in range(last + 1)]

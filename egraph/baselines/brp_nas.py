"""`BRPNAS`: a graph convolutional network with a binary relation head."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from egraph.architecture import Architecture
from egraph.baselines._network import Dropout, Inputs, NetworkBaseline, mean_over_pairs
from egraph.encoding.simplification import simplify_many
from egraph.errors import UsageError

__all__ = ["BRPNAS"]


class BRPNAS(NetworkBaseline):
    r"""Four graph convolutions with a global vertex; learns which of two is the better.

    .. math::
        H' = \text{dropout}(\text{relu}(\text{norm}(\hat A H W + b))), \qquad
        P(a > b) = \text{softmax}(V [h_a \| h_b])

    with :math:`\hat A` the adjacency matrix with loops, rows divided by their sums, and :math:`h` the row of
    the global vertex, which reads all others.

    Changed:

    - Layers are 192 wide, not 600, so that a fit takes seconds on a CPU (``width=600`` is as published).
    - Averaged over both orders of a pair, the softmax of a linear map of two embeddings depends only on the
      difference of one number each. The network learns this number, so that each embedding is computed once
      and sorting needs no comparisons.
    - All pairs of a batch are compared, where an epoch of the paper takes each pair of the training data
      once. So the learning rate is 1e-3, not 3.5e-4, and falls to 0 over the same 250 epochs, without early
      stopping on further labels.
    - The graph is simplified first, so that equal computations get equal scores.

    Args:
        width: Width of each layer.
        layers: Number of graph convolutions.
        dropout: Share dropped after each layer.
        epochs: Number of passes over the training data.
        batch_size: Number of architectures per batch.
        learning_rate: Initial learning rate; it follows a cosine to 0.
        weight_decay: Weight decay of AdamW.
        seed: Seed of weights, batches and dropout.

    References:
        Dudziak, Chau, Abdelfattah, Lee, Kim, Lane: BRP-NAS, prediction-based NAS using GCNs, NeurIPS 2020,
        https://arxiv.org/abs/2007.08668
    """

    def __init__(
        self,
        *,
        width: int = 192,
        layers: int = 4,
        dropout: float = 0.2,
        epochs: int = 250,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        weight_decay: float = 5e-4,
        seed: int = 0,
    ) -> None:
        self.width = width
        self.layers = layers
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.seed = seed

    def _measure(self, graphs: Sequence[Architecture]) -> None:
        if self.width < 1 or self.layers < 1 or not 0 <= self.dropout < 1:
            raise UsageError(
                f"width and layers must be at least 1 and dropout in [0, 1), got {self.width}, {self.layers} "
                f"and {self.dropout}"
            )

    def _read(self, graphs: Sequence[Architecture]) -> Inputs:
        batch = simplify_many(graphs, self.vocabulary_.describe)
        names = ["input", *(op.name for op in self.vocabulary_.interior), "output"]
        # After the known operations: the global vertex, then unknown operations and padding.
        to_column = np.array([names.index(n) if n in names else len(names) + 1 for n in batch.names])
        codes = np.where(batch.codes >= 0, to_column[batch.codes], len(names) + 1)
        codes = np.pad(codes, ((0, 0), (1, 0)), constant_values=len(names))
        table = np.eye(len(names) + 2)[:, : len(names) + 1]
        there = np.pad(batch.codes >= 0, ((0, 0), (1, 0)), constant_values=True)
        reads = np.pad(np.swapaxes(batch.counts, 1, 2), ((0, 0), (1, 0), (1, 0)))
        reads[:, 0] = there
        reads += np.eye(there.shape[1]) * (reads.diagonal(axis1=1, axis2=2) == 0)[:, None]
        reads /= reads.sum(axis=2, keepdims=True)
        return torch.from_numpy(table[codes]).float(), torch.from_numpy(reads).float()

    def _build(self, inputs: Inputs) -> nn.Module:
        return _GCN(inputs[0].shape[2], self.width, self.layers, self.dropout)

    def _loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return mean_over_pairs(-functional.logsigmoid(outputs[:, None] - outputs), targets)


class _GCN(nn.Module):
    def __init__(self, features: int, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.maps = nn.ModuleList(nn.Linear(features if i == 0 else width, width) for i in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.dropout = Dropout(dropout)
        self.relation = nn.Linear(width, 1)

    def forward(self, vertices: Tensor, reads: Tensor) -> Tensor:
        """One number per graph.

        Args:
            vertices: One-hot operations, ``(graphs, vertices, features)``.
            reads: Normalised adjacency matrix, ``(graphs, vertices, vertices)``.
        """
        for layer, norm in zip(self.maps, self.norms, strict=True):
            vertices = self.dropout(norm(reads @ layer(vertices)).relu())
        return self.relation(vertices[:, 0])[:, 0]

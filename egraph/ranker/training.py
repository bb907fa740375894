"""Training of the network: all pairs of each batch, AdamW, one cycle of the learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from egraph.ranker.heads import HEADS, Pairs
from egraph.ranker.labels import Labels
from egraph.ranker.network import Graphs, RankerNetwork

__all__ = ["Schedule", "pair_weights", "train"]

Progress = Callable[[int, int], None]

_EMPHASIS = 10.0
"""Weight of a pair of the two best, in addition to that of a pair with the worst."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Length and learning rate of a training.

    Attributes:
        epochs: Number of passes over the training data.
        batch_size: Architectures in a batch; all pairs of them are compared.
        learning_rate: Learning rate at the peak of the cycle.
        weight_decay: Decoupled weight decay of AdamW.
        warm_up: Share of the steps in which the learning rate rises; it falls along a cosine in the rest.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    warm_up: float = 0.05

    def batches(self, count: int) -> int:
        """Number of batches in one epoch on ``count`` architectures."""
        return max(1, round(count / self.batch_size))

    def steps(self, count: int) -> int:
        """Number of steps of the whole training on ``count`` architectures."""
        return self.epochs * self.batches(count)


def pair_weights(ranks: Tensor, groups: Tensor | None = None) -> Tensor:
    r"""Weight of each pair of a batch: :math:`1 + 10 \min(r_a, r_b)`.

    It is 0 for a pair of one architecture, and for a pair of two groups.

    Rankings are used to find the best; differences among the worst are mostly noise.

    Args:
        ranks: Ranks in the training data from 0, the worst, to 1, ``(members, batch)``.
        groups: Number of each architecture's group, ``(members, batch)``; None for one group.

    Returns:
        ``(members, batch, batch)``.
    """
    weights = 1 + _EMPHASIS * torch.minimum(ranks[:, :, None], ranks[:, None, :])
    weights = weights * (1 - torch.eye(ranks.shape[1]))
    return weights if groups is None else weights * (groups[:, :, None] == groups[:, None, :])


def train(
    network: RankerNetwork,
    graphs: Graphs,
    labels: Labels,
    schedule: Schedule,
    seed: int,
    progress: Progress | None = None,
    rows: NDArray[np.int64] | None = None,
) -> None:
    """Fits the network in place; each member reads the data in its own order.

    Args:
        network: Network with initial weights.
        graphs: Training data, ``(1, graphs, ...)``.
        labels: Scores of the graphs.
        schedule: Length and learning rate of the training.
        seed: Seed of batches, dropout and neighbour order.
        progress: Function of the number of steps done and in total, called after each step.
        rows: Positions of the training data of each member, ``(members, rows)``; None for all data.
    """
    generator = torch.Generator().manual_seed(seed)
    members, loss = network.shape.members, HEADS[network.shape.head].loss
    seen = torch.arange(len(labels)).expand(members, -1) if rows is None else torch.from_numpy(rows)
    count = seen.shape[1]
    # In single precision, close scores with a large offset would coincide.
    values = torch.from_numpy(labels.scores - labels.scores.mean()).to(torch.float64)
    ranks = torch.from_numpy(labels.ranks).float()
    targets = torch.from_numpy(labels.targets).float()
    groups = torch.from_numpy(labels.groups)
    batches, steps = schedule.batches(count), schedule.steps(count)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay, foreach=True
    )
    for step in range(steps):
        if step % batches == 0:
            shuffled = seen.gather(1, torch.rand((members, count), generator=generator).argsort(dim=1))
        part, batch = graphs.take_by_size(shuffled[:, step % batches :: batches])
        for group in optimizer.param_groups:
            group["lr"] = schedule.learning_rate * _one_cycle(step / steps, schedule.warm_up)
        optimizer.zero_grad()
        embedding = network.embed(batch, generator)
        difference = values[part][:, :, None] - values[part][:, None, :]
        weights = pair_weights(ranks[part], groups[part])
        pairs = Pairs(difference, weights, labels.margin, labels.noise, targets[part])
        loss(network, embedding, pairs).sum().backward()
        _clip(network, 1.0)
        optimizer.step()
        if progress is not None:
            progress(step + 1, steps)


def _one_cycle(done: float, warm_up: float) -> float:
    if done < warm_up:
        return 0.04 + 0.96 * done / warm_up
    return max(0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up))), 1e-4)


def _clip(network: RankerNetwork, norm: float) -> None:
    """Clips the gradient of each member separately, so that members do not influence each other."""
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    squares = torch.stack([g.reshape(g.shape[0], -1).square().sum(1) for g in gradients])
    factor = (norm / (squares.sum(0).sqrt() + 1e-6)).clamp(max=1.0)  # (members,)
    for gradient in gradients:
        gradient.mul_(factor.view(-1, *[1] * (gradient.dim() - 1)))

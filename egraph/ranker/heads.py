"""Heads: losses on embeddings, and the comparison of two architectures.

Each head has a loss over all pairs of a batch:

- `pair_loss` (``pairwise``): a small network, `PairHead`, classifies two embeddings as worse, equal, better.
- `utility_loss` (``utility``): each embedding has one utility; the classes follow from the difference of two.
- `margin_loss` (``regression``): the same utility, trained so that the better one is ahead by a margin.

Losses do not average over members: they return ``(members,)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from egraph.ranker.sage import Linear
from egraph.registry import Registry

if TYPE_CHECKING:
    from egraph.ranker.network import RankerNetwork

__all__ = [
    "HEADS",
    "Head",
    "PairHead",
    "Pairs",
    "margin_loss",
    "pair_loss",
    "pair_targets",
    "three_way",
    "utility_loss",
]


class Pairs(NamedTuple):
    """All pairs of a batch, as a loss reads them.

    Attributes:
        difference: Score of the first minus score of the second, ``(members, batch, batch)``.
        weights: Weight of each pair, ``(members, batch, batch)``.
        margin: Largest difference of scores that are about equal.
        noise: Standard deviation of a measured difference.
        targets: Scores as standard normal quantiles of their ranks, ``(members, batch)``.
    """

    difference: Tensor
    weights: Tensor
    margin: float
    noise: float
    targets: Tensor

    @property
    def classes(self) -> Tensor:
        """Probabilities that the first is worse, about equal, better, ``(members, batch, batch, 3)``."""
        return pair_targets(self.difference, self.margin, self.noise)


class Head(NamedTuple):
    """A loss on embeddings from which an order is learnt; an entry of `HEADS`.

    Attributes:
        loss: Function of the network, of the embeddings of a batch, ``(members, batch, width)``, and of its
            `Pairs`; returns the loss of each network, ``(members,)``.
        reads_pairs: Whether the network has a `PairHead`; otherwise it gives utilities.
    """

    loss: Callable[[RankerNetwork, Tensor, Pairs], Tensor]
    reads_pairs: bool = False


HEADS: Registry[Head] = Registry("head")
"""Heads by name; CONTRIBUTING.md describes how to add one."""


class PairHead(nn.Module):
    r"""Three classes for a pair of embeddings: first worse, about equal, first better.

    .. math::
        \ell(a, b) = \tfrac12 \left( f(a \| b) + \pi f(b \| a) \right)

    with :math:`f` a network of two dense layers and :math:`\pi` the exchange of the outer classes, so that
    :math:`P(a\ \text{better than}\ b) = P(b\ \text{worse than}\ a)` exactly.

    Args:
        members: Number of networks.
        width: Width of an embedding; the inner layer has half of it.

    Shapes:
        - **input:** ``(members, pairs, width)`` twice
        - **output:** logits ``(members, pairs, 3)``
    """

    def __init__(self, members: int, width: int) -> None:
        super().__init__()
        inner = max(width // 2, 1)
        # The first layer on a || b in two parts, one for each side: n + m products then serve n x m pairs.
        self.first = Linear(members, width, inner)
        self.second = Linear(members, width, inner, bias=False)
        self.out = Linear(members, inner, 3)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Logits of pairs; ``a`` and ``b`` broadcast against each other between members and width."""
        forth = self.out(functional.relu(self.first(a) + self.second(b)))
        back = self.out(functional.relu(self.first(b) + self.second(a)))
        return (forth + back.flip(-1)) / 2


def pair_targets(difference: Tensor, margin: float, noise: float) -> Tensor:
    r"""Probabilities that the first is truly worse, about equal, better, given a noisy measured difference.

    .. math::
        P(a > b) = \Phi\left(\frac{s_a - s_b - m}{\sigma}\right)

    Args:
        difference: Score of the first minus score of the second, any shape.
        margin: Largest difference of scores that are about equal, :math:`m`.
        noise: Standard deviation of a measured difference, :math:`\sigma`; positive.

    Returns:
        The same shape with a last axis of 3, which sums to 1.
    """
    better = torch.special.ndtr((difference - margin) / noise)
    worse = torch.special.ndtr((-difference - margin) / noise)
    return torch.stack([worse, (1 - better - worse).clamp(min=0), better], dim=-1).float()


def pair_loss(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy of the three classes over all pairs of a batch.

    Args:
        logits: Logits of the classes, ``(members, batch, batch, 3)``.
        targets: Probabilities of the classes, of the same shape.
        weights: Weight of each pair, ``(members, batch, batch)``.
    """
    return _mean(-(targets * logits.log_softmax(dim=-1)).sum(dim=-1), weights)


def utility_loss(utility: Tensor, targets: Tensor, weights: Tensor, tie: Tensor) -> Tensor:
    r"""Cross-entropy of the Rao-Kupper model over all pairs of a batch.

    .. math::
        P(a > b) = \sigma(u_a - u_b - t), \qquad P(a \approx b) = 1 - P(a > b) - P(b > a)

    Args:
        utility: Utilities, ``(members, batch)``.
        targets: Probabilities that the first is worse, about equal, better,
            ``(members, batch, batch, 3)``.
        weights: Weight of each pair, ``(members, batch, batch)``.
        tie: Threshold :math:`t > 0`, ``(members,)``.

    References:
        Rao, Kupper: Ties in paired-comparison experiments, Journal of the American Statistical Association
        62, 1967
    """
    ahead = utility[:, :, None] - utility[:, None, :]
    t = tie[:, None, None]
    better = functional.logsigmoid(ahead - t)
    worse = functional.logsigmoid(-ahead - t)
    # log(1 - P(better) - P(worse)), written without differences of nearly equal numbers.
    equal = (
        functional.logsigmoid(ahead + t) + functional.logsigmoid(t - ahead) + torch.log(-torch.expm1(-2 * t))
    )
    return _mean(-(targets * torch.stack([worse, equal, better], dim=-1)).sum(dim=-1), weights)


def margin_loss(
    utility: Tensor, difference: Tensor, margin: float, weights: Tensor, target: Tensor, gap: float = 0.1
) -> Tensor:
    r"""Margin ranking loss over all pairs of a batch that differ, plus half the squared error.

    .. math::
        \max(0, m - (u_a - u_b)) \quad \text{for } a \text{ better than } b

    Args:
        utility: Utilities, ``(members, batch)``.
        difference: Score of the first minus score of the second, ``(members, batch, batch)``.
        margin: Largest difference of scores that are about equal; such pairs are left out.
        weights: Weight of each pair, ``(members, batch, batch)``.
        target: Targets of the utilities, ``(members, batch)``.
        gap: Margin :math:`m`, in units of the target.

    References:
        Xu et al.: ReNAS, relativistic evaluation of neural architecture search,
        https://arxiv.org/abs/1910.01523
    """
    ahead = utility[:, :, None] - utility[:, None, :]
    counts = (difference > margin) * weights
    return _mean(functional.relu(gap - ahead), counts) + 0.5 * (utility - target).square().mean(1)


def three_way(ahead: NDArray[np.float64], tie: float) -> NDArray[np.float64]:
    """Probabilities that the first is worse, about equal, better, ``(pairs, 3)``, by the Rao-Kupper model.

    Args:
        ahead: Utility of the first minus utility of the second, in logits, ``(pairs,)``.
        tie: Threshold of the model.
    """
    better = 1 / (1 + np.exp(-np.clip(ahead - tie, -500, 500)))
    worse = 1 / (1 + np.exp(-np.clip(-ahead - tie, -500, 500)))
    return np.stack([worse, np.maximum(1 - better - worse, 0.0), better], axis=-1)


def _mean(each: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean over the pairs, ``(members,)``; 0 where all weights are 0."""
    return (each * weights).sum((1, 2)) / weights.sum((1, 2)).clamp(min=1e-9)


def _utility(network: RankerNetwork, embedding: Tensor, pairs: Pairs) -> Tensor:
    return utility_loss(network.utilities(embedding), pairs.classes, pairs.weights, network.ties())


def _pairwise(network: RankerNetwork, embedding: Tensor, pairs: Pairs) -> Tensor:
    return pair_loss(network.pair(embedding[:, :, None], embedding[:, None]), pairs.classes, pairs.weights)


def _regression(network: RankerNetwork, embedding: Tensor, pairs: Pairs) -> Tensor:
    utility = network.utilities(embedding)
    return margin_loss(utility, pairs.difference, pairs.margin, pairs.weights, pairs.targets)


HEADS.register("utility", Head(_utility))
HEADS.register("pairwise", Head(_pairwise, reads_pairs=True))
HEADS.register("regression", Head(_regression))

"""PC-DARTS: a part of the channels, and weights of the edges into a node."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from egraph.checks import check_probability, check_whole
from egraph.supernets.methods.base import Method
from egraph.supernets.mixing import Sample
from egraph.supernets.supernet import Supernet

__all__ = ["PcDarts"]


class PcDarts(Method):
    """DARTS on a part of the channels, with a softmax over the positions that lead into one node.

    The other channels are passed on as they are. All are mixed where the channels of a position are no
    multiple of ``parts``, or where its layers have the one width that their maker gives them. In the first
    epochs only weights are trained.

    Args:
        parts: Number of parts of the channels, one of which is mixed.
        warmup: Share of the epochs in which only weights are trained.

    References:
        Xu et al., "PC-DARTS: Partial Channel Connections for Memory-Efficient Architecture Search",
        ICLR 2020, https://arxiv.org/abs/1907.05737
    """

    name = "pc-darts"

    def __init__(self, *, parts: int = 4, warmup: float = 0.3) -> None:
        check_whole(1, parts=parts)
        check_probability(warmup=warmup)
        self.parts, self.warmup = parts, warmup

    def sample(self, supernet: Supernet, progress: float, generator: torch.Generator) -> Sample:
        """The softmax of the logits of each position, and that of the positions of each node."""
        return Sample(
            {name: torch.softmax(each, 0) for name, each in supernet.logits.items()},
            edges=edge_weights(supernet),
        )

    def trained(self, supernet: Supernet) -> list[Tensor]:
        """The logits of operations and of positions."""
        return [*supernet.logits.values(), *supernet.edge_logits.values()]

    def probabilities(self, supernet: Supernet) -> dict[str, NDArray[np.float64]]:
        """Those of the operations, times the weights of the positions among those of their node."""
        edges = edge_weights(supernet)
        return {name: each * edges[name].item() for name, each in supernet.probabilities().items()}


def edge_weights(supernet: Supernet) -> dict[str, Tensor]:
    """The softmax of the logits of the positions that lead into each node, by position."""
    weights: dict[str, Tensor] = {}
    for names in supernet.nodes():
        shares = torch.softmax(torch.stack([supernet.edge_logits[name] for name in names]), 0)
        weights.update(zip(names, shares, strict=True))
    return weights

"""I-DARTS: one softmax over all operations on all edges into a node."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from egraph.supernets.methods.base import Method
from egraph.supernets.mixing import Sample
from egraph.supernets.supernet import Supernet

__all__ = ["IDarts"]


class IDarts(Method):
    """DARTS whose softmax spans all positions that lead into one node, so that these compete.

    This is "improved DARTS". The method with implicit gradients, iDARTS, is `ImplicitDarts`.

    References:
        Jiang, Hu, Xiao, Zhang and Zhu, "Improved Differentiable Architecture Search for Language Modeling and
        Named Entity Recognition", EMNLP 2019, https://aclanthology.org/D19-1367
    """

    name = "i-darts"

    def sample(self, supernet: Supernet, progress: float, generator: torch.Generator) -> Sample:
        """The softmax of the logits of all positions of a node."""
        return Sample(_softmax(supernet, supernet.logits))

    def probabilities(self, supernet: Supernet) -> dict[str, NDArray[np.float64]]:
        """This softmax; those of all positions of a node sum to 1."""
        logits = {name: each.detach().double() for name, each in supernet.logits.items()}
        return supernet.expand(_softmax(supernet, logits))


def _softmax(supernet: Supernet, logits: dict[str, Tensor]) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {}
    for names in supernet.nodes():
        shares = torch.softmax(torch.cat([logits[name] for name in names]), 0)
        weights.update(zip(names, shares.split([len(logits[name]) for name in names]), strict=True))
    return {name: weights[name] for name in logits}

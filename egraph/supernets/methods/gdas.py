"""GDAS: one sampled operation at each position."""

from __future__ import annotations

import torch

from egraph.checks import check_positive
from egraph.supernets.methods.base import Method
from egraph.supernets.mixing import Sample
from egraph.supernets.supernet import Supernet

__all__ = ["Gdas"]


class Gdas(Method):
    """Computes one operation at each position, drawn by Gumbel noise; the gradient is that of the softmax.

    Args:
        hottest: Temperature of the softmax at the beginning.
        coldest: Temperature at the end; it falls linearly.

    References:
        Dong and Yang, "Searching for a Robust Neural Architecture in Four GPU Hours", CVPR 2019,
        https://arxiv.org/abs/1910.04465
    """

    name = "gdas"

    def __init__(self, *, hottest: float = 10.0, coldest: float = 0.1) -> None:
        check_positive(hottest=hottest, coldest=coldest)
        self.hottest, self.coldest = hottest, coldest

    def sample(self, supernet: Supernet, progress: float, generator: torch.Generator) -> Sample:
        """Weights of value 1 whose gradient is that of the softmax; only the drawn operation is computed."""
        temperature = self.hottest + (self.coldest - self.hottest) * progress
        weights, live = {}, {}
        for name, logits in supernet.logits.items():
            noise = -torch.empty(len(logits)).exponential_(generator=generator).log().to(logits.device)
            soft = torch.softmax((torch.log_softmax(logits, 0) + noise) / temperature, 0)
            number = int(soft.argmax())
            hard = torch.nn.functional.one_hot(torch.tensor(number, device=logits.device), len(logits))
            weights[name] = hard - soft.detach() + soft
            live[name] = (number,)
        return Sample(weights, live)

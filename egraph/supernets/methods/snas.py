"""SNAS: all operations, with random weights that become nearly those of one."""

from __future__ import annotations

import torch
from torch import Tensor

from egraph.checks import check_positive
from egraph.supernets.methods._drawing import draw_gumbel, together
from egraph.supernets.methods.base import Method
from egraph.supernets.mixing import Sample
from egraph.supernets.supernet import Supernet

__all__ = ["Snas"]


class Snas(Method):
    """Mixes all operations by a softmax with Gumbel noise, whose temperature falls.

    The paper trains weights and logits on the same examples; here they have a half each, as in `Darts`.

    Args:
        hottest: Temperature of the softmax at the beginning.
        coldest: Temperature at the end; its logarithm falls linearly.

    References:
        Xie, Zheng, Liu and Lin, "SNAS: Stochastic Neural Architecture Search", ICLR 2019,
        https://arxiv.org/abs/1812.09926
    """

    name = "snas"

    def __init__(self, *, hottest: float = 1.0, coldest: float = 0.03) -> None:
        check_positive(hottest=hottest, coldest=coldest)
        self.hottest, self.coldest = hottest, coldest

    def sample(self, supernet: Supernet, progress: float, generator: torch.Generator) -> Sample:
        """The softmax of logits and noise, both divided by the temperature."""
        temperature = self.hottest * (self.coldest / self.hottest) ** progress

        def draw(logits: Tensor) -> Tensor:
            noise = draw_gumbel(len(logits), generator)
            return torch.softmax((torch.log_softmax(logits, 0) + noise) / temperature, 0)

        return Sample(together(supernet, draw))

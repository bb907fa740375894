"""GDAS: one sampled operation at each position."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from egraph.checks import check_positive
from egraph.errors import UsageError, shorten
from egraph.supernets.methods._drawing import draw_gumbel, together
from egraph.supernets.methods.base import Method
from egraph.supernets.mixing import Sample
from egraph.supernets.supernet import Supernet

__all__ = ["Gdas"]

SAMPLINGS = ("gumbel", "multinomial")


class Gdas(Method):
    """Computes one drawn operation at each position; the gradient is that of a softmax with a temperature.

    Args:
        sampling: ``gumbel`` draws by Gumbel noise, which the softmax contains; ``multinomial`` draws from the
            softmax, without noise.
        hottest: Temperature of the softmax at the beginning.
        coldest: Temperature at the end; it falls linearly.

    References:
        Dong and Yang, "Searching for a Robust Neural Architecture in Four GPU Hours", CVPR 2019,
        https://arxiv.org/abs/1910.04465
    """

    name = "gdas"

    def __init__(self, *, sampling: str = "gumbel", hottest: float = 10.0, coldest: float = 0.1) -> None:
        check_positive(hottest=hottest, coldest=coldest)
        if sampling not in SAMPLINGS:
            raise UsageError(f"sampling must be one of {', '.join(SAMPLINGS)}; got {shorten(sampling)}")
        self.sampling, self.hottest, self.coldest = sampling, hottest, coldest

    def sample(self, supernet: Supernet, progress: float, generator: torch.Generator) -> Sample:
        """Weights of value 1 whose gradient is that of the softmax; only the drawn operation is computed."""
        temperature = self.hottest + (self.coldest - self.hottest) * progress
        live: list[int] = []

        def draw(logits: Tensor) -> Tensor:
            if self.sampling == "gumbel":
                noise = draw_gumbel(len(logits), generator)
                soft = torch.softmax((torch.log_softmax(logits, 0) + noise) / temperature, 0)
                number = int(soft.argmax())
            else:
                soft = torch.softmax(logits / temperature, 0)
                number = int(torch.multinomial(soft.detach(), 1, generator=generator))
            live.append(number)
            # In this order the value is exactly 1.
            return soft - soft.detach() + one_hot(torch.tensor(number), len(logits))

        weights = together(supernet, draw)
        return Sample(weights, {name: (number,) for name, number in zip(weights, live, strict=True)})

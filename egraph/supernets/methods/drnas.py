"""DrNAS: weights of operations from a Dirichlet distribution that is learnt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Dirichlet, kl_divergence
from torch.nn.functional import elu

from egraph.checks import check_flag, check_not_negative, check_whole
from egraph.errors import UsageError, shorten
from egraph.supernets.methods._drawing import together
from egraph.supernets.methods._pruning import strongest
from egraph.supernets.methods.base import Method
from egraph.supernets.mixing import Sample
from egraph.supernets.supernet import Supernet

if TYPE_CHECKING:
    from egraph.supernets.run import Run

__all__ = ["DrNas"]

REGULARISERS = ("kl", "distance")


class DrNas(Method):
    """Mixes all operations by weights from a Dirichlet distribution, whose concentrations are trained.

    The concentrations are ``elu(logits) + 1``. A penalty keeps the distribution near the uniform one. The
    first of two stages mixes a part of the channels; the second has the stronger half of the operations, with
    the logits that they had, and mixes twice as large a part. Unlike in the paper, its weights are new.

    Args:
        regulariser: ``kl``, the Kullback-Leibler divergence from the uniform distribution, or ``distance``,
            the Euclidean distance of the concentrations from 1.
        strength: Factor of the penalty.
        progressive: Whether there are two stages; else there is one.
        parts: Number of parts of the channels, one of which is mixed in the first stage.

    References:
        Chen, Wang, Cheng, Tang and Hsieh, "DrNAS: Dirichlet Neural Architecture Search", ICLR 2021,
        https://arxiv.org/abs/2006.10355
    """

    name = "drnas"

    def __init__(
        self,
        *,
        regulariser: str = "kl",
        strength: float = 1e-3,
        progressive: bool = True,
        parts: int = 4,
    ) -> None:
        if regulariser not in REGULARISERS:
            raise UsageError(
                f"regulariser must be one of {', '.join(REGULARISERS)}; got {shorten(regulariser)}"
            )
        check_not_negative(strength=strength)
        check_flag(progressive=progressive)
        check_whole(1, parts=parts)
        self.regulariser, self.strength, self.progressive, self.parts = (
            regulariser, strength, progressive, parts)  # fmt: skip
        self.stages = 2 if progressive else 1

    def sample(self, supernet: Supernet, progress: float, generator: torch.Generator) -> Sample:
        """Weights from the distribution of each position, with the derivative of the draw."""

        def draw(logits: Tensor) -> Tensor:
            # Gamma variables divided by their sum; in single precision small ones would be 0.
            concentrations = _concentrate(logits).double()
            gammas = torch._standard_gamma(concentrations, generator=generator).clamp(min=1e-30)
            return (gammas / gammas.sum()).to(logits.dtype)

        return Sample(together(supernet, draw))

    def smooth_sample(self, supernet: Supernet, progress: float, generator: torch.Generator) -> Sample:
        """The means of the distributions, since draws have no second derivative."""
        return Sample({name: _mean(each) for name, each in supernet.logits.items()})

    def penalty(self, supernet: Supernet) -> Tensor | float:
        """What keeps the distributions near the uniform one."""
        terms = []
        for logits in supernet.logits.values():
            concentrations = _concentrate(logits)
            even = torch.ones_like(concentrations)
            if self.regulariser == "kl":
                terms.append(kl_divergence(Dirichlet(concentrations), Dirichlet(even)))
            else:
                terms.append((concentrations - even).norm())
        return self.strength * torch.stack(terms).sum()

    def begin_stage(self, run: Run) -> None:
        """Keeps the stronger half of the operations, and mixes twice as large a part of the channels."""
        kept = strongest(
            run.relaxation.positions, self.probabilities(run.supernet), lambda size: math.ceil(size / 2)
        )
        old, before = run.supernet.logits, run.supernet.kept
        run.build(kept=kept, parts=max(1, self.parts // 2))
        with torch.no_grad():
            for name, numbers in kept.items():
                run.supernet.logits[name].copy_(old[name][[before[name].index(each) for each in numbers]])

    def probabilities(self, supernet: Supernet) -> dict[str, NDArray[np.float64]]:
        """The means of the distributions."""
        return supernet.expand(
            {name: _mean(each.detach().double()) for name, each in supernet.logits.items()}
        )


def _mean(logits: Tensor) -> Tensor:
    concentrations = _concentrate(logits)
    return concentrations / concentrations.sum()


def _concentrate(logits: Tensor) -> Tensor:
    # elu + 1 is above 0 but for rounding.
    return (elu(logits) + 1).clamp(min=1e-6)

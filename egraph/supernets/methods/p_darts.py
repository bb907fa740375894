"""P-DARTS: a supernet that becomes deeper, with fewer operations."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from egraph.checks import check_positive, check_probability, check_whole
from egraph.spaces.relaxation import Derivation
from egraph.supernets.methods._pruning import strongest
from egraph.supernets.methods.base import Method
from egraph.supernets.mixing import Sample
from egraph.supernets.supernet import Supernet

if TYPE_CHECKING:
    from egraph.supernets.run import Run

__all__ = ["PDarts"]

SHARES = (1, 5 / 8, 3 / 8)
"""Shares of the operations of a position that the stages have."""


class PDarts(Method):
    """DARTS in three stages, each with a new supernet that is deeper and lacks the weakest operations.

    Of eight operations at a position, five and then three are kept. Values of skip connections are dropped
    at random, at a rate that grows from stage to stage and falls to 0 within each, and an architecture has
    few skip connections. In the first epochs of each stage only weights are trained.

    Args:
        growth: Depth of the last supernet relative to the first, whose number of cells is that of the recipe.
            It is constant in spaces that offer no choice of cells.
        warmup: Share of the epochs of a stage in which only weights are trained.
        first_dropout: Share of the values of skip connections that the first stage drops at its beginning.
        last_dropout: That of the last stage.
        most_skips: Largest number of skip connections of a derived cell.

    References:
        Chen, Xie, Wu and Tian, "Progressive Differentiable Architecture Search: Bridging the Depth Gap
        between Search and Evaluation", ICCV 2019, https://arxiv.org/abs/1904.12760
    """

    name = "p-darts"
    stages = len(SHARES)

    def __init__(
        self,
        *,
        growth: float = 3.4,
        warmup: float = 0.4,
        first_dropout: float = 0.1,
        last_dropout: float = 0.7,
        most_skips: int = 2,
    ) -> None:
        check_positive(growth=growth)
        check_probability(warmup=warmup, first_dropout=first_dropout, last_dropout=last_dropout)
        check_whole(0, most_skips=most_skips)
        self.growth, self.warmup, self.most_skips = growth, warmup, most_skips
        self.first_dropout, self.last_dropout = first_dropout, last_dropout
        self._stage = 0

    @property
    def rules(self) -> Derivation:
        """Few skip connections."""
        return Derivation(most_skips=self.most_skips)

    def sample(self, supernet: Supernet, progress: float, generator: torch.Generator) -> Sample:
        """The softmax of the logits, and the rate at which values of skip connections are dropped."""
        begin = self._between(self.first_dropout, self.last_dropout)
        return replace(super().sample(supernet, progress, generator), dropout=begin * (1 - progress))

    def begin_stage(self, run: Run) -> None:
        """Builds the deeper supernet of the strongest operations."""
        self._stage = run.stage
        probabilities = self.probabilities(run.supernet)
        kept = strongest(
            run.relaxation.positions, probabilities, lambda size: math.ceil(size * SHARES[self._stage])
        )
        cells = run.settings.weights.cells or run.relaxation.options.get("cells")
        run.build(kept=kept, cells=None if cells is None else round(cells * self._between(1, self.growth)))

    def state_dict(self) -> dict[str, Any]:
        """The number of the stage."""
        return {"stage": self._stage}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from what `state_dict` gave."""
        self._stage = state["stage"]

    def _between(self, first: float, last: float) -> float:
        return first + (last - first) * self._stage / (self.stages - 1)

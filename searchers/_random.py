"""Random search: the baseline for every other searcher."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.searchers._base import Searcher

__all__ = ["RandomSearch"]


class RandomSearch(Searcher):
    """Samples the space and ignores scores.

    Args:
        space: Space to search.
        seed: Seed of the searcher's own generator.
        distinct: Whether no key is proposed twice, nor one that was told.

    References:
        Li and Talwalkar, "Random Search and Reproducibility for Neural Architecture Search", UAI 2019,
        https://arxiv.org/abs/1902.07638
    """

    name = "random"

    def _propose(self) -> Architecture:
        return self._sample_new()

    def _learn(self, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> None:
        pass

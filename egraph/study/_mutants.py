"""Candidates near the best measured architectures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.searchers import Searcher
from egraph.spaces import SearchSpace

__all__ = ["Mutants"]

_MUTATIONS = 2  # largest number for one child
_TRIES = 100  # for a new child, before a random sample is taken


class Mutants(Searcher):
    """Proposes architectures one or two mutations away from fixed parents, whatever their scores.

    The acquisition function of BANANAS is optimised in this way.

    Args:
        space: Search space.
        parents: Parents, all equally likely; without any, samples are random.
        seed: Seed of the searcher's generator.

    References:
        White, Neiswanger, Savani: BANANAS, Bayesian optimization with neural architectures for neural
        architecture search, https://arxiv.org/abs/1910.11858
    """

    name = "mutants"

    def __init__(self, space: SearchSpace, parents: Sequence[Architecture], *, seed: int) -> None:
        super().__init__(space, seed=seed)
        self._parents = list(parents)

    def _propose(self) -> Architecture:
        for _ in range(_TRIES if self._parents else 0):
            child = self._parents[int(self._rng.integers(len(self._parents)))]
            for _ in range(int(self._rng.integers(1, _MUTATIONS + 1))):
                child = self.space.mutate(child, self._rng)
            if self._is_new(child):
                return child
        return self._sample_new()

    def _learn(self, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> None:
        """Ignores the scores: they are predictions, and the parents were measured."""

    @property
    def options(self) -> dict[str, Any]:
        """The settings other than space and seed, as JSON-ready values."""
        return {"parents": [parent.to_dict() for parent in self._parents], **super().options}

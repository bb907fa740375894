"""Ant colony optimization: pheromone on paths through an encoding, to increasing depth."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from copy import deepcopy
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import check_probability, check_whole
from egraph.searchers._base import Score, Searcher
from egraph.searchers._members import rank_failed_last, read_score, write_score
from egraph.spaces import SearchSpace

__all__ = ["AntColony"]

_FRESH = 0.1  # initial pheromone
_EVAPORATION = 0.1  # share replaced on the best trail after a generation
_DECAY = 0.1  # share lost on an edge that an ant takes
_TRIES = 32  # walks without a new architecture before the depth grows


class AntColony(Searcher):
    """Samples paths of ants through a layered graph; the best path gets pheromone.

    The layers are the positions of the space's encoding, the nodes of a layer are the options there, and each
    node has edges to all nodes of the next layer. An ant walks from layer to layer: with probability
    ``greediness`` along the edge with the most pheromone, else along an edge drawn in proportion to it. Each
    edge it takes loses a tenth of its pheromone above the initial 0.1, which diversifies the following ants.
    After each generation of ``ants`` results, a tenth of the pheromone on the best path so far is replaced
    by a tenth of the full value, 1.

    Depth grows by one layer per generation, and at once if the ants find nothing new. At depth d an ant
    chooses the options of the first d positions; the other options are those of the best architecture so far.
    At depth 0, in the first generation, proposals are random.

    Differences from the paper: there a network ends where the ant stops; here every position needs an option,
    hence the options of the best. The full pheromone is 1 whatever the score, which may have any scale. Edges
    have no heuristic value. An ant whose options describe no architecture, or with ``distinct`` a known one,
    walks again. Prior knowledge counts among the results of a generation.

    Args:
        space: Space to search; it must have an encoding.
        seed: Seed of the searcher's own generator.
        ants: Number of results of a generation.
        greediness: Probability of taking the best edge.
        distinct: Whether no key is proposed twice, nor one that was told.

    Raises:
        UsageError: An option is of the wrong kind or out of range, or the space has no encoding.

    References:
        Byla and Pang, "DeepSwarm: Optimising Convolutional Neural Networks Using Swarm Intelligence",
        UKCI 2019, https://arxiv.org/abs/1905.07350
        Dorigo and Gambardella, "Ant Colony System", IEEE Transactions on Evolutionary Computation, 1997,
        https://doi.org/10.1109/4235.585892
    """

    name = "ant-colony"

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        ants: int = 8,
        greediness: float = 0.5,
        distinct: bool = True,
    ) -> None:
        check_whole(1, ants=ants)
        check_probability(greediness=greediness)
        super().__init__(space, seed=seed, distinct=distinct)
        self.ants, self.greediness = ants, greediness
        sizes = (1, *space.choices)
        # Indices: layer, option of the layer before, option of the layer.
        self._pheromone = [[[_FRESH] * after for _ in range(before)] for before, after in pairwise(sizes)]
        self._depth = 0
        self._returned = 0
        self._best: list[int] | None = None
        self._best_score = -np.inf

    def _propose(self) -> Architecture:
        if self._best is not None and self._depth:
            while True:
                for _ in range(_TRIES):
                    if found := self._decode_new(self._walk(self._best)):
                        return found
                if self._depth == len(self._pheromone):
                    break
                self._depth += 1
        return self._sample_new()

    def _walk(self, best: list[int]) -> list[int]:
        """The options that an ant chooses, followed by those of the best."""
        options: list[int] = []
        before = 0
        chances = self._rng.random((self._depth, 2)).tolist()
        for layer, (mood, chance) in zip(self._pheromone, chances, strict=False):
            edges = layer[before]
            if mood < self.greediness:
                option = edges.index(max(edges))
            else:
                bounds = list(accumulate(edges))
                option = bisect(bounds, chance * bounds[-1], hi=len(bounds) - 1)
            edges[option] += _DECAY * (_FRESH - edges[option])
            options.append(option)
            before = option
        return options + best[self._depth :]

    def _learn(self, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> None:
        for architecture, score in zip(architectures, scores.tolist(), strict=True):
            if score > self._best_score:
                self._best, self._best_score = list(self.space.encode(architecture)), score
            self._returned += 1
            if self._returned % self.ants == 0 and self._best is not None:
                self._mark(self._best)
                self._depth = min(self._depth + 1, len(self._pheromone))

    def _mark(self, trail: list[int]) -> None:
        for layer, before, option in zip(self._pheromone, [0, *trail], trail, strict=False):
            layer[before][option] += _EVAPORATION * (1 - layer[before][option])

    def _rescore(self, score: Score) -> None:
        if self._best is not None:
            self._best_score = rank_failed_last(score([self.space.decode(self._best)])[0])

    def _state(self) -> dict[str, Any]:
        return {
            "pheromone": deepcopy(self._pheromone),
            "depth": self._depth,
            "returned": self._returned,
            "best": self._best,
            "best_score": write_score(self._best_score),
        }

    def _load(self, state: dict[str, Any]) -> None:
        self._pheromone = deepcopy(state["pheromone"])
        self._depth, self._returned = state["depth"], state["returned"]
        self._best = state["best"]
        self._best_score = read_score(state["best_score"])

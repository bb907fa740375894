"""Bayesian optimisation: a predictor that knows its doubts says what is worth trying."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from egraph.architecture import Architecture
from egraph.checks import check_whole
from egraph.errors import UsageError
from egraph.searchers._base import Searcher
from egraph.searchers._memory import Memory
from egraph.searchers._options import check_callable
from egraph.spaces import SearchSpace
from egraph.surrogates.graph_process import GraphProcess

__all__ = ["BayesianOptimization", "DoubtingPredictor", "expected_improvement"]

Floats = NDArray[np.float64]

_PARENTS = 10  # best results that candidates are mutated from
_POOLS = 4  # pools of candidates that may be known already before a random sample is taken


class DoubtingPredictor(Protocol):
    """What the factory must give: scores for architectures, and how sure it is of them."""

    def fit(self, architectures: Sequence[Architecture], scores: Sequence[float]) -> Any:
        """Learns from ``(architectures,)`` scores."""

    def predict(self, architectures: Sequence[Architecture], return_std: bool = False) -> Any:
        """Means and standard deviations, both ``(architectures,)``."""


class BayesianOptimization(Searcher):
    """Asks what promises most: a high prediction, or a doubtful one.

    The first ``initial`` proposals are random. Then, whenever results were told, the predictor is fitted anew
    and a pool of candidates is drawn: half of them are random, the others mutated from the ten best results,
    once or, each time with odds of a half, once more. They are proposed in the order of the acquisition:
    expected improvement over the best result, or independent Thompson sampling, which draws one score for
    each candidate from its predicted distribution and is the choice for large batches. A failed result is
    not asked again, and teaches nothing else.

    The predictor learns from at most ``points`` results, the better half for good and the newest of the
    others; so the cost of a proposal is bounded, by the cube of ``points`` for a Gaussian process.

    What differs from the papers: BANANAS predicts with an ensemble of networks, which any ``predictor`` can
    be, and has mutated candidates only.

    Args:
        space: where to search.
        seed: of the searcher's own generator.
        predictor: is called without arguments for a new `DoubtingPredictor`, which must depend on its
            examples only; `GraphProcess` by default.
        acquisition: ``"expected-improvement"`` or ``"thompson"``.
        initial: how many random proposals come first.
        candidates: in a pool.
        points: how many results the predictor learns from at most.
        distinct: never ask twice for one key, and never for a key that was told.

    Raises:
        UsageError: the acquisition is unknown, ``initial`` or ``candidates`` is below 1, or ``points``
            below 2.

    References:
        White et al., "BANANAS: Bayesian Optimization with Neural Architectures for Neural Architecture
        Search", AAAI 2021, https://arxiv.org/abs/1910.11858
        Jin et al., "Auto-Keras: An Efficient Neural Architecture Search System", KDD 2019,
        https://arxiv.org/abs/1806.10282
    """

    name = "bayesian"

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        predictor: Callable[[], DoubtingPredictor] = GraphProcess,
        acquisition: str = "expected-improvement",
        initial: int = 10,
        candidates: int = 100,
        points: int = 200,
        distinct: bool = True,
    ) -> None:
        if acquisition not in ("expected-improvement", "thompson"):
            raise UsageError(f"acquisition must be 'expected-improvement' or 'thompson', got {acquisition!r}")
        check_callable(predictor=predictor)
        check_whole(1, initial=initial, candidates=candidates)
        check_whole(2, points=points)
        super().__init__(space, seed=seed, distinct=distinct)
        self.predictor, self.acquisition = predictor, acquisition
        self.initial, self.candidates, self.points = initial, candidates, points
        self._memory = Memory(points)
        self._model: DoubtingPredictor | None = None  # fitted to the memory
        self._pool: list[Architecture] = []  # the best last

    def _propose(self) -> Architecture:
        beginning = max(self._proposed, self._memory.told) < self.initial
        chosen = None if beginning or not self._memory.architectures else self._choose()
        return chosen or self._sample_new()

    def _choose(self) -> Architecture | None:
        """The most promising new candidate; None where all that were drawn are known."""
        for _ in range(_POOLS):
            while self._pool:
                if self._is_new(candidate := self._pool.pop()):
                    return candidate
            self._pool = self._draw()
        return None

    def _draw(self) -> list[Architecture]:
        """Candidates, the most promising last."""
        memory = self._memory
        if self._model is None:
            self._model = self.predictor()
            self._model.fit(memory.architectures, memory.scores)
        parents = memory.best(_PARENTS)
        drawn = []
        for number in range(self.candidates):
            if number % 2:
                drawn.append(self.space.sample(self._rng))
                continue
            child = parents[int(self._rng.integers(len(parents)))]
            for _ in range(int(self._rng.geometric(0.5))):
                child = self.space.mutate(child, self._rng)
            drawn.append(child)
        pool = list(dict.fromkeys(drawn))
        mean, std = self._model.predict(pool, return_std=True)
        if self.acquisition == "thompson":
            order = np.argsort(self._rng.normal(mean, std), kind="stable")
        else:
            # Far below the best the improvement vanishes; the prediction then decides.
            order = np.lexsort((mean, expected_improvement(mean, std, max(memory.scores))))
        return [pool[index] for index in order]

    def _learn(self, architectures: Sequence[Architecture], scores: Floats) -> None:
        if len(architectures):
            self._memory.add(architectures, scores)
            self._model, self._pool = None, []

    def _state(self) -> dict[str, Any]:
        return {
            "memory": self._memory.state_dict(),
            "pool": [candidate.to_dict() for candidate in self._pool],
        }

    def _load(self, state: dict[str, Any]) -> None:
        self._model = None
        self._memory.load_state_dict(state["memory"])
        self._pool = [Architecture.from_dict(candidate) for candidate in state["pool"]]


def expected_improvement(mean: Floats, std: Floats, best: float) -> Floats:
    r"""By how much normal scores exceed the best on average, ``(architectures,)``.

    .. math:: \sigma \, (z \Phi(z) + \varphi(z)), \qquad z = (\mu - b) / \sigma
    """
    std = np.maximum(std, 1e-12)
    z = (np.asarray(mean) - best) / std
    return std * (z * ndtr(z) + np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi))

"""Bayesian optimization: acquisition under a probabilistic predictor."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from egraph.architecture import Architecture
from egraph.checks import check_whole
from egraph.errors import UsageError
from egraph.searchers._base import Score, Searcher
from egraph.searchers._memory import Memory
from egraph.searchers._options import check_callable, name_of, unwrap
from egraph.spaces import SearchSpace
from egraph.surrogates.graph_process import GraphProcess

__all__ = ["BayesianOptimization", "ProbabilisticPredictor", "expected_improvement"]

Floats = NDArray[np.float64]

_PARENTS = 10  # best results that candidates are mutated from
_POOLS = 4  # pools of candidates tried before a random sample is taken


class ProbabilisticPredictor(Protocol):
    """A predictor of scores and their standard deviations."""

    def fit(self, architectures: Sequence[Architecture], scores: Sequence[float]) -> Any:
        """Learns from ``(architectures,)`` scores."""

    def predict(self, architectures: Sequence[Architecture], return_std: bool = False) -> Any:
        """Means and standard deviations, both ``(architectures,)``."""


class BayesianOptimization(Searcher):
    """Proposes architectures in the order of an acquisition function.

    The first ``initial`` proposals are random. After new results the predictor is fitted again and a pool of
    candidates is drawn. Half of them are random; the others are mutants of the ten best results, after a
    number of mutations with geometric distribution of rate one half. Candidates are proposed in the order of
    the acquisition: expected improvement over the best result, or independent Thompson sampling, which draws
    one score for each candidate from its predicted distribution and suits large batches. A failed result is
    not proposed again and not learned from.

    The predictor learns from at most ``points`` results: the better half is never evicted, of the others the
    newest stay. This bounds the cost of a proposal, for a Gaussian process by the cube of ``points``.

    Differences from the papers: BANANAS predicts with an ensemble of networks, which can be passed as
    ``predictor``, and all its candidates are mutants.

    Args:
        space: Space to search.
        seed: Seed of the searcher's own generator.
        predictor: Factory of predictors, called without arguments; a predictor must depend on its examples
            only. `GraphProcess` by default.
        acquisition: ``"expected-improvement"`` or ``"thompson"``.
        initial: Number of random proposals at the beginning.
        candidates: Number of candidates in a pool.
        points: Largest number of results that the predictor learns from.
        distinct: Whether no key is proposed twice, nor one that was told.

    Raises:
        UsageError: An option is of the wrong kind or out of range, or the predictor predicts no standard
            deviations. If it is a function, that is known at the first fit.

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
        predictor: Callable[[], ProbabilisticPredictor] = GraphProcess,
        acquisition: str = "expected-improvement",
        initial: int = 10,
        candidates: int = 100,
        points: int = 200,
        distinct: bool = True,
    ) -> None:
        if acquisition not in ("expected-improvement", "thompson"):
            raise UsageError(f"acquisition must be 'expected-improvement' or 'thompson', got {acquisition!r}")
        check_callable(predictor=predictor)
        if hasattr(unwrap(predictor), "predict"):  # a class; the model of a function is checked at the fit
            _check_deviations(unwrap(predictor))
        check_whole(1, initial=initial, candidates=candidates)
        check_whole(2, points=points)
        super().__init__(space, seed=seed, distinct=distinct)
        self.predictor, self.acquisition = predictor, acquisition
        self.initial, self.candidates, self.points = initial, candidates, points
        self._memory = Memory(points)
        self._model: ProbabilisticPredictor | None = None  # fitted to the memory
        self._pool: list[Architecture] = []  # the best last

    def _propose(self) -> Architecture:
        beginning = max(self._proposed, self._memory.told) < self.initial
        chosen = None if beginning or not self._memory.architectures else self._choose()
        return chosen or self._sample_new()

    def _choose(self) -> Architecture | None:
        """The best new candidate by the acquisition; None if all that were drawn are known."""
        for _ in range(_POOLS):
            while self._pool:
                if self._is_new(candidate := self._pool.pop()):
                    return candidate
            self._pool = self._draw()
        return None

    def _draw(self) -> list[Architecture]:
        """Candidates in the order of the acquisition, the best last."""
        memory = self._memory
        if self._model is None:
            self._model = self.predictor()
            _check_deviations(self._model)
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
            # Far below the best result the improvement underflows to zero; the prediction then decides.
            order = np.lexsort((mean, expected_improvement(mean, std, max(memory.scores))))
        return [pool[index] for index in order]

    def _learn(self, architectures: Sequence[Architecture], scores: Floats) -> None:
        if len(architectures):
            self._memory.add(architectures, scores)
            self._model, self._pool = None, []

    def _rescore(self, score: Score) -> None:
        self._memory.rescore(score(self._memory.architectures))
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


def _check_deviations(predictor: Any) -> None:
    """Checks that a predictor, or its class, can predict standard deviations."""
    if "return_std" not in inspect.signature(predictor.predict).parameters:
        raise UsageError(
            f"predictor must have predict(architectures, return_std=True), which {name_of(predictor)} has not"
        )


def expected_improvement(mean: Floats, std: Floats, best: float) -> Floats:
    r"""The expected improvement of normal scores over the best, ``(architectures,)``.

    .. math:: \sigma \, (z \Phi(z) + \varphi(z)), \qquad z = (\mu - b) / \sigma
    """
    std = np.maximum(std, 1e-12)
    z = (np.asarray(mean) - best) / std
    return std * (z * ndtr(z) + np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi))

"""NAS-EA-FA: a genetic algorithm on predicted fitness."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import check_whole
from egraph.searchers._base import Score, Searcher
from egraph.searchers._members import draw_best
from egraph.searchers._memory import Memory
from egraph.searchers._options import check_callable
from egraph.searchers._renumbering import renumbered_copies
from egraph.spaces import SearchSpace
from egraph.surrogates.encoded_trees import EncodedTrees

__all__ = ["FitnessApproximation", "Predictor"]

Floats = NDArray[np.float64]

_TOURNAMENT = 3
_CROSSED = 0.5  # share of the children that have two parents


class Predictor(Protocol):
    """A predictor of scores."""

    def fit(self, architectures: Sequence[Architecture], scores: Sequence[float]) -> Any:
        """Learns from ``(architectures,)`` scores."""

    def predict(self, architectures: Sequence[Architecture]) -> Any:
        """Predicted scores, ``(architectures,)``."""


class FitnessApproximation(Searcher):
    """NAS-EA-FA V2: proposes the best of a genetic algorithm on predicted fitness, and the most distant.

    The first ``population`` proposals are random. Whenever the proposals are used up, the predictor is
    fitted to all results, augmented by up to ``copies`` renumberings of the vertices of each. A genetic
    algorithm starts from the best results and runs for ``generations``: tournaments of three by predicted
    fitness, half of the children crossed, all mutated, the best of parents and children survive. Proposals
    are the ``top`` by prediction of all individuals, and the ``far`` most distant from everything evaluated;
    random ones fill up if too few are new. Distance is the share of positions of the encoding at which two
    architectures differ, averaged over all results.

    Differences from the paper: crossover and mutation are those of the space, not of bits; outstanding
    results are not waited for; the predictor learns from at most ``points`` results, of which the better
    half is never evicted and of the others the newest stay. A failed result counts as evaluated and is not
    learned from.

    Args:
        space: Space to search; it must have an encoding.
        seed: Seed of the searcher's own generator.
        predictor: Factory of predictors, called without arguments; a predictor must depend on its examples
            only. None uses boosted trees on the encoding (`EncodedTrees`).
        population: Number of individuals of the genetic algorithm, and of random proposals at the beginning.
        generations: Number of generations of the genetic algorithm between proposals.
        top: Number of proposals with the best predictions.
        far: Number of proposals with the largest distance.
        copies: Renumbered copies of each result; 0 for a predictor that ignores the numbering.
        points: Largest number of results that the predictor learns from.
        distinct: Whether no key is proposed twice, nor one that was told.

    Raises:
        UsageError: An option is of the wrong kind or out of range, or the space has no encoding.

    References:
        Pan and Yao, "Neural Architecture Search Based on Evolutionary Algorithms with Fitness Approximation",
        IJCNN 2021, https://doi.org/10.1109/IJCNN52387.2021.9533986
    """

    name = "nas-ea-fa"

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        predictor: Callable[[], Predictor] | None = None,
        population: int = 20,
        generations: int = 5,
        top: int = 8,
        far: int = 2,
        copies: int = 3,
        points: int = 500,
        distinct: bool = True,
    ) -> None:
        if predictor is not None:
            check_callable(predictor=predictor)
        check_whole(1, population=population, generations=generations, top=top)
        check_whole(0, far=far, copies=copies)
        check_whole(2, points=points)
        super().__init__(space, seed=seed, distinct=distinct)
        self.predictor = predictor
        self.population, self.generations = population, generations
        self.top, self.far, self.copies, self.points = int(top), int(far), copies, points
        self._memory = Memory(points)
        # Number of results with an option at a position, (positions, options): one look-up gives a distance.
        self._counts = np.zeros((len(space.choices), max(space.choices)), dtype=np.int64)
        self._model: Predictor | None = None  # fitted to the memory
        self._queue: list[Architecture] = []  # the next one last
        self._left = 0  # proposals until the next evolution

    @classmethod
    def describe_options(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """Options as JSON-ready values; the predictor becomes its name."""
        return super().describe_options({**options, "predictor": options["predictor"] or EncodedTrees})

    def distances(self, architectures: Sequence[Architecture]) -> Floats:
        """Distance to all results: the mean share of positions that differ, in [0, 1]."""
        codes = np.array([self.space.encode(architecture) for architecture in architectures])
        alike = self._counts[np.arange(codes.shape[1]), codes]  # (architectures, positions)
        return 1 - alike.mean(axis=1) / max(self._memory.told, 1)

    def _propose(self) -> Architecture:
        beginning = max(self._proposed, self._memory.told) < self.population
        chosen = None if beginning or not self._memory.architectures else self._choose()
        return chosen or self._sample_new()

    def _choose(self) -> Architecture | None:
        """The next of the queue; None if the genetic algorithm found too few new ones."""
        if not self._left:
            self._queue, self._left = self._evolve(), self.top + self.far
        self._left -= 1
        while self._queue:
            if self._is_new(chosen := self._queue.pop()):
                return chosen
        return None

    def _evolve(self) -> list[Architecture]:
        """The next proposals: the most distant, then those of best prediction, best last."""
        if self._model is None:
            self._model = EncodedTrees(self.space) if self.predictor is None else self.predictor()
            self._model.fit(*self._examples())
        predictor = self._model
        members = self._memory.best(self.population)
        predicted = dict(zip(members, _scores(predictor, members), strict=True))
        for _ in range(self.generations):
            children = dict.fromkeys(self._breed(members, predicted) for _ in range(self.population))
            fresh = [child for child in children if child not in predicted]
            if fresh:
                predicted |= dict(zip(fresh, _scores(predictor, fresh), strict=True))
            members = sorted(dict.fromkeys([*members, *children]), key=predicted.__getitem__, reverse=True)
            members = members[: self.population]
        return self._select(predicted)

    def _examples(self) -> tuple[list[Architecture], list[float]]:
        """The results and their copies; a function of the results alone."""
        rng = np.random.default_rng(self._memory.told)
        architectures, scores = list(self._memory.architectures), list(self._memory.scores)
        for original, score in zip(self._memory.architectures, self._memory.scores, strict=True):
            copies = renumbered_copies(self.space, original, self.copies, rng)
            architectures += copies
            scores += [score] * len(copies)
        return architectures, scores

    def _breed(self, members: Sequence[Architecture], fitness: dict[Architecture, float]) -> Architecture:
        """A mutated child of one or two tournament winners."""
        parents = []
        for _ in range(1 + (self._rng.random() < _CROSSED)):
            winner = draw_best(len(members), _TOURNAMENT, lambda at: fitness[members[at]], self._rng)
            parents.append(members[winner])
        child = parents[0] if len(parents) == 1 else self.space.crossover(parents[0], parents[1], self._rng)
        return self.space.mutate(child, self._rng)

    def _select(self, predicted: dict[Architecture, float]) -> list[Architecture]:
        """The best by prediction and by distance, without known and repeated keys."""
        known = {self.space.key(architecture) for architecture in self._memory.architectures}
        candidates: list[Architecture] = []
        for architecture in sorted(predicted, key=predicted.__getitem__, reverse=True):
            if (key := self.space.key(architecture)) not in known:
                known.add(key)
                candidates.append(architecture)
        best, others = candidates[: self.top], candidates[self.top :]
        if not others:
            return best[::-1]
        farthest = np.argsort(-self.distances(others), kind="stable")[: self.far]
        return [*(others[position] for position in farthest[::-1]), *best[::-1]]

    def _learn(self, architectures: Sequence[Architecture], scores: Floats) -> None:
        self._memory.add(architectures, scores)
        self._model = None
        for architecture in architectures:
            code = self.space.encode(architecture)
            self._counts[np.arange(len(code)), list(code)] += 1

    def _rescore(self, score: Score) -> None:
        self._memory.rescore(score(self._memory.architectures))
        self._model, self._queue, self._left = None, [], 0

    def _state(self) -> dict[str, Any]:
        return {
            "memory": self._memory.state_dict(),
            "counts": self._counts.tolist(),
            "queue": [waiting.to_dict() for waiting in self._queue],
            "left": self._left,
        }

    def _load(self, state: dict[str, Any]) -> None:
        self._left, self._model = state["left"], None
        self._memory.load_state_dict(state["memory"])
        self._counts = np.array(state["counts"], dtype=np.int64)
        self._queue = [Architecture.from_dict(waiting) for waiting in state["queue"]]


def _scores(predictor: Predictor, architectures: Sequence[Architecture]) -> list[float]:
    return np.asarray(predictor.predict(architectures), dtype=np.float64).tolist()

"""Chooses the trials of a round among the candidates: the best predicted, and some unlike all before."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.canonical import simplify
from egraph.errors import OutOfDistributionWarning, SpaceExhaustedError
from egraph.searchers import Searcher, Step, run
from egraph.spaces import SearchSpace
from egraph.study._guide import Predictor
from egraph.study._trial import FAR, TOP

__all__ = ["Candidates", "choose", "gather", "predict", "score_untried"]

Values = NDArray[np.float64]

_PROMISING = 0.1  # share of the candidates, best predicted first, from which different ones are chosen
_BATCH = 50  # candidates scored at a time


@dataclass(frozen=True)
class Candidates:
    """The architectures that a search with the ranker as fitness has found.

    Attributes:
        architectures: Architectures that were not tried before, each key once.
        keys: Keys of the architectures.
        predicted: Predictions of the ranker, ``(candidates,)``.
        finders: Positions in ``names`` of the searchers that found them, ``(candidates,)``.
        names: Names of the searchers.
        scored: Number of architectures that the ranker scored in all.
        merit: What decides between candidates, higher first, ``(candidates,)``; None is ``predicted``.
    """

    architectures: list[Architecture]
    keys: list[str]
    predicted: Values
    finders: NDArray[np.int64]
    names: list[str]
    scored: int
    merit: Values | None = None

    @property
    def supplied(self) -> dict[str, int]:
        """Number of candidates by the name of their finder."""
        counts = np.bincount(self.finders, minlength=len(self.names))
        return dict(zip(self.names, counts.tolist(), strict=True))


def gather(
    finders: Mapping[str, tuple[Searcher, int]],
    model: Predictor,
    space: SearchSpace,
    tried: Collection[str],
    scale: Callable[[Values], Values] | None = None,
) -> Candidates:
    """Searches with the ranker as fitness.

    Args:
        finders: Searchers by their names, one after another, each with the number of architectures that the
            ranker scores for it. A candidate that several of them find counts for the first.
        model: Ranker.
        space: Search space.
        tried: Keys of all trials.
        scale: Function from predictions to the scores that the searchers are told; None tells predictions.
    """
    found: dict[str, tuple[Architecture, float, int]] = {}
    scored = 0
    for finder, (searcher, budget) in enumerate(finders.values()):
        predicted: list[float] = []

        def fitness(batch: Sequence[Architecture], predicted: list[float] = predicted) -> Values:
            scores = predict(model, batch)
            predicted.extend(scores.tolist())
            return scores if scale is None else scale(scores)

        history: tuple[Step, ...] = ()
        with contextlib.suppress(SpaceExhaustedError):
            history = run(searcher, fitness, budget, batch=_BATCH).history if budget else ()
        scored += len(history)
        for (architecture, _), score in zip(history, predicted, strict=True):
            key = space.key(architecture)
            if key not in tried and score == score:
                found.setdefault(key, (architecture, score, finder))
    return Candidates(
        [architecture for architecture, _, _ in found.values()],
        list(found),
        np.array([score for _, score, _ in found.values()], dtype=np.float64),
        np.array([finder for _, _, finder in found.values()], dtype=np.int64),
        list(finders),
        scored,
    )


def score_untried(
    everything: Mapping[str, Architecture], model: Predictor, tried: Collection[str], name: str
) -> Candidates:
    """Scores all architectures of a space, given by their keys, that were not tried; ``name`` finds them."""
    left = {key: architecture for key, architecture in everything.items() if key not in tried}
    predicted = predict(model, list(left.values())) if left else np.zeros(0)
    known = np.flatnonzero(~np.isnan(predicted))
    architectures, keys = list(left.values()), list(left)
    return Candidates(
        [architectures[row] for row in known],
        [keys[row] for row in known],
        predicted[known],
        np.zeros(len(known), dtype=np.int64),
        [name],
        len(left),
    )


def choose(
    candidates: Candidates,
    model: Predictor,
    tried: Sequence[Architecture],
    size: int,
    far: int,
    turns: Iterator[int],
) -> list[tuple[int, str]]:
    """Rows of the candidates to evaluate, each with its origin: top or far.

    Each row belongs to a finder by the turns. The first rows are the best predicted of their finders. Then
    follow ``far`` candidates out of the best tenth of their finders, each the one farthest from everything
    tried or chosen so far. The distance is Euclidean between the ranker's features.

    Args:
        candidates: Candidates of the round.
        model: Ranker.
        tried: Architectures of all trials.
        size: Number of rows.
        far: Number of them that are chosen for their distance.
        turns: Positions in ``candidates.names``, endlessly. A finder without candidates is replaced by the
            finder of the best predicted candidate that is left.
    """
    size = min(size, len(candidates.keys))
    far = min(far, size - 1)
    merit = candidates.predicted if candidates.merit is None else candidates.merit
    best_first = np.argsort(-merit, kind="stable")
    queues = [best_first[candidates.finders[best_first] == n].tolist() for n in range(len(candidates.names))]
    tenths = [max(1, int(len(queue) * _PROMISING)) for queue in queues]
    chosen: list[int] = []
    while len(chosen) < size - max(far, 0):
        chosen.append(_take_turn(queues, turns, merit).pop(0))
    top = [(row, TOP) for row in chosen]
    if far <= 0:
        return top
    queues = [queue[: max(tenth, far)] for queue, tenth in zip(queues, tenths, strict=True)]
    pool = [row for queue in queues for row in queue]
    around = [*tried, *(candidates.architectures[row] for row in chosen)]
    points = _features(model, [candidates.architectures[row] for row in pool] + around)
    points, known = points[: len(pool)], points[len(pool) :]
    nearest = np.min(np.linalg.norm(points[:, None] - known[None], axis=2), axis=1)  # (pool,)
    position = {row: n for n, row in enumerate(pool)}
    for _ in range(far):
        queue = _take_turn(queues, turns, merit)
        farthest = max(queue, key=lambda row: nearest[position[row]])
        queue.remove(farthest)
        top.append((farthest, FAR))
        nearest = np.minimum(nearest, np.linalg.norm(points - points[position[farthest]], axis=1))
    return top


def _take_turn(queues: Sequence[list[int]], turns: Iterator[int], merit: Values) -> list[int]:
    """The queue of the finder whose turn it is; that of the best row if its own is empty."""
    queue = queues[next(turns)]
    return queue or max((q for q in queues if q), key=lambda q: merit[q[0]])


def predict(model: Predictor, architectures: Sequence[Architecture]) -> Values:
    """The model's predictions, ``(architectures,)``, without `OutOfDistributionWarning`.

    Searches leave the training distribution on purpose: what they propose is measured, and the model
    refitted.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfDistributionWarning)
        return np.asarray(model.predict(list(architectures)), dtype=np.float64)


def _features(model: Predictor, architectures: list[Architecture]) -> Values:
    """The ranker's own features, or else counts of operations and edges, ``(architectures, features)``."""
    if hasattr(model, "features"):
        return np.asarray(model.features(architectures), dtype=np.float64)
    graphs = [simplify(architecture) for architecture in architectures]
    names = sorted({op for ops, _ in graphs for op in ops})
    return np.array(
        [[*(ops.count(name) for name in names), counts.sum()] for ops, counts in graphs], dtype=float
    )

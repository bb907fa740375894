"""Chooses the trials of a round among the candidates: the best predicted, and some unlike all before."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Mapping, Sequence
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
        finders: Indices of the searchers that found them, ``(candidates,)``.
        scored: Number of architectures that the ranker scored in all.
        merit: What decides between candidates, higher first, ``(candidates,)``; None is ``predicted``.
    """

    architectures: list[Architecture]
    keys: list[str]
    predicted: Values
    finders: NDArray[np.int64]
    scored: int
    merit: Values | None = None


def gather(
    searchers: Sequence[Searcher],
    model: Predictor,
    space: SearchSpace,
    tried: Mapping[str, Architecture],
    budget: int,
) -> Candidates:
    """Searches with the ranker as fitness. The searchers share the budget equally.

    Each searcher first gets the tried architectures with the ranker's own scores, so that all its scores are
    on one scale. The best come last, for searchers that forget the oldest.

    Args:
        searchers: Searchers, one after another.
        model: Ranker.
        space: Search space.
        tried: Architectures of all trials, by their keys.
        budget: Number of architectures that the ranker scores in all.
    """
    known = list(tried.values())
    scores = predict(model, known) if known else np.zeros(0)
    order = np.argsort(scores, kind="stable")
    found: dict[str, tuple[Architecture, float, int]] = {}
    scored = 0
    for finder, searcher in enumerate(searchers):
        if known:
            searcher.tell([known[i] for i in order], scores[order])
        history: tuple[Step, ...] = ()
        share = max(1, budget // len(searchers) + (finder < budget % len(searchers)))
        with contextlib.suppress(SpaceExhaustedError):
            history = run(searcher, lambda batch: predict(model, batch), share, batch=_BATCH).history
        scored += len(history)
        for architecture, score in history:
            key = space.key(architecture)
            if key not in tried and score == score:
                found.setdefault(key, (architecture, score, finder))
    return Candidates(
        [architecture for architecture, _, _ in found.values()],
        list(found),
        np.array([score for _, score, _ in found.values()], dtype=np.float64),
        np.array([finder for _, _, finder in found.values()], dtype=np.int64),
        scored,
    )


def score_untried(
    everything: Mapping[str, Architecture], model: Predictor, tried: Mapping[str, Architecture]
) -> Candidates:
    """Scores all architectures of a space, given by their keys, that were not tried."""
    left = {key: architecture for key, architecture in everything.items() if key not in tried}
    predicted = predict(model, list(left.values())) if left else np.zeros(0)
    known = np.flatnonzero(~np.isnan(predicted))
    architectures, keys = list(left.values()), list(left)
    return Candidates(
        [architectures[row] for row in known],
        [keys[row] for row in known],
        predicted[known],
        np.zeros(len(known), dtype=np.int64),
        len(left),
    )


def choose(
    candidates: Candidates, model: Predictor, tried: Sequence[Architecture], size: int, far: int
) -> list[tuple[int, str]]:
    """Rows of the candidates to evaluate, each with its origin: top or far.

    The best predicted come first, of the searchers in turn. Then follow ``far`` candidates out of the best
    tenth, each the one farthest from everything tried or chosen so far. The distance is Euclidean between the
    ranker's features.

    Args:
        candidates: Candidates of the round.
        model: Ranker.
        tried: Architectures of all trials.
        size: Number of rows.
        far: Number of them that are chosen for their distance.
    """
    order = _in_turns(candidates)
    size = min(size, len(order))
    far = min(far, size - 1)
    top = [int(row) for row in order[: size - far]]
    chosen = [(row, TOP) for row in top]
    if far <= 0:
        return chosen
    shortlist = order[size - far : max(size, int(len(order) * _PROMISING))]
    pool = [candidates.architectures[row] for row in shortlist]
    around = [*tried, *(candidates.architectures[row] for row in top)]
    points = _features(model, pool + around)
    points, known = points[: len(pool)], points[len(pool) :]
    nearest = np.min(np.linalg.norm(points[:, None] - known[None], axis=2), axis=1)  # (pool,)
    for _ in range(far):
        farthest = int(nearest.argmax())
        chosen.append((int(shortlist[farthest]), FAR))
        nearest = np.minimum(nearest, np.linalg.norm(points - points[farthest], axis=1))
        nearest[farthest] = -np.inf
    return chosen


def _in_turns(candidates: Candidates) -> NDArray[np.int64]:
    """Rows, the best predicted of each searcher first, then the second of each, and so on."""
    merit = candidates.predicted if candidates.merit is None else candidates.merit
    best_first = np.argsort(-merit, kind="stable")
    finders = candidates.finders[best_first]
    turns = np.zeros(len(finders), dtype=np.int64)
    for finder in np.unique(finders):
        own = finders == finder
        turns[own] = np.arange(own.sum())
    return best_first[np.lexsort((finders, turns))]


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

"""Chooses what is really evaluated: what the ranker finds promising, and some unlike all before."""

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

_PROMISING = 0.1  # share of the candidates, best predicted first, among which different ones are looked for
_BATCH = 50  # candidates that are scored at a time


@dataclass(frozen=True)
class Candidates:
    """What a search with the ranker as fitness has found.

    Attributes:
        architectures: none of them tried before, no key twice.
        keys: of the architectures.
        predicted: ``(candidates,)`` by the ranker.
        finders: ``(candidates,)``, which of the searchers found it.
        scored: how many the ranker scored in all.
    """

    architectures: list[Architecture]
    keys: list[str]
    predicted: Values
    finders: NDArray[np.int64]
    scored: int


def gather(
    searchers: Sequence[Searcher],
    model: Predictor,
    space: SearchSpace,
    tried: Mapping[str, Architecture],
    budget: int,
) -> Candidates:
    """Searches with the ranker as fitness, starting from what was tried; searchers share the budget equally.

    Each is told of everything tried with the ranker's own scores, so that all its numbers are of one scale;
    the best last, for searchers that forget the oldest.
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
    """All of a space that was not tried, by their keys."""
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
    """Rows of the candidates that shall be trained, and why: top or far.

    First the best predicted, of the searchers in turn; then, of the best tenth, ``far`` times the one
    farthest from everything tried or chosen so far. Distance is Euclidean between the ranker's features.
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
        place = int(nearest.argmax())
        chosen.append((int(shortlist[place]), FAR))
        nearest = np.minimum(nearest, np.linalg.norm(points - points[place], axis=1))
        nearest[place] = -np.inf
    return chosen


def _in_turns(candidates: Candidates) -> NDArray[np.int64]:
    """Rows, the best predicted of each searcher first, then the second of each, and so on."""
    best_first = np.argsort(-candidates.predicted, kind="stable")
    finders = candidates.finders[best_first]
    places = np.zeros(len(finders), dtype=np.int64)
    for finder in np.unique(finders):
        own = finders == finder
        places[own] = np.arange(own.sum())
    return best_first[np.lexsort((finders, places))]


def predict(model: Predictor, architectures: Sequence[Architecture]) -> Values:
    """What the model says, ``(architectures,)``, without a warning of what it has not seen.

    A study goes there on purpose: what it proposes is measured, and the model fitted again.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfDistributionWarning)
        return np.asarray(model.predict(list(architectures)), dtype=np.float64)


def _features(model: Predictor, architectures: list[Architecture]) -> Values:
    """``(architectures, features)``: the ranker's own, or else how often each operation occurs."""
    if hasattr(model, "features"):
        return np.asarray(model.features(architectures), dtype=np.float64)
    graphs = [simplify(architecture) for architecture in architectures]
    names = sorted({op for ops, _ in graphs for op in ops})
    return np.array(
        [[*(ops.count(name) for name in names), counts.sum()] for ops, counts in graphs], dtype=float
    )

"""How far an architecture lies from a ranker's training data."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from egraph.architecture import Architecture
from egraph.encoding import as_architectures

if TYPE_CHECKING:
    from egraph.ranker.ranker import Ranker

__all__ = ["Familiarity", "familiarity"]

Floats = NDArray[np.float64]

_USUAL = 0.95
_MOST_COMPARED = 400


@dataclass(frozen=True)
class Familiarity:
    """Differences between an architecture and the training data of a ranker.

    ``str`` gives them as one line.

    Attributes:
        unknown_operations: Operations that no training architecture has.
        vertices: Number of its vertices after simplification.
        largest: Number of vertices of the largest training architecture.
        distance: Distance to the nearest training architecture in standardised analytic features, over the
            distance within which 95 % of the training architectures have a neighbour. NaN where the ranker
            has no tabular models: these store the features.
    """

    unknown_operations: tuple[str, ...]
    vertices: int
    largest: int
    distance: float

    @property
    def inside(self) -> bool:
        """Whether the architecture is like the training data in all these respects."""
        return not self.unknown_operations and self.vertices <= self.largest and not self.distance > 1

    def __str__(self) -> str:
        unlike = []
        if count := len(self.unknown_operations):
            unlike.append(f"{count} unknown operation{'s' if count > 1 else ''}")
        if self.vertices > self.largest:
            unlike.append(f"{self.vertices} vertices where {self.largest} was the most")
        if self.distance > 1:
            unlike.append(
                f"{self.distance:.3g} times as far from the nearest training network as is usual there"
            )
        return f"outside: {', '.join(unlike)}" if unlike else "like the training data"


def familiarity(ranker: Ranker, architectures: Iterable[Architecture]) -> list[Familiarity]:
    """Compares each architecture with the training data; see `Ranker.familiarity`."""
    encodings = [ranker.encode([architecture]) for architecture in as_architectures(architectures)]
    standardiser = ranker.scorer_.standardiser
    distances = np.full(len(encodings), math.nan)
    if (tabular := ranker.scorer_.tabular) is not None and encodings:
        known = tabular.gaussian_process.inputs
        features = np.concatenate([standardiser.transform(encoding.features) for encoding in encodings])
        nearest = cdist(features, known).min(axis=1)
        usual = _usual_distance(known)
        distances = nearest / usual if usual > 0 else np.where(nearest > 0, math.inf, 0.0)
    return [
        Familiarity(encoding.unknown_operations, int(encoding.sizes[0]), ranker.largest_, float(distance))
        for encoding, distance in zip(encodings, distances, strict=True)
    ]


def _usual_distance(known: Floats) -> float:
    """Distance from most training architectures to the nearest different one; 0 where all are equal."""
    chosen = np.linspace(0, len(known) - 1, min(len(known), _MOST_COMPARED)).astype(int)
    distances = cdist(known[chosen], known)
    distances[distances < 1e-9] = math.inf
    nearest = distances.min(axis=1)
    nearest = nearest[np.isfinite(nearest)]
    return float(np.quantile(nearest, _USUAL)) if len(nearest) else 0.0

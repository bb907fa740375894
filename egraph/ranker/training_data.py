"""Validates the architectures and scores that estimators are given."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from egraph.architecture import Architecture
from egraph.encoding import as_architectures
from egraph.errors import UsageError

__all__ = ["read_scores", "read_training_data"]

Floats = NDArray[np.float64]


def read_training_data(
    architectures: Iterable[Architecture], scores: ArrayLike
) -> tuple[list[Architecture], Floats]:
    """Validates the arguments of ``fit``.

    Raises:
        UsageError: The scores are not one finite number per architecture, or are all equal.
    """
    graphs = as_architectures(architectures)
    values = read_scores(scores, len(graphs))
    if len(np.unique(values)) < 2:
        raise UsageError("scores must hold at least two distinct values, else there is nothing to rank")
    return graphs, values


def read_scores(scores: ArrayLike, count: int) -> Floats:
    """Validates the scores that ``fit`` and ``score`` are given.

    Raises:
        UsageError: The scores are not one finite number per architecture.
    """
    try:
        values = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError("scores must be numbers, one per architecture") from None
    if values.shape != (count,):
        raise UsageError(
            f"scores must be one number per architecture: {count} architectures, "
            f"scores of shape {values.shape}"
        )
    if not np.isfinite(values).all():
        bad = int(np.flatnonzero(~np.isfinite(values))[0])
        raise UsageError(
            f"scores must be finite, got {values[bad]} at position {bad}; leave failed trials out"
        )
    return values

"""Validates the architectures and scores that estimators are given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from egraph.architecture import Architecture
from egraph.canonical import canonical_form, simplify
from egraph.encoding import as_architectures
from egraph.errors import UsageError

__all__ = [
    "FEWEST_NETWORKS",
    "FEWEST_SCORES",
    "is_enough",
    "read_groups",
    "read_scores",
    "read_training_data",
]

FEWEST_NETWORKS = 5
"""Fewest distinct networks from which a ranker learns; with fewer, its predictions are arbitrary."""

FEWEST_SCORES = 3
"""Fewest distinct scores from which a ranker learns."""

Floats = NDArray[np.float64]


def read_training_data(
    architectures: Iterable[Architecture],
    scores: ArrayLike,
    distinct: int = FEWEST_SCORES,
    networks: int = FEWEST_NETWORKS,
) -> tuple[list[Architecture], Floats]:
    """Validates the arguments of ``fit``, of rankers and of baselines.

    Args:
        architectures: The first argument of ``fit``.
        scores: The second.
        distinct: Fewest distinct scores.
        networks: Fewest distinct networks.

    Raises:
        UsageError: The scores are not one finite number per architecture; or there are too few distinct
            scores or networks.
    """
    graphs = as_architectures(architectures)
    values = read_scores(scores, len(graphs))
    if (found := len(np.unique(values))) < distinct:
        raise UsageError(
            f"expected at least {distinct} distinct scores, got {found} of {len(values)} architectures; that "
            "is too little to rank"
        )
    if (count := _count_networks(graphs, networks)) < networks:
        raise UsageError(
            f"expected at least {networks} distinct networks, got {count} in {len(graphs)} architectures; "
            "measure more of them"
        )
    return graphs, values


def is_enough(architectures: Iterable[Architecture], scores: ArrayLike) -> bool:
    """Whether a ranker without a prior can learn from these."""
    distinct = len(np.unique(np.asarray(scores, dtype=np.float64)))
    return distinct >= FEWEST_SCORES and _count_networks(architectures, FEWEST_NETWORKS) >= FEWEST_NETWORKS


def _count_networks(architectures: Iterable[Architecture], most: int) -> int:
    """The number of distinct networks as rankers read them, at most ``most``."""
    found: set[tuple[str, object]] = set()
    for architecture in dict.fromkeys(architectures):
        if len(found) >= most:
            break
        found.add((canonical_form(simplify(architecture)), architecture.answers))
    return len(found)


def read_groups(
    groups: Iterable[Hashable] | None, scores: Floats
) -> tuple[NDArray[np.int64], NDArray[np.int64], dict[str, int]]:
    """Validates the groups that ``fit`` is given, and finds those whose scores can be compared.

    Args:
        groups: A name or a number per score; None for a single group.
        scores: ``(architectures,)``.

    Returns:
        Positions of the scores whose group has at least two distinct ones, ``(kept,)``; the number of each of
        their groups, ``(kept,)``; and the number of kept scores of each group by name, empty for one group.

    Raises:
        UsageError: The groups are not one name or number per score, or no group has two distinct scores.
    """
    everything = np.arange(len(scores))
    if groups is None:
        return everything, np.zeros(len(scores), np.int64), {}
    if isinstance(groups, str) or not isinstance(groups, Iterable):
        raise UsageError(f"groups must be one name or number per architecture, got only {groups!r}")
    names = [each.item() if isinstance(each, np.generic) else each for each in groups]
    if len(names) != len(scores):
        raise UsageError(
            "groups must be one name or number per architecture: "
            f"{len(scores)} architectures, {len(names)} groups"
        )
    for position, name in enumerate(names):
        if not isinstance(name, str | int):
            raise UsageError(f"groups must be names or whole numbers, got {name!r} at position {position}")
    number = {name: position for position, name in enumerate(dict.fromkeys(names))}
    codes = np.array([number[name] for name in names], np.int64)
    distinct = Counter(codes[np.unique(np.stack([codes, scores]), axis=1, return_index=True)[1]].tolist())
    kept = everything[[distinct[code] > 1 for code in codes.tolist()]]
    if not len(kept):
        raise UsageError(
            "scores are compared inside a group only, and each of the groups holds a single value; "
            "give at least one group two distinct scores"
        )
    counts = Counter(codes[kept].tolist())
    sizes = {str(name): counts[code] for name, code in number.items() if code in counts}
    return kept, codes[kept], sizes if len(sizes) > 1 else {}


def read_scores(scores: ArrayLike, count: int) -> Floats:
    """Validates the scores that ``fit`` and ``score`` are given.

    Raises:
        UsageError: The scores are not one finite number per architecture.
    """
    try:
        values = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
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

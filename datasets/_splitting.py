"""Parts of data that come undivided: stratified, and the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SPLIT_SEED", "split", "split_by_content"]

SPLIT_SEED = 0
"""Seed of every split of data. Changing it would change every published number."""


def split(y: NDArray[np.integer], shares: Sequence[float]) -> list[NDArray[np.intp]]:
    """Row numbers of the parts, each with about the same share of every class, in random order.

    Args:
        y: Classes, ``(examples,)``.
        shares: Shares of the parts, which add up to 1.
    """
    rng = np.random.Generator(np.random.PCG64(SPLIT_SEED))
    # Positions are equally spaced within each class, so that every cut of this order gives stratified parts.
    position = np.empty(len(y))
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        position[rng.permutation(rows)] = (np.arange(len(rows)) + rng.random()) / len(rows)
    order = np.argsort(position, kind="stable")
    cuts = np.round(np.cumsum(shares)[:-1] * len(y)).astype(int)
    return [rng.permutation(part) for part in np.split(order, cuts)]


def split_by_content(
    x: NDArray[Any], y: NDArray[np.integer], shares: Sequence[float]
) -> list[NDArray[np.intp]]:
    """Does what `split` does, whatever the order of the rows, and never divides equal inputs.

    Args:
        x: Inputs, ``(examples, ...)``.
        y: Classes, ``(examples,)``.
        shares: Shares of the parts, which add up to 1.
    """
    rows = np.ascontiguousarray(x).reshape(len(x), -1)
    marks = [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in rows]
    # By mark, then by class: neither depends on the place of a row.
    order = np.array(sorted(range(len(y)), key=lambda row: (marks[row], int(y[row]))), dtype=np.intp)
    fresh = np.array([row == 0 or marks[order[row]] != marks[order[row - 1]] for row in range(len(order))])
    first = np.flatnonzero(fresh)
    last = np.append(first[1:], len(order))
    return [
        np.concatenate([order[first[one] : last[one]] for one in part] or [order[:0]])
        for part in split(y[order[first]], shares)
    ]

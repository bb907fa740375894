"""Members of a population: genomes with scores, compared and drawn by score."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

__all__ = [
    "Member",
    "draw_best",
    "rank_failed_last",
    "read_members",
    "read_score",
    "write_members",
    "write_score",
]

G = TypeVar("G")


class Member(NamedTuple, Generic[G]):
    """A genome and its score; minus infinity if it failed."""

    genome: G
    score: float


def rank_failed_last(score: float) -> float:
    """The score, or minus infinity for a failed result, whose score is NaN."""
    return -math.inf if math.isnan(score) else score


def draw_best(count: int, size: int, key: Callable[[int], Any], rng: np.random.Generator) -> int:
    """A tournament: the best of ``size`` positions below ``count``, drawn with replacement.

    Args:
        count: Number of members.
        size: Number of positions drawn.
        key: Called with a position; the greatest value wins, the first drawn of equals.
        rng: Source of randomness.
    """
    return max(rng.integers(count, size=size).tolist(), key=key)


def write_score(score: float) -> float | None:
    """A score as a JSON-ready value: None in place of minus infinity."""
    return None if score == -math.inf else score


def read_score(content: float | None) -> float:
    """Reads what `write_score` returned."""
    return -math.inf if content is None else content


def write_members(members: Iterable[Member[G]], write: Callable[[G], Any]) -> list[Any]:
    """Members as JSON-ready values, if ``write`` returns such for a genome."""
    return [[write(genome), write_score(score)] for genome, score in members]


def read_members(content: Sequence[Any], read: Callable[[Any], G]) -> list[Member[G]]:
    """Reads what `write_members` returned."""
    return [Member(read(genome), read_score(score)) for genome, score in content]

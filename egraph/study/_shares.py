"""The mixture of a round: whose candidates are scored and trained, and how many are to be different."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from egraph.checks import to_plain
from egraph.errors import UsageError

__all__ = ["DEFAULT", "Mixture", "divide", "read_shares", "turns"]

DEFAULT = (60.0, 30.0, 10.0)
"""Percentages of the searchers, of mutants of the best, and of random samples."""

_GOLDEN = (math.sqrt(5) - 1) / 2


def read_shares(shares: Sequence[float] | None) -> tuple[float, float, float]:
    """Percentages of the searchers, of mutants of the best, and of random samples; the default for None.

    Raises:
        UsageError: They are not three numbers that sum to 100.
    """
    if shares is None:
        return DEFAULT
    shares = to_plain(shares)
    numbers = list(shares) if isinstance(shares, Sequence) and not isinstance(shares, str) else []
    usable = len(numbers) == 3 and all(
        isinstance(one, int | float) and not isinstance(one, bool) and one >= 0 for one in numbers
    )
    if not usable or not math.isclose(sum(numbers), 100, abs_tol=0.01):
        raise UsageError(
            "shares must be three percentages that sum to 100, of the searcher, of mutants and of random "
            f"samples, such as (60, 30, 10), got {shares!r}"
        )
    return (float(numbers[0]), float(numbers[1]), float(numbers[2]))


@dataclass(frozen=True, slots=True)
class Mixture:
    """How a round is mixed.

    Attributes:
        shares: Percentages of the searchers, of mutants of the best, and of random samples.
        far: Number of trials that are chosen to be different.
    """

    shares: tuple[float, float, float] = DEFAULT
    far: int = 2

    def explore(self, samples: float, far: int) -> Mixture:
        """The mixture with at least this percentage of random samples, and at least ``far`` different trials.

        The other two shares keep their proportion.
        """
        searcher, mutants, own = self.shares
        samples = max(samples, own)
        kept = (100 - samples) / (searcher + mutants) if searcher + mutants else 0.0
        shares = (searcher * kept, mutants * kept, samples if kept else 100.0)
        return replace(self, shares=shares, far=max(far, self.far))


def divide(budget: int, weights: Sequence[float]) -> list[int]:
    """Divides a budget in proportion to weights; the largest remainders get what is left."""
    total = sum(weights)
    exact = [budget * weight / total for weight in weights]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(weights)), key=lambda n: parts[n] - exact[n])
    for n in by_remainder[: budget - sum(parts)]:
        parts[n] += 1
    return parts


def turns(weights: Sequence[float], start: int) -> Iterator[int]:
    """Indices of the weights, endlessly; each has its share of any stretch, within about one.

    The sequence is that of the multiples of the golden ratio modulo 1, so that it depends on the position
    alone and weights may change in between.

    Args:
        weights: Weights.
        start: Position in the sequence.
    """
    bounds = list(accumulate(weight / sum(weights) for weight in weights))
    bounds[-1] = 1.0
    while True:
        point = (start * _GOLDEN + 0.5) % 1.0
        yield next(index for index, bound in enumerate(bounds) if point < bound)
        start += 1

"""Operations that a later stage of a search keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from egraph.spaces.relaxation import Position, Probabilities

__all__ = ["strongest"]


def strongest(
    positions: Mapping[str, Position], probabilities: Probabilities, count: Callable[[int], int]
) -> dict[str, list[int]]:
    """The numbers of the most probable options of each position, in their order.

    Args:
        positions: Positions by name, with all options.
        probabilities: Probabilities of the options.
        count: Number of options that are kept of so many. At least two are, where there are two.
    """
    kept = {}
    for name, position in positions.items():
        size = len(position.options)
        order = np.argsort(-probabilities[name], kind="stable")
        kept[name] = sorted(order[: min(size, max(2, count(size)))].tolist())
    return kept

"""Columns that a function of the caller adds to the analytic features, such as zero-cost scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from egraph.architecture import Architecture
from egraph.errors import UsageError

__all__ = ["Columns", "Filling", "measure", "name"]

Floats = NDArray[np.float64]

Columns = Callable[[Sequence[Architecture]], ArrayLike]
"""Function from architectures to ``(architectures, columns)``, or ``(architectures,)`` for one column.

NaN marks a missing number. Architectures that compute the same must get equal numbers: otherwise they may be
in the training data and among the held-out data at once.
"""


def name(columns: Columns) -> str:
    """Name for messages: the object that a method is bound to, or the name of a function."""
    owner = getattr(columns, "__self__", columns)
    return getattr(columns, "__name__", repr(owner)) if owner is columns else repr(owner)


def measure(columns: Columns, architectures: Sequence[Architecture]) -> Floats:
    """The function's values, ``(architectures, columns)``; NaN where they are not finite.

    Raises:
        UsageError: The values are not numbers, or of another shape.
    """
    found: ArrayLike = columns(architectures)
    try:
        values = np.array(found, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError(f"the columns of {name(columns)} must be numbers") from None
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or len(values) != len(architectures) or not values.shape[1]:
        raise UsageError(
            f"the columns of {name(columns)} must be (architectures, columns): "
            f"for {len(architectures)} architectures it gave shape {np.shape(found)}"
        )
    values[~np.isfinite(values)] = np.nan
    return values


@dataclass(frozen=True, eq=False)
class Filling:
    """Replaces missing numbers by the column's median, and marks them in a second column.

    Attributes:
        medians: Medians of the known numbers of the training data, ``(columns,)``; 0 where there are none.
    """

    medians: Floats

    @classmethod
    def fit(cls, values: Floats) -> Filling:
        """Measures the training data, ``(architectures, columns)``."""
        known = [column[~np.isnan(column)] for column in values.T]
        return cls(np.array([np.median(column) if len(column) else 0.0 for column in known]))

    @property
    def groups(self) -> list[str]:
        """Group of each feature that `fill` returns: a column and its mark are one group."""
        return 2 * [f"column {number}" for number in range(len(self.medians))]

    def fill(self, values: Floats) -> Floats:
        """``(architectures, columns)`` to features without NaN, ``(architectures, 2 * columns)``.

        Raises:
            UsageError: The number of columns is not that of the training data.
        """
        if values.shape[1] != len(self.medians):
            raise UsageError(
                f"the ranker was fitted with {len(self.medians)} columns of its caller, got {values.shape[1]}"
            )
        missing = np.isnan(values)
        return np.hstack([np.where(missing, self.medians, values), missing])

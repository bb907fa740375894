"""Boosted trees on the places of an encoding: what `nas-ea-fa` predicts with where nothing else is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.spaces import SearchSpace

__all__ = ["EncodedTrees"]


class EncodedTrees:
    """Gradient boosting of scikit-learn, one column for each option at each place.

    Seed 001 uses XGBoost; a hundred trees of depth three on some hundred examples are the same in kind.

    Args:
        space: must give an encoding.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space

    def fit(self, architectures: Sequence[Architecture], scores: Sequence[float]) -> Self:
        """Grows trees for ``(architectures,)`` scores."""
        from sklearn.ensemble import GradientBoostingRegressor

        self._model = GradientBoostingRegressor(random_state=0).fit(self._columns(architectures), scores)
        return self

    def predict(self, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """Predicted scores, ``(architectures,)``."""
        return self._model.predict(self._columns(architectures))

    def _columns(self, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
        """One-hot options, ``(architectures, sum of choices)``."""
        choices = self._space.choices
        codes = np.array([self._space.encode(architecture) for architecture in architectures])
        columns = np.zeros((len(codes), sum(choices)), dtype=np.float32)
        offsets = np.cumsum((0, *choices[:-1]))
        columns[np.arange(len(codes))[:, None], codes + offsets] = 1.0
        return columns

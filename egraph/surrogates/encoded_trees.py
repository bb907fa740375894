"""Regressors on encoded architectures, and boosted trees on the choices of a space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from egraph.architecture import Architecture
from egraph.spaces import SearchSpace

__all__ = ["EncodedRegressor", "EncodedTrees"]


class EncodedRegressor:
    """A regressor of another library that reads encoded architectures.

    Args:
        encode: Encodes architectures as rows of numbers, ``(architectures, columns)``.
        regressor: Unfitted, with ``fit`` and ``predict`` as in scikit-learn.
    """

    def __init__(self, encode: Callable[[Sequence[Architecture]], NDArray[Any]], regressor: Any) -> None:
        self._encode = encode
        self._regressor = regressor

    def fit(self, architectures: Sequence[Architecture], scores: ArrayLike) -> Self:
        """Fits the regressor to ``(architectures,)`` scores."""
        self._regressor.fit(self._encode(architectures), scores)
        return self

    def predict(self, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """Predicted scores, ``(architectures,)``."""
        return np.asarray(self._regressor.predict(self._encode(architectures)), dtype=np.float64)


class EncodedTrees:
    """Gradient boosting by scikit-learn on the one-hot options of each choice.

    NAS-EA-FA uses XGBoost; a hundred trees of depth three on some hundreds of examples are of the same kind
    and need no further package.

    Args:
        space: Search space with an encoding.

    References:
        Pan and Yao, "Neural Architecture Search Based on Evolutionary Algorithms with Fitness Approximation",
        IJCNN 2021, https://doi.org/10.1109/IJCNN52387.2021.9533986
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space

    def fit(self, architectures: Sequence[Architecture], scores: ArrayLike) -> Self:
        """Grows trees for ``(architectures,)`` scores."""
        from sklearn.ensemble import GradientBoostingRegressor  # slow to load

        model = EncodedRegressor(self._encode, GradientBoostingRegressor(random_state=0))
        self._model = model.fit(architectures, scores)
        return self

    def predict(self, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """Predicted scores, ``(architectures,)``."""
        return self._model.predict(architectures)

    def _encode(self, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
        """One-hot options, ``(architectures, sum of choices)``."""
        choices = self._space.choices
        codes = np.array([self._space.encode(architecture) for architecture in architectures])
        columns = np.zeros((len(codes), sum(choices)), dtype=np.float32)
        offsets = np.cumsum((0, *choices[:-1]))
        columns[np.arange(len(codes))[:, None], codes + offsets] = 1.0
        return columns

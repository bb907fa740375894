"""Scores for searchers that see measured and predicted ones, on one scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.spaces import SearchSpace
from egraph.study._guide import Predictor
from egraph.study._selection import predict
from egraph.study._trial import Trial

__all__ = ["Estimates"]

Values = NDArray[np.float64]


class Estimates:
    """The measured score where there is one, else the ranker's prediction on the scale of measured scores.

    Measured scores stay as they are for the whole study. A ranker's scale may be another one, and changes at
    each fit. So predictions are shifted and stretched: over the complete trials, they then have the mean and
    the standard deviation of the scores. This keeps their order, also that of a ranker which is wrong.

    Args:
        model: Ranker of the round.
        space: Search space.
        done: Trials of the search that have a result.
    """

    def __init__(self, model: Predictor, space: SearchSpace, done: Sequence[Trial]) -> None:
        self._model, self._space = model, space
        self._measured = {trial.key: trial.score for trial in done}
        complete = [trial for trial in done if trial.state == "complete"]
        self._shift, self._stretch = 0.0, 1.0
        if complete:
            scores = np.array([trial.score for trial in complete])
            predicted = predict(model, [trial.architecture for trial in complete])
            if predicted.std() > 0 and scores.std() > 0:  # false for NaN
                self._stretch = float(scores.std() / predicted.std())
            shift = float(scores.mean() - self._stretch * predicted.mean())
            self._shift = shift if np.isfinite(shift) else 0.0

    def scale(self, predicted: Values) -> Values:
        """Predictions on the scale of measured scores, ``(architectures,)``."""
        return self._shift + self._stretch * predicted

    def __call__(self, architectures: Sequence[Architecture]) -> Values:
        """Scores ``(architectures,)``; NaN for a failed trial."""
        keys = [self._space.key(architecture) for architecture in architectures]
        scores = np.array([self._measured.get(key, np.nan) for key in keys], dtype=np.float64)
        rest = [row for row, key in enumerate(keys) if key not in self._measured]
        if rest:
            scores[rest] = self.scale(predict(self._model, [architectures[row] for row in rest]))
        return scores

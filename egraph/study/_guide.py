"""Fits the ranker to all trials before each round."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from egraph.architecture import Architecture
from egraph.study._recalibration import EACH_ROUND, Recalibration
from egraph.study._trial import Trial

__all__ = ["Guide", "Model", "Predictor", "is_fitted"]


class Predictor(Protocol):
    """A model that scores architectures; ``features``, such as `egraph.Ranker` has, are optional."""

    def predict(self, architectures: Sequence[Architecture]) -> Any:
        """Scores ``(architectures,)``, higher is better."""


class Model(Predictor, Protocol):
    """A ranker that can learn."""

    def fit(self, architectures: Sequence[Architecture], scores: Any) -> Any:
        """Learns from measured architectures."""


class Guide:
    """Fits copies of a ranker to the trials of a study.

    Args:
        learner: Ranker, which is copied and never changed.
        fewest: Number of trials that must have succeeded before it learns; at least 2.
        prior: Fitted ranker that guides until then; the copies of the learner have it as their prior.
        recalibration: Rule for fitting it again.
    """

    def __init__(
        self,
        learner: Model,
        fewest: int,
        prior: Predictor | None = None,
        recalibration: Recalibration = EACH_ROUND,
    ) -> None:
        self.prior, self.recalibration = prior, recalibration
        self._learner = learner
        self._fewest = max(2, fewest)
        self._fitted: tuple[tuple[tuple[int, float], ...], Predictor] | None = None

    def fit(self, trials: Sequence[Trial]) -> tuple[Predictor | None, int]:
        """Fits the ranker for the next round.

        A failed trial counts as the worst successful one, so that such networks are avoided.

        Returns:
            The ranker and the number of trials that it learned from. If too few trials have succeeded, or all
            with the same score, the number is 0, and the ranker is the prior, or None.
        """
        done = [trial for trial in trials if trial.state in ("complete", "failed")]
        succeeded = [trial.score for trial in done if trial.state == "complete"]
        if len(succeeded) < self._fewest or len(set(succeeded)) < 2:
            return self.prior, 0
        worst = min(succeeded)
        scores = np.array([worst if math.isnan(trial.score) else trial.score for trial in done])
        data = tuple((trial.number, trial.score) for trial in done if trial.state == "complete")
        if self._fitted is None or self._fitted[0] != data:
            model = _fresh_copy(self._learner)
            model.fit([trial.architecture for trial in done], scores)
            self._fitted = data, model
        return self._fitted[1], len(done)

    def describe(self) -> dict[str, object]:
        """The ranker and its settings as JSON-ready values, with its prior."""
        learner: Any = self._learner
        parameters = learner.get_params(deep=False) if hasattr(learner, "get_params") else {}
        plain = {
            key: value if _is_plain(value) else repr(value)
            for key, value in parameters.items()
            if key != "prior"
        }
        described: dict[str, object] = {"ranker": _name(learner), "parameters": plain}
        if self.prior is not None:
            own = self.prior.describe() if hasattr(self.prior, "describe") else {}
            described["prior"] = {"ranker": _name(self.prior), **own}
        return described


def _name(ranker: object) -> str:
    return f"{type(ranker).__module__}.{type(ranker).__qualname__}"


def is_fitted(ranker: object) -> bool:
    """Whether the ranker is fitted, by the conventions of scikit-learn; it need not be an estimator."""
    if hasattr(ranker, "__sklearn_is_fitted__"):
        return bool(ranker.__sklearn_is_fitted__())
    return any(name.endswith("_") and not name.startswith("_") for name in vars(ranker))


def _fresh_copy(ranker: Model) -> Model:
    """An unfitted ranker with the same settings."""
    from sklearn.base import clone

    copied: Model = clone(ranker) if hasattr(ranker, "get_params") else copy.deepcopy(ranker)
    return copied


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool)

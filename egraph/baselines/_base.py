"""The base class of baselines: conventions of scikit-learn, units, and files."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import kendalltau
from sklearn.base import BaseEstimator, RegressorMixin
from torch import Tensor

from egraph.architecture import Architecture
from egraph.baselines._files import save
from egraph.encoding import Vocabulary, as_architectures, in_parts
from egraph.errors import UsageError
from egraph.ranker.labels import rank_gauss
from egraph.ranker.parameters import settle_parameters
from egraph.ranker.scale import Scale
from egraph.ranker.training_data import read_scores, read_training_data

__all__ = ["Baseline"]

Floats = NDArray[np.float64]


class Baseline(RegressorMixin, BaseEstimator, ABC):
    """A predictor by a published method, used like `egraph.ranker.Ranker`.

    All baselines learn the normal quantiles of the ranks of the scores, and map predictions back to the scale
    of the scores. The docstring of each names its other differences from the paper.

    Attributes:
        invariant: Whether graphs that compute the same get the same score.
        vocabulary_: Operations of the training data.
        training_: Architectures and scores of the training data.
        n_trials_: Number of training architectures.
        card: Model card that `save` was given, or that the file held.
    """

    invariant: ClassVar[bool] = True
    seed: int
    card_: Mapping[str, Any]

    @property
    def card(self) -> Mapping[str, Any]:
        """The model card: JSON-ready values that describe where this baseline comes from."""
        return getattr(self, "card_", {})

    def fit(self, architectures: Iterable[Architecture], scores: ArrayLike) -> Self:
        """Learns from measured architectures.

        Args:
            architectures: At least five distinct networks.
            scores: ``(architectures,)``, finite, higher is better, at least three distinct ones.

        Raises:
            UsageError: An argument is invalid.
        """
        settle_parameters(self)
        graphs, values = read_training_data(architectures, scores)
        self._remember(graphs, values, {})
        return self

    def predict(self, architectures: Iterable[Architecture]) -> Floats:
        """Predicted scores in units of the training scores, ``(architectures,)``; higher is better.

        Raises:
            UsageError: The baseline is not fitted yet.
            ArchitectureError: An operation is unknown, or the graph is too large for the method.
        """
        self._check_fitted()
        scores = [self.scale_.to_scores(self._latent(part)) for part in in_parts(architectures)]
        return np.concatenate([np.zeros(0), *scores])

    def __call__(self, architectures: Iterable[Architecture]) -> Floats:
        """`predict`: a fitted baseline is a fitness."""
        return self.predict(architectures)

    def score(
        self, architectures: Iterable[Architecture], scores: ArrayLike, sample_weight: None = None
    ) -> float:
        """Kendall's tau-b between predicted and measured scores.

        Raises:
            UsageError: The scores are not finite, or not one per architecture; or the baseline is not fitted.
        """
        graphs = as_architectures(architectures)
        return float(kendalltau(read_scores(scores, len(graphs)), self.predict(graphs)).statistic)

    def save(self, path: str | os.PathLike[str], card: Mapping[str, Any] | None = None) -> None:
        """Writes the baseline to one file, whole or not at all; `egraph.load` reads it.

        The file holds the training data. If the method trains a network, it also holds the weights; other
        baselines are fitted again when they are loaded.

        Args:
            path: where to.
            card: JSON-ready values that describe where the baseline comes from.

        Raises:
            UsageError: The baseline is not fitted yet, or the card is not JSON-ready.
            FailedError: The file cannot be written.
        """
        self._check_fitted()
        self.card_ = save(self, path, self.card if card is None else card)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "training_")

    def _remember(self, graphs: Sequence[Architecture], values: Floats, weights: dict[str, Tensor]) -> None:
        """Fits to the data, or restores the weights of an earlier fit to the same data."""
        self.vocabulary_ = Vocabulary.of(graphs)
        self.scale_ = Scale.fit(values)
        targets = rank_gauss(values)
        if weights:
            self._restore(graphs, weights)
        else:
            self._learn(graphs, targets)
        self.training_ = (tuple(graphs), values)
        self.n_trials_ = len(values)
        self.card_ = {}

    @abstractmethod
    def _learn(self, graphs: Sequence[Architecture], targets: Floats) -> None:
        """Fits to normal quantiles, ``(graphs,)``; the vocabulary is set already."""

    @abstractmethod
    def _latent(self, graphs: Sequence[Architecture]) -> Floats:
        """Predicted normal quantiles, ``(graphs,)``."""

    def _weights(self) -> dict[str, Tensor]:
        """Tensors that a file holds beside the training data, for `_restore`."""
        return {}

    def _restore(self, graphs: Sequence[Architecture], weights: dict[str, Tensor]) -> None:
        raise ValueError("weights of a method that has none")

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise UsageError(
                f"this {type(self).__name__} is not fitted yet; call fit(architectures, scores) first"
            )

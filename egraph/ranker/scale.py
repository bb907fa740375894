"""Maps between the ranker's inner units and those of the user: features, scores, probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from egraph.ranker.heads import three_way
from egraph.ranker.labels import Labels, pairs_within, rank_gauss

__all__ = ["Scale", "Standardiser", "fit_three_way"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Standardiser:
    """Standardises features to mean 0 and standard deviation 1 on the training data; drops constant ones.

    Attributes:
        kept: Positions of the features that vary, ``(kept,)``.
        mean: Means of these, ``(kept,)``.
        sd: Standard deviations of these, ``(kept,)``.
    """

    kept: NDArray[np.int64]
    mean: Floats
    sd: Floats

    @classmethod
    def fit(cls, features: Floats) -> Standardiser:
        """Fits to the training data, ``(graphs, features)``."""
        sd = features.std(axis=0)
        kept = np.flatnonzero(sd > 1e-9)
        return cls(kept, features.mean(axis=0)[kept], sd[kept])

    def transform(self, features: Floats) -> Floats:
        """``(graphs, features)`` to ``(graphs, kept)``, clipped at eight standard deviations."""
        return np.clip((features[:, self.kept] - self.mean) / self.sd, -8.0, 8.0)


@dataclass(frozen=True)
class Scale:
    """The strictly increasing map from normal quantiles to scores.

    Attributes:
        quantiles: Normal quantile of each distinct training score, increasing.
        scores: Distinct training scores, increasing.
    """

    quantiles: Floats
    scores: Floats

    @classmethod
    def fit(cls, scores: Floats) -> Scale:
        """Fits to training scores, of which at least two must differ."""
        distinct, first = np.unique(scores, return_index=True)
        return cls(rank_gauss(scores)[first], distinct)

    @classmethod
    def identity(cls) -> Scale:
        """The map that leaves normal quantiles as they are."""
        ends = np.array([-1.0, 1.0])
        return cls(ends, ends.copy())  # a file does not store one array under two names

    def to_scores(self, latent: Floats) -> Floats:
        """Maps latent scores linearly between training scores, and beyond these with their overall slope."""
        q, s = self.quantiles, self.scores
        slope = (s[-1] - s[0]) / (q[-1] - q[0])
        outside = np.minimum(latent - q[0], 0.0) + np.maximum(latent - q[-1], 0.0)
        return np.interp(latent, q, s) + slope * outside

    def to_latent(self, scores: Floats) -> Floats:
        """The inverse of `to_scores`."""
        q, s = self.quantiles, self.scores
        slope = (q[-1] - q[0]) / (s[-1] - s[0])
        outside = np.minimum(scores - s[0], 0.0) + np.maximum(scores - s[-1], 0.0)
        return np.interp(scores, s, q) + slope * outside


def fit_three_way(latent: Floats, labels: Labels) -> tuple[float, float]:
    """Maximum-likelihood steepness and threshold of the Rao-Kupper model.

    Args:
        latent: Predictions, ``(graphs,)``, preferably made without the example in question.
        labels: Measured scores; pairs of one group are compared.
    """
    i, j = pairs_within(labels.groups, 300)
    ahead, difference = (latent[i] - latent[j]), (labels.scores[i] - labels.scores[j])
    outcome = 1 + (difference > labels.margin).astype(int) - (difference < -labels.margin).astype(int)

    def cost(parameters: Floats) -> float:
        p = three_way(np.exp(parameters[0]) * ahead, np.exp(parameters[1]))
        # A weak penalty keeps both parameters finite when every pair is predicted correctly.
        likelihood = np.log(p[np.arange(len(p)), outcome] + 1e-12).mean() if len(p) else 0.0
        return float(-likelihood + 1e-3 * (parameters**2).mean())

    found = minimize(
        cost, np.array([0.5, -1.5]), method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-6}
    )
    steepness, threshold = np.exp(np.clip(found.x, -6.0, 6.0))
    return float(steepness), float(threshold)

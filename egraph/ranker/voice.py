"""How the opinion of a prior joins the latent scores of an ensemble."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from egraph.encoding import Encoding
from egraph.ranker.labels import centre
from egraph.ranker.scale import Scale

__all__ = ["Voice"]

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

_SPREAD, _SPREAD_COUNTS = 0.55, 4
"""Usual standard deviation of opinions, in latent scores, and its weight in labels."""


@dataclass(frozen=True, eq=False)
class Voice:
    """The share and the scale of a prior's opinions.

    Encodings for a ranker with a prior have one more feature, the last: the prior's opinion. Neither networks
    nor tabular models read it.

    Attributes:
        share: Share of the prior in the ensemble, in [0, 1].
        mean: Mean of its opinions on the training data.
        gain: Factor that gives its opinions the spread of the ensemble's own.
        scale: Map from its units to latent scores, for a prior that has none of its own.
    """

    share: float
    mean: float
    gain: float
    scale: Scale | None = None

    @classmethod
    def fit(cls, share: float, prior: Floats, own: Floats | None, groups: Numbers, has_scale: bool) -> Voice:
        """Fits the scale.

        Args:
            share: Share of the prior.
            prior: Its opinions on the training data, ``(graphs,)``.
            own: Held-out predictions of the ensemble, ``(graphs,)``; None where none were held out.
            groups: Number of each score's group, ``(graphs,)``; spreads are those inside groups.
            has_scale: Whether the prior's opinions are latent scores.
        """
        scale = None
        if not has_scale and len(np.unique(prior)) > 1:
            scale = Scale.fit(prior)
            prior = scale.to_latent(prior)
        gain = (_SPREAD if own is None else _spread(centre(own, groups))) / _spread(centre(prior, groups))
        return cls(share, float(prior.mean()), gain, scale)

    def opinions(self, encoding: Encoding) -> Floats:
        """The prior's opinions, in the scale of the ensemble's own, ``(graphs,)``."""
        said = encoding.features[:, -1]
        return self.gain * ((said if self.scale is None else self.scale.to_latent(said)) - self.mean)

    def join(self, own: Floats, encoding: Encoding) -> Floats:
        """Latent scores of ensemble and prior together, ``(graphs,)``."""
        return (1 - self.share) * own + self.share * self.opinions(encoding)

    def variance(self, own: Floats, variance: Floats, encoding: Encoding) -> Floats:
        """Variance of the mixture of both; a prior's own errors are as large as the spread of the scores.

        Args:
            own: Latent scores of the ensemble alone, ``(graphs,)``.
            variance: Their variances, ``(graphs,)``.
            encoding: The same graphs.
        """
        apart = self.opinions(encoding) - own
        return (1 - self.share) * variance + self.share + self.share * (1 - self.share) * apart**2


def _spread(opinions: Floats) -> float:
    """Standard deviation; with few opinions close to the usual one."""
    count = len(opinions)
    return float(np.sqrt((opinions.var() * count + _SPREAD**2 * _SPREAD_COUNTS) / (count + _SPREAD_COUNTS)))

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


_REACH = 1.0
"""How many spreads from the mean of its opinions on the training data a prior keeps its share. Chosen by
`benchmarks/recalibration.py`, seeds 100 to 102."""


@dataclass(frozen=True, eq=False)
class Voice:
    r"""The share and the scale of a prior's opinions.

    The share is that among architectures like the training data. A search measures only what looks best, and
    labels of the best say little of how well the ensemble orders the others. Outside the range of the prior's
    opinions on the training data its share therefore grows, from :math:`s` to

    .. math:: s^{\exp(-d^2 / 2)}

    where an opinion lies :math:`d` spreads outside. A share of 0 stays 0.

    Encodings for a ranker with a prior have one more feature, the last: the prior's opinion. Neither networks
    nor tabular models read it.

    Attributes:
        share: Share of the prior in the ensemble, in [0, 1].
        mean: Mean of its opinions on the training data.
        gain: Factor that gives its opinions the spread of the ensemble's own.
        spread: That spread.
        scale: Map from its units to latent scores, for a prior that has none of its own.
    """

    share: float
    mean: float
    gain: float
    spread: float
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
        spread = _SPREAD if own is None else _spread(centre(own, groups))
        return cls(share, float(prior.mean()), spread / _spread(centre(prior, groups)), spread, scale)

    def opinions(self, encoding: Encoding) -> Floats:
        """The prior's opinions, in the scale of the ensemble's own, ``(graphs,)``."""
        said = encoding.features[:, -1]
        return self.gain * ((said if self.scale is None else self.scale.to_latent(said)) - self.mean)

    def join(self, own: Floats, encoding: Encoding) -> Floats:
        """Latent scores of ensemble and prior together, ``(graphs,)``."""
        opinions = self.opinions(encoding)
        share = self.shares(opinions)
        return (1 - share) * own + share * opinions

    def shares(self, opinions: Floats) -> Floats:
        """The prior's share for each of its opinions, ``(graphs,)``."""
        outside = np.maximum(np.abs(opinions) / self.spread - _REACH, 0.0)
        shares: Floats = self.share ** np.exp(-(outside**2) / 2)
        return shares

    def variance(self, own: Floats, variance: Floats, encoding: Encoding) -> Floats:
        """Variance of the mixture of both; a prior's own errors are as large as the spread of the scores.

        Args:
            own: Latent scores of the ensemble alone, ``(graphs,)``.
            variance: Their variances, ``(graphs,)``.
            encoding: The same graphs.
        """
        opinions = self.opinions(encoding)
        share, apart = self.shares(opinions), opinions - own
        return (1 - share) * variance + share + share * (1 - share) * apart**2


def _spread(opinions: Floats) -> float:
    """Standard deviation; with few opinions close to the usual one."""
    count = len(opinions)
    return float(np.sqrt((opinions.var() * count + _SPREAD**2 * _SPREAD_COUNTS) / (count + _SPREAD_COUNTS)))

"""Learns the weights of an ensemble from predictions on held-out data (stacking)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from egraph.ranker.labels import Labels, pairs_within, spread_within

__all__ = ["fit_shares"]

Floats = NDArray[np.float64]

_STRENGTH = 30.0
"""Weight of the penalty for leaving the usual shares, as a number of architectures."""

_MOST = 600
_LEAST_WEIGHT = 1e-3


def fit_shares(opinions: Floats, labels: Labels, usual: Floats) -> Floats:
    r"""The shares with which a weighted sum of opinions best orders pairs as the scores do.

    .. math::
        \min_w \; n \, \overline{\log(1 + e^{-w \cdot (z_a - z_b)})} + \lambda \, |w / \textstyle\sum w - u|^2
        \quad \text{over pairs of } a \text{ better than } b \text{ in one group}

    Args:
        opinions: Prediction of each part for each architecture, held out, ``(parts, architectures)``.
        labels: Scores of the architectures.
        usual: Usual shares :math:`u`, which prevail with little data, ``(parts,)``; they sum to 1.

    Returns:
        Positive shares of sum 1, ``(parts,)``.

    References:
        Wolpert: Stacked generalization, Neural Networks 5, 1992
    """
    count = len(labels)
    first, second = pairs_within(labels.groups, _MOST)
    sign = np.sign(labels.scores[first] - labels.scores[second])
    if not sign.any():
        return usual
    spread = np.maximum(spread_within(opinions, labels.groups), 1e-9)[:, None]
    ahead = (((opinions[:, first] - opinions[:, second]) * sign) / spread)[:, sign != 0]

    def cost(weights: Floats) -> tuple[float, Floats]:
        margins, total = weights @ ahead, weights.sum()
        apart = weights / total - usual
        value = count * np.logaddexp(0.0, -margins).mean() + _STRENGTH * (apart @ apart)
        wrong = 1 / (1 + np.exp(margins))  # margins are a few units: no overflow
        gradient = -count * (ahead @ wrong) / len(margins)
        gradient += 2 * _STRENGTH * (apart - apart @ weights / total) / total
        return float(value), gradient

    found = minimize(
        cost, 3 * usual, jac=True, method="L-BFGS-B", bounds=[(_LEAST_WEIGHT, 50.0)] * len(usual)
    )
    return found.x / found.x.sum()

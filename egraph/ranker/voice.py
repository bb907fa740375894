"""How the opinion of a prior joins the latent scores of an ensemble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.ranker.labels import Labels, centre
from egraph.ranker.scale import Scale
from egraph.surrogates.gaussian_process import GaussianProcess

__all__ = ["Voice", "measure_spread"]

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

_SPREAD, _SPREAD_COUNTS = 0.55, 4
"""Usual standard deviation of opinions, in latent scores, and its weight in labels."""
_SLOPE = 0.8
"""Expected latent score of an opinion that lies one spread above the mean."""
_LENGTH, _NOISE = 2.0, 0.5
"""Length scale of the correction, and variance of its noise over that of its signal. Chosen by the transfers
of docs/results/ranker-parts.md, seeds 100 and up."""
_REACH = 1.0
"""How many spreads from the mean of a prior's opinions on the training data their range goes."""


@dataclass(frozen=True, eq=False)
class Voice:
    r"""A prior's opinions, corrected by the labels, with their share and their scale.

    A prior that was learned elsewhere is often right but for a trend: one data set rewards depth more than
    another. Its opinions are therefore the mean of a Gaussian process, which few labels are enough to bend:

    .. math:: f(x) = 0.8 \, \frac{z(x) - \bar z}{\sigma_z} + g(x)

    with the prior's opinion :math:`z` and a smooth process :math:`g` over the analytic features, conditioned
    on what the labels differ by.

    A search measures only what looks best. There the prior has little left to tell apart, and labels of the
    best say little of the others, neither how well the ensemble orders them nor how the prior errs. Outside
    the range of the prior's opinions on the training data, the correction therefore fades, and the prior's
    share grows from ``share`` to ``far``, both by :math:`e^{-d^2 / 2}` where an opinion lies :math:`d`
    spreads outside.

    Encodings for a ranker with a prior have one more feature, the last: the prior's opinion. Neither networks
    nor tabular models read it.

    Attributes:
        share: Share of the prior in the ensemble, in [0, 1].
        far: Its share far outside the range of the training data, at least ``share``.
        mean: Mean of its opinions on the training data.
        unit: Their spread.
        gain: Factor that gives corrected opinions the spread of the ensemble's own.
        process: Fitted process of the correction.
        scale: Map from the prior's units to latent scores, for one that has none of its own.

    References:
        Kennedy, O'Hagan: Predicting the output from a complex computer code when fast approximations are
        available, Biometrika 87, 2000
    """

    share: float
    far: float
    mean: float
    unit: float
    gain: float
    process: GaussianProcess
    scale: Scale | None = None

    @classmethod
    def fit(
        cls,
        share: float,
        far: float,
        prior: Floats,
        inputs: Floats,
        labels: Labels,
        spread: float,
        has_scale: bool,
    ) -> Voice:
        """Fits the correction and the scale.

        Args:
            share: Share of the prior.
            far: Its share far outside the range of the training data.
            prior: Its opinions on the training data, ``(graphs,)``.
            inputs: Standardised features of the training data, ``(graphs, features)``.
            labels: Its scores.
            spread: Spread of the ensemble's own predictions.
            has_scale: Whether the prior's opinions are latent scores.
        """
        scale = None
        if not has_scale and len(np.unique(prior)) > 1:
            scale = Scale.fit(prior)
            prior = scale.to_latent(prior)
        said = centre(prior, labels.groups)
        mean, unit = float(prior.mean()), measure_spread(prior, labels.groups)
        expected = _SLOPE * (said - said.mean()) / unit
        lengths = np.full(inputs.shape[1], _LENGTH)
        process = GaussianProcess(inputs, labels.targets - expected, lengths, _NOISE)
        corrected = measure_spread(expected + process.leave_one_out(), labels.groups)
        return cls(share, far, mean, unit, spread / corrected, process, scale)

    def without(self, rows: Rows) -> Voice:
        """The same voice, whose correction has not seen the labels at the given positions."""
        seen, process = np.delete(np.arange(len(self.process.targets)), rows), self.process
        own = GaussianProcess(process.inputs[seen], process.targets[seen], process.lengths, process.noise)
        return replace(self, process=own)

    def opinions(self, inputs: Floats, said: Floats) -> Floats:
        """The prior's opinions, corrected, in the scale of the ensemble's own, ``(graphs,)``.

        Args:
            inputs: Standardised features, ``(graphs, features)``.
            said: What the prior says, ``(graphs,)``.
        """
        correction = self.process.predict(inputs) * self._inside(said)
        return self.gain * (_SLOPE * self._standardised(said) + correction)

    def join(self, own: Floats, inputs: Floats, said: Floats) -> Floats:
        """Latent scores of ensemble and prior together, ``(graphs,)``.

        Args:
            own: Latent scores of the ensemble alone, ``(graphs,)``.
            inputs: Standardised features, ``(graphs, features)``.
            said: What the prior says, ``(graphs,)``.
        """
        share = self.shares(said)
        return (1 - share) * own + share * self.opinions(inputs, said)

    def join_uncertain(
        self, own: Floats, variance: Floats, inputs: Floats, said: Floats
    ) -> tuple[Floats, Floats]:
        """Latent scores of ensemble and prior together, and their variances, ``(graphs,)`` each.

        The variance is that of the mixture of both; a prior's own errors are as large as the spread of the
        scores.

        Args:
            own: Latent scores of the ensemble alone, ``(graphs,)``.
            variance: Their variances, ``(graphs,)``.
            inputs: Standardised features, ``(graphs, features)``.
            said: What the prior says, ``(graphs,)``.
        """
        share, opinions = self.shares(said), self.opinions(inputs, said)
        joined = (1 - share) * own + share * opinions
        return joined, (1 - share) * variance + share + share * (1 - share) * (opinions - own) ** 2

    def shares(self, said: Floats) -> Floats:
        """The prior's share for each of its opinions, ``(graphs,)``."""
        return self.far - (self.far - self.share) * self._inside(said)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What a file keeps as tensors; `restore` reads it, with `numbers`."""
        return {"inputs": self.process.inputs, "targets": self.process.targets}

    def numbers(self) -> dict[str, float]:
        """What a file keeps as JSON."""
        return {name: getattr(self, name) for name in ("share", "far", "mean", "unit", "gain")}

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]], numbers: Mapping[str, float], width: int) -> Voice:
        """Makes the voice that gave these `arrays` and `numbers`, for a number of features.

        Files of schema 5 have no correction, and the spread of the ensemble's own predictions.
        """
        numbers = {name: float(value) for name, value in numbers.items()}
        share, mean, gain = (numbers[name] for name in ("share", "mean", "gain"))
        lengths = np.full(width, _LENGTH)
        if "spread" in numbers:
            spread = numbers["spread"]
            nothing = GaussianProcess(np.zeros((1, width)), np.zeros(1), lengths, _NOISE)
            return cls(share, float(share > 0), mean, spread / gain, spread / _SLOPE, nothing)
        process = GaussianProcess(arrays["inputs"], arrays["targets"], lengths, _NOISE)
        return cls(share, numbers["far"], mean, numbers["unit"], gain, process)

    def _inside(self, said: Floats) -> Floats:
        """1 in the range of the prior's opinions on the training data, and 0 far outside, ``(graphs,)``."""
        outside = np.maximum(np.abs(self._standardised(said)) - _REACH, 0.0)
        inside: Floats = np.exp(-(outside**2) / 2)
        return inside

    def _standardised(self, said: Floats) -> Floats:
        return ((said if self.scale is None else self.scale.to_latent(said)) - self.mean) / self.unit


def measure_spread(opinions: Floats | None, groups: Rows) -> float:
    """Standard deviation of opinions inside groups; of few opinions, or none, close to the usual one."""
    if opinions is None:
        return _SPREAD
    count, variance = len(opinions), centre(opinions, groups).var()
    return float(np.sqrt((variance * count + _SPREAD**2 * _SPREAD_COUNTS) / (count + _SPREAD_COUNTS)))

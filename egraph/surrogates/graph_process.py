"""A Gaussian process on graphs: the default predictor of the searcher ``bayesian``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from egraph.architecture import Architecture
from egraph.errors import UsageError
from egraph.surrogates.exact_inference import choose_evenly, matern, unit_noise_likelihoods
from egraph.surrogates.weisfeiler_lehman import SubtreeCounts

__all__ = ["GraphProcess"]

Floats = NDArray[np.float64]

_MOST_FOR_SELECTION = 64
_LENGTHS = (0.5, 1.0, 2.0, 4.0)  # in units of the median distance
_NOISES = np.geomspace(1e-4, 1.0, 9)  # variances of the noise over that of the signal


class GraphProcess:
    r"""Gaussian process on counts of Weisfeiler-Lehman subtrees, for architectures of any space.

    .. math::
        k(x, x') = s^2 \left( (1 + r) e^{-r} + \nu \, [x = x'] \right), \qquad
        r = \frac{\sqrt 3}{l} \lVert \phi(x) - \phi(x') \rVert

    where :math:`\phi` are the counts of `weisfeiler_lehman.count_subtrees`. Length :math:`l` and noise
    :math:`\nu` are the likeliest of a grid on at most 64 of the examples, :math:`s^2` is the variance of the
    scores.

    Differences from the paper: graphs are simplified first, edges are read in both directions, the kernel is
    Matern 3/2 instead of the normalised product of the counts, and the depth is fixed at 2.

    Attributes:
        length: Length scale :math:`l`, in counts.
        noise: Variance of the noise over the variance of the signal, :math:`\nu`.

    References:
        Ru et al., "Interpretable Neural Architecture Search via Bayesian Optimisation with
        Weisfeiler-Lehman Kernels", ICLR 2021, https://arxiv.org/abs/2006.07556
    """

    def fit(self, architectures: Sequence[Architecture], scores: Sequence[float]) -> Self:
        """Conditions on ``(architectures,)`` scores.

        Raises:
            UsageError: There is no example.
        """
        if not len(architectures):
            raise UsageError("a Gaussian process needs at least one example, got none")
        self._examples = SubtreeCounts(architectures)
        targets = np.asarray(scores, dtype=np.float64)
        self._mean, self._scale = float(targets.mean()), float(targets.std()) or 1.0
        with _one_thread():
            self._condition((targets - self._mean) / self._scale)
        return self

    def predict(
        self, architectures: Sequence[Architecture], return_std: bool = False
    ) -> Floats | tuple[Floats, Floats]:
        """The posterior mean ``(architectures,)``, and on request the standard deviation without noise."""
        with _one_thread():
            kernel = _kernel(self._examples.distances(architectures) / self.length)
            mean = self._mean + self._scale * (kernel @ self._weights)
            explained = np.square(kernel @ self._factor_inverse.T).sum(axis=1)
        std = self._scale * np.sqrt(np.maximum(1.0 - explained, 0.0))
        return (mean, std) if return_std else mean

    def _condition(self, targets: Floats) -> None:
        distances = self._examples.distances()
        self.length, self.noise = _select(distances, targets)
        covariance = _kernel(distances / self.length)
        covariance[np.diag_indices_from(covariance)] += self.noise
        self._factor_inverse = np.linalg.inv(np.linalg.cholesky(covariance))
        self._weights = self._factor_inverse.T @ (self._factor_inverse @ targets)


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def _one_thread() -> AbstractContextManager[object]:
    """Limits BLAS to one thread: more do not pay for small matrices, and change the last digits."""
    return _threads().limit(limits=1)


def _select(distances: Floats, targets: Floats) -> tuple[float, float]:
    """The likeliest length scale and noise of the grid."""
    chosen = choose_evenly(len(targets), _MOST_FOR_SELECTION)
    distances, targets = distances[np.ix_(chosen, chosen)], targets[chosen]
    apart = distances[distances > 1e-6]
    median = float(np.median(apart)) if apart.size else 1.0
    best = (-np.inf, median, 1.0)
    for length in _LENGTHS:
        likelihoods = unit_noise_likelihoods(_kernel(distances / (length * median)), targets, _NOISES)
        noise = int(likelihoods.argmax())
        best = max(best, (float(likelihoods[noise]), length * median, float(_NOISES[noise])))
    return best[1:]


def _kernel(distances: Floats) -> Floats:
    return matern(np.sqrt(3.0) * distances)

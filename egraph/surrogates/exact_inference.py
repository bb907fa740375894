"""Exact inference in a Gaussian process: the posterior, and the likelihood of noise levels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

__all__ = ["choose_evenly", "factorise", "matern", "noise_likelihoods", "solve", "unit_noise_likelihoods"]

Floats = NDArray[np.float64]


def matern(r: Floats) -> Floats:
    r"""The Matern 3/2 kernel of distances that are scaled by :math:`\sqrt 3` over the length scale."""
    return (1 + r) * np.exp(-r)


def factorise(kernel: Floats, noise: float) -> Floats:
    """The lower Cholesky factor of the covariance over the variance of the signal, ``(examples, examples)``.

    Args:
        kernel: Kernel of the training data, ``(examples, examples)``; the noise is added to it in place.
        noise: Variance of the noise over the variance of the signal.
    """
    kernel[np.diag_indices_from(kernel)] += noise
    return linalg.cholesky(kernel, lower=True)


def solve(factor: Floats, targets: Floats) -> Floats:
    """Applies the inverse covariance: for targets, the weights of the kernel in the posterior mean.

    Args:
        factor: Lower Cholesky factor.
        targets: ``(examples,)`` or ``(examples, columns)``.
    """
    return linalg.cho_solve((factor, True), targets)


def noise_likelihoods(kernel: Floats, targets: Floats, noises: Floats) -> Floats:
    """Log marginal likelihoods under the likeliest signal variance, without constants, ``(noises,)``.

    One eigendecomposition of the kernel serves all noises: noise adds to each eigenvalue and keeps the
    eigenvectors.

    Args:
        kernel: ``(examples, examples)``.
        targets: ``(examples,)``, of mean zero.
        noises: Variances of the noise over the variance of the signal.
    """
    values, vectors = linalg.eigh(kernel)
    projected = (vectors.T @ targets) ** 2
    found = []
    for noise in noises:
        spectrum = np.maximum(values, 0.0) + noise
        signal = max(float((projected / spectrum).mean()), 1e-12)
        found.append(-0.5 * (len(targets) * math.log(signal) + float(np.log(spectrum).sum())))
    return np.array(found)


def unit_noise_likelihoods(kernel: Floats, targets: Floats, noises: Floats) -> Floats:
    """Twice the log marginal likelihoods under a signal variance of 1, without constants, ``(noises,)``.

    For targets of standard deviation 1; arguments as for `noise_likelihoods`.
    """
    # NumPy's eigenvectors differ from SciPy's in their last digits, and seeded histories depend on these.
    values, vectors = np.linalg.eigh(kernel)
    spectrum = np.maximum(values, 0.0) + noises[:, None]  # (noises, examples)
    return (-np.square(vectors.T @ targets) / spectrum - np.log(spectrum)).sum(axis=1)


def choose_evenly(count: int, most: int) -> NDArray[np.int64]:
    """At most that many of ``count`` positions, evenly spaced, ends included.

    Likelihoods cost the cube of the number of examples, and some hundreds are enough to choose a few numbers.
    """
    return np.linspace(0, count - 1, min(count, most)).astype(int)

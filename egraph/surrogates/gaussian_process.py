"""An exact Gaussian process on feature vectors, with one length scale for each group of features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from egraph.surrogates.exact_inference import choose_evenly, factorise, matern, noise_likelihoods, solve

__all__ = ["GaussianProcess"]

Floats = NDArray[np.float64]

_LENGTHS = np.geomspace(0.5, 32.0, 10)
# The least noise keeps the covariance well conditioned, and absorbs what the features do not tell apart. The
# most is three times the signal, where predictions are close to the mean of the targets.
_NOISES = np.geomspace(3e-4, 3.0, 17)
_MOST_FOR_SELECTION = 600
_STEPS = 40
_ROWS_AT_ONCE = 256
"""Rows of one product: few enough that their kernel stays in the cache of a core."""


@dataclass(frozen=True, eq=False)
class GaussianProcess:
    r"""Matern 3/2 kernel with white noise; length scales and noise have the greatest posterior probability.

    .. math::
        k(x, x') = s^2 \left( (1 + r) e^{-r} + \nu \, [x = x'] \right), \qquad
        r^2 = \frac{3}{d} \sum_i \left( \frac{x_i - x'_i}{l_i} \right)^2

    Attributes:
        inputs: Standardised features of the training data, ``(graphs, features)``.
        targets: ``(graphs,)``, of mean zero.
        lengths: Length scales :math:`l_i`, ``(features,)``.
        noise: Variance of the noise over the variance of the signal, :math:`\nu`.
        signal: Likeliest variance of the signal, :math:`s^2`.
        factor: Lower Cholesky factor of the training data's covariance over :math:`s^2`.
        weights: Weights of the kernel to each training example in the posterior mean, ``(graphs,)``.

    References:
        Rasmussen, Williams: Gaussian processes for machine learning, 2006, chapters 4.2, 5.1 and 5.4
    """

    inputs: Floats
    targets: Floats
    lengths: Floats
    noise: float
    signal: float = field(init=False, repr=False)
    factor: Floats = field(init=False, repr=False)
    weights: Floats = field(init=False, repr=False)
    _scaled: Floats = field(init=False, repr=False)

    @classmethod
    def fit(cls, inputs: Floats, targets: Floats, groups: Sequence[str] | None = None) -> GaussianProcess:
        """Chooses length scales and noise, and conditions on the data.

        A grid search finds the likeliest common length scale and noise. From there, gradient ascent finds a
        length scale for each group of features. A prior keeps these close: the logarithm of a group's inverse
        squared length scale is normal around the mean of all groups with standard deviation 1.

        Args:
            inputs: Standardised features, ``(graphs, features)``.
            targets: ``(graphs,)``, of mean zero.
            groups: Name of each feature's group; None gives all features the same length scale.
        """
        chosen = choose_evenly(len(inputs), _MOST_FOR_SELECTION)
        x, y = inputs[chosen], targets[chosen]
        length, noise = _common(x, y)
        names = sorted(set(groups)) if groups is not None else []
        if len(names) < 2:
            return cls(inputs, targets, np.full(inputs.shape[1], length), noise)
        member = np.array([names.index(group) for group in groups or []])
        lengths, noise = _by_group(x, y, member, length, noise)
        return cls(inputs, targets, lengths[member], noise)

    def __post_init__(self) -> None:
        scaled = self._scale(self.inputs)
        factor = factorise(_kernel(_squares(scaled, scaled)), self.noise)
        weights = solve(factor, self.targets)
        object.__setattr__(self, "_scaled", scaled)
        object.__setattr__(self, "factor", factor)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "signal", float(self.targets @ self.weights) / len(self.targets))

    # PyTorch computes predictions: the threads of NumPy's BLAS would wait actively after each product, and
    # compete with PyTorch's own for the same cores.

    def predict(self, inputs: Floats) -> Floats:
        """The posterior mean, ``(graphs,)``."""
        weights = torch.from_numpy(self.weights)
        parts = torch.from_numpy(self._scale(inputs)).split(_ROWS_AT_ONCE)
        return torch.cat([self._kernel_to(part) @ weights for part in parts]).numpy()

    def variance(self, inputs: Floats) -> Floats:
        """Predictive variance of a measured target, noise included, ``(graphs,)``."""
        factor = torch.from_numpy(self.factor)
        parts = torch.from_numpy(self._scale(inputs)).split(_ROWS_AT_ONCE)
        solved = (
            torch.linalg.solve_triangular(factor, self._kernel_to(part).T, upper=False) for part in parts
        )
        explained = torch.cat([part.square_().sum(dim=0) for part in solved]).numpy()
        # A measurement is noisy even where the function is known, and rounding must not hide that.
        return self.signal * np.maximum(1.0 + self.noise - explained, self.noise)

    def leave_one_out(self) -> Floats:
        """Posterior mean of each training example given the others, ``(graphs,)``."""
        inverse = solve(self.factor, np.eye(len(self.targets)))
        return self.targets - self.weights / np.diag(inverse)

    def _kernel_to(self, scaled: torch.Tensor) -> torch.Tensor:
        """The kernel to the training data, ``(graphs, training graphs)``."""
        known = torch.from_numpy(self._scaled)
        squares = torch.addmm(known.square().sum(dim=1), scaled, known.T, alpha=-2)
        squares.add_(scaled.square().sum(dim=1, keepdim=True)).clamp_(min=0)
        r = squares.mul_(3).sqrt_()
        decay = torch.exp(-r)
        return decay.addcmul_(r, decay)

    def _scale(self, inputs: Floats) -> Floats:
        return inputs / (self.lengths * math.sqrt(max(inputs.shape[1], 1)))


def _squares(a: Floats, b: Floats) -> Floats:
    return np.maximum((a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T, 0.0)


def _kernel(squares: Floats) -> Floats:
    return matern(np.sqrt(3 * squares))


def _common(x: Floats, y: Floats) -> tuple[float, float]:
    """The likeliest common length scale and noise of the grid."""
    squares = _squares(x, x) / max(x.shape[1], 1)
    best, length, noise = -math.inf, 1.0, 1.0
    for candidate in _LENGTHS:
        likelihoods = noise_likelihoods(_kernel(squares / candidate**2), y, _NOISES)
        chosen = int(likelihoods.argmax())
        if likelihoods[chosen] > best:
            best, length, noise = float(likelihoods[chosen]), float(candidate), float(_NOISES[chosen])
    return length, noise


def _by_group(
    x: Floats, y: Floats, member: NDArray[np.int64], length: float, noise: float
) -> tuple[Floats, float]:
    """Length scales of the groups, ``(groups,)``, and noise, from a common start."""
    count = int(member.max()) + 1
    parts = [x[:, member == group] for group in range(count)]
    squares = np.stack([_squares(part, part) for part in parts]) / x.shape[1]

    def cost(parameters: Floats) -> tuple[float, Floats]:
        """The negative logarithm of the posterior density, and its gradient."""
        inverse_squares, ratio = np.exp(parameters[:-1]), np.exp(parameters[-1])
        distance = np.tensordot(inverse_squares, squares, 1)
        factor = factorise(_kernel(distance), ratio)
        inverse = solve(factor, np.eye(len(y)))
        weights = inverse @ y
        signal = max(float(y @ weights) / len(y), 1e-12)
        apart = parameters[:-1] - parameters[:-1].mean()
        value = 0.5 * len(y) * math.log(signal) + float(np.log(np.diag(factor)).sum())
        # The derivative by the covariance; that of the kernel by a squared distance is -3/2 exp(-r).
        slope = 0.5 * (inverse - np.outer(weights, weights) / signal)
        by_distance = slope * -1.5 * np.exp(-np.sqrt(3 * distance))
        gradient = np.tensordot(squares, by_distance, 2) * inverse_squares + apart
        return value + 0.5 * float(apart @ apart), np.append(gradient, np.trace(slope) * ratio)

    start = np.append(np.full(count, -2 * math.log(length)), math.log(noise))
    bounds = [(-14.0, 4.0)] * count + [(math.log(_NOISES[0]), math.log(_NOISES[-1]))]
    found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _STEPS})
    return np.exp(-0.5 * found.x[:-1]), float(np.exp(found.x[-1]))

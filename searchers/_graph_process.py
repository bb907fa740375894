"""A Gaussian process over graphs: what `bayesian` predicts with where nothing else is given."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache, lru_cache
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from threadpoolctl import ThreadpoolController

from egraph.architecture import Architecture
from egraph.canonical import simplify
from egraph.errors import UsageError

__all__ = ["GraphProcess", "count_subtrees"]

Floats = NDArray[np.float64]

_DEPTH = 2  # rounds of relabelling: how far a vertex sees
_MOST_FOR_SELECTION = 64
_LENGTHS = (0.5, 1.0, 2.0, 4.0)  # times the median distance
_NOISES = np.geomspace(1e-4, 1.0, 9)  # variance of the noise over that of the signal


class GraphProcess:
    r"""Gaussian process on counts of Weisfeiler-Lehman subtrees, which reads every space.

    .. math::
        k(x, x') = s^2 \left( (1 + r) e^{-r} + \nu \, [x = x'] \right), \qquad
        r = \frac{\sqrt 3}{l} \lVert \phi(x) - \phi(x') \rVert

    where :math:`\phi` are the counts of `count_subtrees`. Length :math:`l` and noise :math:`\nu` are the
    likeliest of a grid on at most 64 of the examples, :math:`s^2` is the variance of the scores.

    What differs from the paper: the counts of the simplified graph, with edges in both directions, in a
    Matern 3/2 kernel instead of their normalised product; the depth is fixed at 2.

    Attributes:
        length: :math:`l`, in counts.
        noise: :math:`\nu`, noise variance over signal variance.

    References:
        Ru et al., "Interpretable Neural Architecture Search via Bayesian Optimisation with
        Weisfeiler-Lehman Kernels", ICLR 2021, https://arxiv.org/abs/2006.07556
    """

    def fit(self, architectures: Sequence[Architecture], scores: Sequence[float]) -> Self:
        """Conditions on ``(architectures,)`` scores.

        Raises:
            UsageError: there is no example.
        """
        if not len(architectures):
            raise UsageError("a Gaussian process needs at least one example, got none")
        self._column: dict[str, int] = {}
        for architecture in architectures:
            for subtree in count_subtrees(architecture):
                self._column.setdefault(subtree, len(self._column))
        self._examples = self._count(architectures)
        targets = np.asarray(scores, dtype=np.float64)
        self._mean, self._scale = float(targets.mean()), float(targets.std()) or 1.0
        with _one_thread():
            self._condition((targets - self._mean) / self._scale)
        return self

    def predict(
        self, architectures: Sequence[Architecture], return_std: bool = False
    ) -> Floats | tuple[Floats, Floats]:
        """The posterior mean ``(architectures,)``; on request also the standard deviation, without noise."""
        counts = self._count(architectures)
        with _one_thread():
            kernel = _matern(_distances(counts, self._examples) / self.length)  # (architectures, examples)
            mean = self._mean + self._scale * (kernel @ self._weights)
            explained = np.square(kernel @ self._factor_inverse.T).sum(axis=1)
        std = self._scale * np.sqrt(np.maximum(1.0 - explained, 0.0))
        return (mean, std) if return_std else mean

    def _condition(self, targets: Floats) -> None:
        distances = _distances(self._examples, self._examples)
        self.length, self.noise = _select(distances, targets)
        covariance = _matern(distances / self.length)
        covariance[np.diag_indices_from(covariance)] += self.noise
        self._factor_inverse = np.linalg.inv(np.linalg.cholesky(covariance))
        self._weights = self._factor_inverse.T @ (self._factor_inverse @ targets)

    def _count(self, architectures: Sequence[Architecture]) -> _Counts:
        counts = [count_subtrees(architecture) for architecture in architectures]
        known = [
            (row, self._column[subtree], count)
            for row, one in enumerate(counts)
            for subtree, count in one.items()
            if subtree in self._column
        ]
        rows, columns, values = np.array(known, dtype=np.int64).reshape(-1, 3).T
        shape = (len(counts), len(self._column))
        return _Counts(
            csr_array((values.astype(np.float64), (rows, columns)), shape=shape),
            np.array([sum(count**2 for count in one.values()) for one in counts], dtype=np.float64),
        )


class _Counts(NamedTuple):
    """Counts of subtrees, ``(architectures, known subtrees)``, and the squared norms with the unknown."""

    known: csr_array
    squares: Floats


@lru_cache(maxsize=2**12)  # the same few architectures are compared after every result
def count_subtrees(architecture: Architecture, depth: int = _DEPTH) -> Mapping[str, int]:
    """How often each subtree of at most that depth occurs in the simplified graph, by Weisfeiler and Lehman.

    A vertex is first labelled by its operation; each round relabels it by its label and those of the vertices
    before and behind it, with multiplicity. Architectures of one key have the same counts.
    """
    ops, counts = simplify(architecture)
    before = [[(i, c) for i, c in enumerate(column) if c] for column in counts.T.tolist()]
    behind = [[(j, c) for j, c in enumerate(row) if c] for row in counts.tolist()]
    labels = list(ops)
    found: dict[str, int] = {}
    for step in range(depth + 1):
        for label in labels:
            found[label] = found.get(label, 0) + 1
        if step < depth:
            labels = [
                _digest(
                    label, sorted((labels[i], c) for i, c in ins), sorted((labels[j], c) for j, c in outs)
                )
                for label, ins, outs in zip(labels, before, behind, strict=True)
            ]
    return found


def _digest(label: str, before: list[tuple[str, int]], behind: list[tuple[str, int]]) -> str:
    text = f"{label}|{sorted(before)}|{sorted(behind)}"
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def _one_thread() -> AbstractContextManager[object]:
    """The matrices are small: threads would wait for each other, and change the last digits."""
    return _threads().limit(limits=1)


def _distances(a: _Counts, b: _Counts) -> Floats:
    products = (a.known @ b.known.T).toarray()
    return np.sqrt(np.maximum(a.squares[:, None] + b.squares - 2 * products, 0.0))


def _matern(distances: Floats) -> Floats:
    r = np.sqrt(3.0) * distances
    return (1 + r) * np.exp(-r)


def _select(distances: Floats, targets: Floats) -> tuple[float, float]:
    """Length and noise of greatest likelihood; the eigenvalues of a kernel serve all noises."""
    chosen = np.linspace(0, len(targets) - 1, min(len(targets), _MOST_FOR_SELECTION)).astype(int)
    distances, targets = distances[np.ix_(chosen, chosen)], targets[chosen]
    apart = distances[distances > 1e-6]
    median = float(np.median(apart)) if apart.size else 1.0
    best = (-np.inf, median, 1.0)
    for length in _LENGTHS:
        values, vectors = np.linalg.eigh(_matern(distances / (length * median)))
        spectrum = np.maximum(values, 0.0) + _NOISES[:, None]  # (noises, chosen)
        likelihood = -np.square(vectors.T @ targets) / spectrum - np.log(spectrum)
        total = likelihood.sum(axis=1)
        noise = int(total.argmax())
        best = max(best, (float(total[noise]), length * median, float(_NOISES[noise])))
    return best[1:]

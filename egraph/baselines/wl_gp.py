"""`WLGP`: a Gaussian process on the Weisfeiler-Lehman kernel of graphs."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from egraph.architecture import Architecture
from egraph.baselines._base import Baseline
from egraph.encoding import Vocabulary
from egraph.encoding.simplification import simplify_many
from egraph.errors import UsageError

__all__ = ["WLGP", "ColourHistograms", "colours"]

Floats = NDArray[np.float64]

_NOISES = np.geomspace(1e-3, 3.0, 15)
_MOST_FOR_SELECTION = 1000


class WLGP(Baseline):
    r"""A Gaussian process whose kernel counts the colours that two graphs share.

    .. math::
        k(a, b) = \sum_{t=0}^{h} \langle \phi_t(a), \phi_t(b) \rangle, \qquad
        \hat k(a, b) = k(a, b) / \sqrt{k(a, a) \, k(b, b)}

    with :math:`\phi_t` the histogram of the colours after :math:`t` rounds of refinement. A vertex has at
    first its operation's colour; then its colour and those of the vertices that it reads, with multiplicity,
    make the new one: after :math:`t` rounds two vertices share a colour if, and only if, their last
    :math:`t + 1` steps compute the same. Rounds :math:`h` and noise are those of greatest marginal
    likelihood.

    Changed: NAS-BOWL searches with it, ours only predicts; the graph is simplified first.

    Args:
        rounds: most rounds of refinement.
        seed: not used: nothing here is random.

    References:
        Ru, Wan, Dong, Osborne: Interpretable neural architecture search via Bayesian optimisation with
        Weisfeiler-Lehman kernels, ICLR 2021, https://arxiv.org/abs/2006.07556;
        Shervashidze, Schweitzer, van Leeuwen, Mehlhorn, Borgwardt: Weisfeiler-Lehman graph kernels, Journal
        of Machine Learning Research 12, 2011
    """

    def __init__(self, *, rounds: int = 4, seed: int = 0) -> None:
        self.rounds = rounds
        self.seed = seed

    def _learn(self, graphs: Sequence[Architecture], targets: Floats) -> None:
        if self.rounds < 0:
            raise UsageError(f"rounds must be at least 0, got {self.rounds}")
        self._mean = float(targets.mean())
        y = targets - self._mean
        chosen = np.linspace(0, len(y) - 1, min(len(y), _MOST_FOR_SELECTION)).astype(int)
        rounds = colours(graphs, self.vocabulary_, self.rounds)
        best = -math.inf
        for h in range(self.rounds + 1):
            part = np.concatenate([level[chosen] for level in rounds[: h + 1]], axis=1)
            likelihood, noise = _best_noise(ColourHistograms(part).kernel(part), y[chosen])
            if likelihood > best:
                best, self.rounds_, self.noise_ = likelihood, h, noise
        found = np.concatenate(rounds[: self.rounds_ + 1], axis=1)
        self._histograms = ColourHistograms(found)
        covariance = self._histograms.kernel(found) + self.noise_ * np.eye(len(y))
        self._solved = linalg.cho_solve((linalg.cholesky(covariance, lower=True), True), y)

    def _latent(self, graphs: Sequence[Architecture]) -> Floats:
        found = np.concatenate(colours(graphs, self.vocabulary_, self.rounds_), axis=1)
        return self._mean + self._histograms.kernel(found) @ self._solved


def colours(graphs: Sequence[Architecture], vocabulary: Vocabulary, rounds: int) -> list[NDArray[np.uint64]]:
    """The colour of each vertex after 0, 1, ... rounds, each ``(graphs, vertices)``; 0 where padded.

    Colours are hashes of 64 bits: they do not depend on which graphs are coloured together, and two that
    ought to differ agree with a chance of one in 10^19. Those of different rounds differ.

    Raises:
        ArchitectureError: an operation is unknown.
    """
    batch = simplify_many(graphs, vocabulary.describe)
    there = batch.codes >= 0
    seeds = [int.from_bytes(hashlib.blake2b(n.encode(), digest_size=8).digest()) for n in batch.names]
    colour = np.array([*seeds, 0], np.uint64)[batch.codes] * there
    times = np.minimum(batch.counts, 2.0**62).astype(np.uint64)
    levels = [colour]
    for _ in range(rounds):
        read = np.zeros_like(colour)
        for vertex in range(colour.shape[1]):
            read[:, vertex] = (times[:, :, vertex] * _scramble(colour)).sum(axis=1)
        colour = _scramble(colour + _scramble(read)) * there
        levels.append(colour)
    return levels


class ColourHistograms:
    """The colours of the training data, and how often each of its graphs has them.

    Args:
        colour: of all vertices, in all rounds that count, ``(training, vertices x rounds)``; 0 is none.
    """

    def __init__(self, colour: NDArray[np.uint64]) -> None:
        self._known = np.setdiff1d(colour, np.zeros(1, np.uint64))
        self._training = self._normalised(colour)

    def kernel(self, colour: NDArray[np.uint64]) -> Floats:
        """Normalised kernel of some graphs, ``(graphs, any)``, and the training data.

        Returns:
            ``(graphs, training)``, between 0 and 1.
        """
        return (self._normalised(colour) @ self._training.T).toarray()

    def _normalised(self, colour: NDArray[np.uint64]) -> sparse.csr_array:
        graphs, width = colour.shape
        ordered = np.sort(colour, axis=1)
        first = np.ones(ordered.shape, dtype=bool)
        first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        starts = np.flatnonzero(first)
        counts = np.diff(np.append(starts, graphs * width)).astype(np.float64)
        rows, values = starts // width, ordered.ravel()[starts]
        there = values != 0
        rows, values, counts = rows[there], values[there], counts[there]
        # Colours that the training data does not have still count for a graph's own length.
        length = np.sqrt(np.bincount(rows, counts**2, minlength=graphs))
        column = np.searchsorted(self._known, values)
        known = self._known[np.minimum(column, len(self._known) - 1)] == values
        rows, column, counts = rows[known], column[known], counts[known]
        return sparse.csr_array((counts / length[rows], (rows, column)), shape=(graphs, len(self._known)))


def _best_noise(kernel: Floats, y: Floats) -> tuple[float, float]:
    """The greatest log marginal likelihood, but for a constant, and the noise that has it."""
    values, vectors = linalg.eigh(kernel)
    projected = (vectors.T @ y) ** 2
    found = []
    for noise in _NOISES:
        spectrum = np.maximum(values, 0.0) + noise
        signal = max(float((projected / spectrum).mean()), 1e-12)
        found.append((-0.5 * (len(y) * math.log(signal) + float(np.log(spectrum).sum())), float(noise)))
    return max(found)


def _scramble(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scrambles 64 bits (the finaliser of the splitmix64 generator, after its increment)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))

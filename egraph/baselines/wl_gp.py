"""`WLGP`: a Gaussian process on the Weisfeiler-Lehman kernel of graphs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.baselines._base import Baseline
from egraph.errors import UsageError
from egraph.surrogates.exact_inference import choose_evenly, factorise, noise_likelihoods, solve
from egraph.surrogates.weisfeiler_lehman import ColourHistograms, colours

__all__ = ["WLGP"]

Floats = NDArray[np.float64]

_NOISES = np.geomspace(1e-3, 3.0, 15)
_MOST_FOR_SELECTION = 1000


class WLGP(Baseline):
    r"""A Gaussian process whose kernel counts the colours that two graphs share.

    .. math::
        k(a, b) = \sum_{t=0}^{h} \langle \phi_t(a), \phi_t(b) \rangle, \qquad
        \hat k(a, b) = k(a, b) / \sqrt{k(a, a) \, k(b, b)}

    with :math:`\phi_t` the histogram of the colours after :math:`t` rounds of refinement. The first colour of
    a vertex is its operation. Each round makes a new colour from the vertex's own and those of its
    predecessors, with multiplicity: after :math:`t` rounds two vertices share a colour if, and only if, their
    last :math:`t + 1` steps compute the same. Rounds :math:`h` and noise maximise the marginal likelihood.

    Changed: NAS-BOWL searches with this model, here it only predicts; the graph is simplified first.

    Args:
        rounds: Greatest number of rounds of refinement.
        seed: Not used, as nothing is random.

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
        chosen = choose_evenly(len(y), _MOST_FOR_SELECTION)
        rounds = colours(graphs, self.vocabulary_, self.rounds)
        best = -math.inf
        for h in range(self.rounds + 1):
            part = np.concatenate([level[chosen] for level in rounds[: h + 1]], axis=1)
            likelihoods = noise_likelihoods(ColourHistograms(part).kernel(part), y[chosen], _NOISES)
            likelihood, noise = max(zip(likelihoods.tolist(), _NOISES.tolist(), strict=True))
            if likelihood > best:
                best, self.rounds_, self.noise_ = likelihood, h, noise
        found = np.concatenate(rounds[: self.rounds_ + 1], axis=1)
        self._histograms = ColourHistograms(found)
        self._solved = solve(factorise(self._histograms.kernel(found), self.noise_), y)

    def _latent(self, graphs: Sequence[Architecture]) -> Floats:
        found = np.concatenate(colours(graphs, self.vocabulary_, self.rounds_), axis=1)
        return self._mean + self._histograms.kernel(found) @ self._solved

"""`regression_ranker`: the ranker as a plain regression, EGraph-Regression of the thesis."""

from __future__ import annotations

from typing import Any

from egraph.ranker.ranker import Ranker

__all__ = ["regression_ranker"]


def regression_ranker(*, seed: int = 0, **parameters: Any) -> Ranker:
    """A `Ranker` whose last layer is a single neuron, without tabular models.

    The thesis fits EGraph's network by a margin ranking loss, to measure what comparing pairs contributes.

    Changed: layers, read-out and training are those of the present `Ranker`, and half the squared error is
    added to the loss.

    Args:
        seed: Seed of everything random.
        parameters: Further parameters of `Ranker`.

    References:
        Xu et al.: ReNAS, relativistic evaluation of neural architecture search, CVPR 2021,
        https://arxiv.org/abs/1910.01523, from which the loss comes
    """
    return Ranker(**{"head": "regression", "tabular": None, "seed": seed, **parameters})

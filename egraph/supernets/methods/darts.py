"""DARTS: softmax weights of all operations."""

from __future__ import annotations

from egraph.supernets.methods.base import Method

__all__ = ["Darts"]


class Darts(Method):
    """Mixes all operations by the softmax of their logits; logits follow the gradient of the validation loss.

    First order: the gradient is taken at the present weights.

    References:
        Liu, Simonyan and Yang, "DARTS: Differentiable Architecture Search", ICLR 2019,
        https://arxiv.org/abs/1806.09055
    """

    name = "darts"

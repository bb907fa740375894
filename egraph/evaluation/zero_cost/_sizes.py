"""Baseline proxies: the size of a network."""

from __future__ import annotations

from torch import Tensor, nn

from egraph.networks import count_flops, count_params

__all__ = ["flops", "params"]


def params(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The number of trainable parameters."""
    return float(count_params(network))


def flops(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The multiply-adds of one image; see `egraph.networks.count_flops`."""
    return float(count_flops(network, tuple(images.shape[1:])))

"""Copies of a network for computations that must not change the network itself."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

__all__ = ["copy_to_train", "copy_with_fixed_norms"]


def copy_to_train(network: nn.Module) -> nn.Module:
    """A copy in training mode without dropout: batch normalisation uses the statistics of each batch."""
    twin = copy.deepcopy(network).train().requires_grad_(True)
    for module in twin.modules():
        if isinstance(module, _DropoutNd | nn.RReLU):
            module.eval()
    return twin


def copy_with_fixed_norms(network: nn.Module, images: Tensor) -> nn.Module:
    """A copy in evaluation mode whose batch normalisation has the statistics of these images.

    For these images its outputs equal those of `copy_to_train`, but each depends on its own image only.
    """
    twin = copy_to_train(network)
    norms = [module for module in twin.modules() if isinstance(module, _BatchNorm)]
    statistics: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def measure(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        over = [axis for axis in range(inputs[0].dim()) if axis != 1]
        variance, mean = torch.var_mean(inputs[0], dim=over, correction=0)
        statistics[module] = mean, variance

    hooks = [norm.register_forward_pre_hook(measure) for norm in norms]
    with torch.no_grad():
        twin(images)
    for hook in hooks:
        hook.remove()
    for norm, (mean, variance) in statistics.items():
        norm.running_mean, norm.running_var = mean, variance
    return twin.eval()

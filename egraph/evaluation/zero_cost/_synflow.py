"""Synaptic flow: the proxy of paths through a network."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from egraph.errors import EvaluationError
from egraph.evaluation.zero_cost._activations import SIGNED

__all__ = ["synflow"]

TAKEN_OUT = (_NormBase, nn.GroupNorm, nn.LayerNorm, *SIGNED)


def synflow(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    r"""The logarithm of the synaptic flow: all paths from input to output, each the product of its weights.

    With the absolute value of every parameter in its place, one image of ones, and :math:`R` the sum of the
    outputs,

    .. math:: \mathrm{score} = \ln \sum_w \left| w \, \partial R / \partial w \right|

    over the weights (parameters of two or more dimensions). Only the shape of the images is used, and no
    labels. Batch normalisation, which would bound the flow, is removed, as in the authors' code for
    architecture search; so are other normalisations. Dropout is off. All numbers have double precision.

    Two things differ from the papers: the logarithm, which keeps the order; and the removal of activations
    with a sign. On values that are never negative a ReLU has no effect, but a ReLU6 or tanh would stop the
    flow.

    Raises:
        EvaluationError: The flow is zero or overflows double precision.

    References:
        H. Tanaka, D. Kunin, D. L. K. Yamins and S. Ganguli, Pruning neural networks without any data by
        iteratively conserving synaptic flow, NeurIPS 2020, https://arxiv.org/abs/2006.05467
        M. S. Abdelfattah, A. Mehrotra, Ł. Dudziak and N. D. Lane, Zero-Cost Proxies for Lightweight NAS,
        ICLR 2021, https://arxiv.org/abs/2101.08134
    """
    twin = copy.deepcopy(network).double().eval().requires_grad_(True)
    _take_out(twin)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.abs_()
    ones = torch.ones(1, *images.shape[1:], dtype=torch.float64, device=images.device)
    weights = [parameter for parameter in twin.parameters() if parameter.dim() > 1]
    total = twin(ones).sum()
    flow = 0.0
    if weights and total.requires_grad:
        gradients = torch.autograd.grad(total, weights, allow_unused=True)
        flow = sum(
            float((weight.detach() * gradient).abs().sum())
            for weight, gradient in zip(weights, gradients, strict=True)
            if gradient is not None
        )
    if not (math.isfinite(flow) and flow > 0):
        raise EvaluationError(f"the synaptic flow is {flow:g}; its logarithm is not defined")
    return math.log(flow)


def _take_out(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, TAKEN_OUT):
            setattr(module, name, nn.Identity())
        else:
            _take_out(child)

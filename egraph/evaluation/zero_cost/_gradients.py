"""Proxies of one backward pass: the norm of the gradient, and the covariance of the Jacobian."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from egraph.errors import EvaluationError
from egraph.evaluation.zero_cost._copies import copy_to_train

__all__ = ["grad_norm", "jacob_cov"]


def grad_norm(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    r"""The norm of the gradient of the loss :math:`L` in each layer, summed over layers.

    .. math:: \mathrm{score} = \sum_l \lVert \partial L / \partial W_l \rVert_2

    The loss is the cross-entropy, or the squared error where labels are numbers of a regression,
    ``(batch, 1)``. Weights are the parameters of two or more dimensions: neither biases nor those of a
    normalisation. Batch normalisation uses the statistics of the batch, as in the authors' code; dropout is
    off.

    Raises:
        EvaluationError: The loss depends on no weights, or the norm is not finite.

    References:
        M. S. Abdelfattah, A. Mehrotra, Ł. Dudziak and N. D. Lane, Zero-Cost Proxies for Lightweight NAS,
        ICLR 2021, https://arxiv.org/abs/2101.08134
    """
    twin = copy_to_train(network)
    function = nn.functional.mse_loss if labels.is_floating_point() else nn.functional.cross_entropy
    loss = function(twin(images), labels)
    weights = [parameter for parameter in twin.parameters() if parameter.dim() > 1]
    if not weights or not loss.requires_grad:
        raise EvaluationError("the loss depends on no weights, so there is no gradient")
    gradients = torch.autograd.grad(loss, weights, allow_unused=True)
    total = math.fsum(float(gradient.norm()) for gradient in gradients if gradient is not None)
    if not math.isfinite(total):
        raise EvaluationError(f"the norm of the gradient is {total}")
    return total


def jacob_cov(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    r"""The dissimilarity of the gradients of the outputs with respect to the images.

    With :math:`v_i` the eigenvalues of the correlation matrix of the gradients of the summed outputs with
    respect to each image, and :math:`k = 10^{-5}`,

    .. math:: \mathrm{score} = -\sum_i \ln (v_i + k) + (v_i + k)^{-1}.

    The maximum, minus the number of images, is reached where no two gradients correlate. Batch normalisation
    uses the statistics of the batch and is differentiated through, as in the authors' code; dropout is off.

    Raises:
        EvaluationError: The gradient with respect to an image is constant, which leaves its correlation
            undefined, or is not finite.

    References:
        M. S. Abdelfattah, A. Mehrotra, Ł. Dudziak and N. D. Lane, Zero-Cost Proxies for Lightweight NAS,
        ICLR 2021, https://arxiv.org/abs/2101.08134 (after the first version of NASWOT, arXiv 2006.04647v1)
    """
    twin = copy_to_train(network).requires_grad_(False)
    inputs = images.detach().clone().requires_grad_(True)
    outputs = twin(inputs)
    if not outputs.requires_grad:
        raise EvaluationError("the outputs do not depend on the images")
    (jacobian,) = torch.autograd.grad(outputs.sum(), inputs)
    rows = jacobian.flatten(1).cpu().double()  # (images, values of an image)
    if not rows.isfinite().all():
        raise EvaluationError("the gradient with respect to the images is NaN or infinite")
    if (rows == rows[:, :1]).all(dim=1).any():
        raise EvaluationError(
            "the gradient with respect to an image is the same in every pixel; its correlation is undefined"
        )
    values = torch.linalg.eigvalsh(torch.corrcoef(rows)) + 1e-5
    return -float((values.log() + 1 / values).sum())

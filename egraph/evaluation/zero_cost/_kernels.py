"""What the gradients of single images say of each other: condition number and correlation."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from egraph.errors import EvaluationError
from egraph.evaluation.zero_cost._copies import copy_with_fixed_norms
from egraph.networks import count_params

__all__ = ["gradient_correlation", "gradient_kernel", "ntk"]

MEMORY = 2**29
"""Bytes that the gradients of single images take at most."""

CHUNK = 16
"""Images that are differentiated together at most; more are hardly faster."""

PIECE = 2**16
"""Parameters whose gradients are brought to double precision at a time."""


def gradient_kernel(network: nn.Module, images: Tensor, *, memory: int = MEMORY) -> Tensor:
    r"""The empirical neural tangent kernel: scalar products of the gradients of any two images.

    .. math:: K_{ij} = \langle \nabla_\theta s(x_i), \nabla_\theta s(x_j) \rangle,
        \qquad s(x) = \textstyle\sum_c f_c(x)

    over all trainable parameters :math:`\theta`. Batch normalisation takes the statistics of the batch, held
    constant, so that the gradient of an image is its own; dropout is off.

    Args:
        network: maps ``(batch, channels, height, width)`` to ``(batch, classes)``.
        images: ``(images, channels, height, width)``.
        memory: bytes that gradients may take, briefly twice that. Where those of all images do not fit, some
            are computed again.

    Returns:
        The kernel, ``(images, images)``, in double precision on the CPU.

    Raises:
        EvaluationError: the network has no trainable parameters, or a gradient is not finite.
    """
    fixed = [name for name, parameter in network.named_parameters() if not parameter.requires_grad]
    twin = copy_with_fixed_norms(network, images)
    weights = {name: each.detach() for name, each in twin.named_parameters() if name not in fixed}
    if not weights:
        raise EvaluationError("the network has no trainable parameters, and so no gradient")

    def total(weights: dict[str, Tensor], image: Tensor) -> Tensor:
        return functional_call(twin, weights, (image[None],)).sum()

    each = vmap(grad(total), in_dims=(None, 0), chunk_size=CHUNK)
    size = sum(weight.numel() * weight.element_size() for weight in weights.values())
    # two blocks are held at a time, unless one holds all images
    room = max(memory // size, 2)
    blocks = images.split(len(images) if len(images) <= room else room // 2)
    starts = range(0, len(images), len(blocks[0]))
    kernel = torch.zeros(len(images), len(images), dtype=torch.float64, device=images.device)
    for i, (row, first) in enumerate(zip(starts, blocks, strict=True)):
        left = each(weights, first)
        for column, second in zip(starts[i:], blocks[i:], strict=True):
            right = left if column == row else each(weights, second)
            part = kernel[row : row + len(first), column : column + len(second)]
            for name in weights:
                _add_products(part, left[name].reshape(len(first), -1), right[name].reshape(len(second), -1))
    kernel = kernel.triu() + kernel.triu(1).T
    if not kernel.isfinite().all():
        raise EvaluationError("the gradient of an image is NaN or infinite")
    return kernel.cpu()


def ntk(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    r"""How well conditioned the neural tangent kernel is: :math:`-\ln (\lambda_{\max} / \lambda_{\min})`.

    What differs from the authors' code, which minimises the condition number itself: it differentiates
    through the statistics of batch normalisation, which takes a backward pass of the whole batch for each
    image; here they are constants (`gradient_kernel`), which is another kernel, not a faster way to the same
    one. It takes the parameters named ``weight``; here all trainable ones count. Where it puts a constant
    for what it cannot compute, an error is raised here.

    Raises:
        EvaluationError: the kernel is singular, or a gradient is not finite.

    References:
        W. Chen, X. Gong and Z. Wang, Neural Architecture Search on ImageNet in Four GPU Hours: A
        Theoretically Inspired Perspective, ICLR 2021, https://arxiv.org/abs/2102.11535
    """
    values = torch.linalg.eigvalsh(gradient_kernel(network, images))
    if values[0] <= values[-1] * len(values) * torch.finfo(values.dtype).eps:
        raise EvaluationError(
            f"the neural tangent kernel of {len(images)} images is singular, its condition number infinite"
        )
    return -math.log(values[-1] / values[0])


def gradient_correlation(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    r"""How differently unlike images would change the network, times the logarithm of its size, negated.

    With :math:`K` the neural tangent kernel (`gradient_kernel`), :math:`d_{ij}` the mean squared difference
    of two images and :math:`P` the number of trainable parameters,

    .. math:: \mathrm{score} = -\ln P \, \frac{\sum_{i<j} d_{ij} |r_{ij}|}{\sum_{i<j} d_{ij}},
        \qquad r_{ij} = K_{ij} / \sqrt{K_{ii} K_{jj}}.

    The source describes it in words: like the neural tangent kernel, unlike images count more, and the result
    is multiplied by the logarithm of the parameters. Its program does otherwise (it weighs one triangle of a
    matrix of input gradients, less the more the images differ, takes a log-determinant, and multiplies by the
    condition number of the kernel, which is 1e10 whenever that fails); here the words are followed.

    Raises:
        EvaluationError: an image has no gradient, all images are equal, or a gradient is not finite.

    References:
        T. Reolon, Neural Architecture Search with Genetic Algorithms and DARTS, appendix A ("third score"),
        https://github.com/thomasreolon/Evolutive-NAS
    """
    kernel = gradient_kernel(network, images)
    scale = kernel.diagonal().sqrt()
    if not (scale > 0).all():
        raise EvaluationError("the gradient of an image is 0; it correlates with nothing")
    first, second = torch.triu_indices(len(images), len(images), offset=1)
    pixels = images.detach().flatten(1).cpu().double()
    apart = (pixels[first] - pixels[second]).square().mean(dim=1)  # (pairs,)
    if not apart.sum() > 0:
        raise EvaluationError("all images of the batch are equal; no pair has any weight")
    correlation = (kernel / scale[:, None] / scale)[first, second].abs()
    return -math.log(count_params(network)) * float((apart * correlation).sum() / apart.sum())


def _add_products(total: Tensor, left: Tensor, right: Tensor) -> None:
    """Adds ``left @ right.T`` in double precision, some columns at a time."""
    for some, others in zip(left.split(PIECE, dim=1), right.split(PIECE, dim=1), strict=True):
        total += some.double() @ others.double().T

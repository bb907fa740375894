"""Proxies of the neural tangent kernel: condition number and correlation."""

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
"""Largest memory for the gradients of single images, in bytes."""

CHUNK = 16
"""Largest number of images that are differentiated together; more are hardly faster."""

PIECE = 2**16
"""Number of parameters whose gradients are converted to double precision at a time."""


def gradient_kernel(network: nn.Module, images: Tensor, *, memory: int = MEMORY) -> Tensor:
    r"""The empirical neural tangent kernel: scalar products of the gradients of any two images.

    .. math:: K_{ij} = \langle \nabla_\theta s(x_i), \nabla_\theta s(x_j) \rangle,
        \qquad s(x) = \textstyle\sum_c f_c(x)

    over all trainable parameters :math:`\theta`. Batch normalisation uses the statistics of the batch as
    constants, so that the gradient of an image does not depend on the others; dropout is off.

    Args:
        network: Module that maps ``(batch, channels, height, width)`` to ``(batch, classes)``.
        images: Images, ``(images, channels, height, width)``.
        memory: Memory for gradients in bytes; the peak is twice as high. If the gradients of all images do
            not fit, some are computed again.

    Returns:
        Kernel ``(images, images)``, in double precision on the CPU.

    Raises:
        EvaluationError: The network has no trainable parameters, or a gradient is not finite.
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
    # Two blocks are in memory at a time, unless one holds all images.
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
    r"""The conditioning of the neural tangent kernel: :math:`-\ln (\lambda_{\max} / \lambda_{\min})`.

    The authors' code minimises the condition number itself. Three more things differ. It differentiates
    through the statistics of batch normalisation, which needs a backward pass of the whole batch for each
    image; here they are constants (`gradient_kernel`), which gives another kernel, not the same one faster.
    It uses the parameters named ``weight``; here all trainable parameters count. It returns a constant where
    the computation fails; here that is an error.

    Raises:
        EvaluationError: The kernel is singular, or a gradient is not finite.

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
    r"""The correlation of the gradients of unlike images times the logarithm of the parameters, negated.

    With :math:`K` the neural tangent kernel (`gradient_kernel`), :math:`d_{ij}` the mean squared difference
    of two images and :math:`P` the number of trainable parameters,

    .. math:: \mathrm{score} = -\ln P \, \frac{\sum_{i<j} d_{ij} |r_{ij}|}{\sum_{i<j} d_{ij}},
        \qquad r_{ij} = K_{ij} / \sqrt{K_{ii} K_{jj}}.

    The formula follows the description in the source: like the neural tangent kernel, unlike images count
    more, and the result is multiplied by the logarithm of the parameters. The program of the source differs
    from its description: it weights one triangle of a matrix of input gradients, less the more the images
    differ, takes a log-determinant, and multiplies by the condition number of the kernel, or by 1e10 where
    that fails.

    Raises:
        EvaluationError: An image has no gradient, all images are equal, or a gradient is not finite.

    References:
        T. Reolon, Neural Architecture Search with Genetic Algorithms and DARTS, appendix A ("third score"),
        https://github.com/thomasreolon/Evolutive-NAS
    """
    kernel = gradient_kernel(network, images)
    scale = kernel.diagonal().sqrt()
    if not (scale > 0).all():
        raise EvaluationError("the gradient of an image is 0; its correlation is undefined")
    first, second = torch.triu_indices(len(images), len(images), offset=1)
    pixels = images.detach().flatten(1).cpu().double()
    apart = (pixels[first] - pixels[second]).square().mean(dim=1)  # (pairs,)
    if not apart.sum() > 0:
        raise EvaluationError("all images of the batch are equal, so that all weights of pairs are 0")
    correlation = (kernel / scale[:, None] / scale)[first, second].abs()
    return -math.log(count_params(network)) * float((apart * correlation).sum() / apart.sum())


def _add_products(total: Tensor, left: Tensor, right: Tensor) -> None:
    """Adds ``left @ right.T`` in double precision, some columns at a time."""
    for some, others in zip(left.split(PIECE, dim=1), right.split(PIECE, dim=1), strict=True):
        total += some.double() @ others.double().T

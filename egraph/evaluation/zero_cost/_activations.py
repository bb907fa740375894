"""Proxies that read the signs of activations: NASWOT, the number of linear regions, and SWAP."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from egraph.checks import check_positive
from egraph.errors import EvaluationError, UsageError
from egraph.evaluation.zero_cost._copies import copy_to_train
from egraph.networks import count_params

__all__ = ["linear_regions", "naswot", "swap"]

# The output of each is positive for some inputs only; that of a sigmoid or softplus is always positive.
SIGNED = (
    nn.ReLU,
    nn.Hardtanh,  # ReLU6 is one
    nn.LeakyReLU,
    nn.PReLU,
    nn.RReLU,
    nn.ELU,
    nn.CELU,
    nn.SELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Hardswish,
    nn.Tanh,
    nn.Softsign,
    nn.Hardshrink,
    nn.Softshrink,
    nn.Tanhshrink,
)


def naswot(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    r"""How well the signs of all activations distinguish the images of a batch.

    Each image has a binary code: for every neuron, whether its activation is positive. The kernel of two
    images is the number of neurons, out of :math:`A`, in which their codes agree:

    .. math:: K_{ij} = A - d_{\mathrm{Hamming}}(c_i, c_j), \qquad \mathrm{score} = \ln \det K.

    Batch normalisation uses the statistics of the batch, as in the paper; dropout is off.

    Two things differ from the paper: every activation with a sign counts, not only ReLU; and a singular
    kernel is an error, where the paper has minus infinity.

    Raises:
        EvaluationError: No activation has a sign, the outputs are not finite, or the kernel is singular.

    References:
        J. Mellor, J. Turner, A. Storkey and E. J. Crowley, Neural Architecture Search without Training,
        ICML 2021, https://arxiv.org/abs/2006.04647
    """
    kernel = torch.zeros(len(images), len(images), dtype=torch.float64, device=images.device)

    def add(code: Tensor) -> None:
        ones = code.float()  # (images, neurons); sums of ones are exact below 2**24
        both, some = ones @ ones.T, ones.sum(dim=1)
        kernel.add_(code.shape[1] - some[:, None] - some + 2 * both)

    _visit_codes(network, images, add)
    values = torch.linalg.eigvalsh(kernel.cpu())
    if values[0] <= values[-1] * len(values) * torch.finfo(values.dtype).eps:
        raise EvaluationError(
            f"the kernel of activation signs is singular: they do not tell the {len(images)} images apart"
        )
    return float(values.log().sum())


def linear_regions(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The number of linear regions that the images lie in: their distinct patterns of activation signs.

    In a network of usual size every image has a region of its own, and the number carries no information. The
    authors therefore use networks of one channel and 3,000 patches of 3 x 3 pixels;
    `egraph.evaluation.ZeroCost` passes patches and the narrowest network that the space builds.

    Batch normalisation uses the statistics of all patches at once, where the authors' code takes 1,000 at a
    time; dropout is off. All activations with a sign count, not only ReLU.

    Raises:
        EvaluationError: No activation has a sign, or the outputs are not finite.

    References:
        W. Chen, X. Gong and Z. Wang, Neural Architecture Search on ImageNet in Four GPU Hours: A
        Theoretically Inspired Perspective, ICLR 2021, https://arxiv.org/abs/2102.11535
    """
    packed: list[np.ndarray] = []
    _visit_codes(network, images, lambda code: packed.append(np.packbits(code.cpu().numpy(), axis=1)))
    return float(len({row.tobytes() for row in np.concatenate(packed, axis=1)}))


def swap(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    mu: float | None = None,
    sigma: float | None = None,
) -> float:
    r"""The number of distinct sample-wise activation patterns, optionally regularised by size.

    The pattern of a neuron is, for each image, whether its activation is positive. With :math:`c` distinct
    patterns among all neurons, :math:`P` trainable parameters, and :math:`\mu` and :math:`\sigma` where they
    are given,

    .. math:: \mathrm{score} = c \, e^{-((P - \mu) / \sigma)^2}.

    Natural images are needed: with noise the score ranks much worse. `egraph.datasets.images` offers
    ``"photographs"``.

    Three things differ from the authors' code: all activations with a sign count, not only ReLU after
    convolutions; sizes are in parameters, and :math:`\sigma` is squared, so that it is a width, where the
    code has thousands and :math:`\sigma` itself; and one set of initial weights is used, where the code
    averages over 32.

    Args:
        network: Module that maps ``(batch, channels, height, width)`` to ``(batch, classes)``.
        images: Images, ``(images, channels, height, width)``. The authors use 16 to 32.
        labels: Not used.
        mu: Number of parameters of the preferred network; None leaves the score unregularised.
        sigma: Difference from ``mu``, in parameters, at which the score is divided by e; None is ``mu``.

    Raises:
        UsageError: ``mu`` or ``sigma`` is not positive, or ``sigma`` is given without ``mu``.
        EvaluationError: No activation has a sign, or the outputs are not finite.

    References:
        Y. Peng, A. Song, H. M. Fayek, V. Ciesielski and X. Chang, SWAP-NAS: Sample-Wise Activation Patterns
        for Ultra-fast NAS, ICLR 2024, https://arxiv.org/abs/2403.04161
    """
    if mu is None:
        if sigma is not None:
            raise UsageError(f"swap: sigma={sigma!r} needs mu, the preferred number of parameters")
        factor = 1.0
    else:
        width = mu if sigma is None else sigma
        check_positive(mu=mu, sigma=width)
        factor = math.exp(-(((count_params(network) - mu) / width) ** 2))
    found: list[np.ndarray] = []

    def add(code: Tensor) -> None:
        packed = np.packbits(code.T.cpu().numpy(), axis=1)  # (neurons, bytes)
        padded = np.zeros((len(packed), -(-packed.shape[1] // 8) * 8), np.uint8)
        padded[:, : packed.shape[1]] = packed
        found.append(padded.view(np.uint64))

    _visit_codes(network, images, add)
    return len(pd.DataFrame(np.concatenate(found)).drop_duplicates()) * factor


def _visit_codes(network: nn.Module, images: Tensor, visit: Callable[[Tensor], None]) -> None:
    """Calls ``visit`` with the signs of each layer of activations, booleans ``(images, neurons)``."""
    twin = copy_to_train(network)
    layers = [module for module in twin.modules() if isinstance(module, SIGNED)]
    if not layers:
        raise EvaluationError(
            "the network has no layer of activations with a sign, such as ReLU; activations that are called "
            "as functions are not found"
        )
    for layer in layers:
        layer.register_forward_hook(lambda module, inputs, result: visit((result > 0).flatten(1)))
    with torch.no_grad():
        outputs = twin(images)
    if not outputs.isfinite().all():
        raise EvaluationError("the network gives NaN or infinite outputs")

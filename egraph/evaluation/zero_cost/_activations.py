"""Proxies that read the signs of activations: NASWOT, and the number of linear regions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from egraph.errors import EvaluationError
from egraph.evaluation.zero_cost._copies import copy_to_train

__all__ = ["linear_regions", "naswot"]

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

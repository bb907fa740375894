"""What the signs of the activations say: NASWOT's kernel, and the number of linear regions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from egraph.errors import EvaluationError
from egraph.evaluation.zero_cost._copies import copy_to_train

__all__ = ["linear_regions", "naswot"]

# The result of each is above zero for some inputs and not for others; of a sigmoid or softplus it always is.
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
    r"""How well the signs of all activations tell the images of a batch apart.

    Each image has a binary code: of every neuron, whether its activation is above zero. The kernel of two
    images is the number of neurons, of :math:`A`, on which their codes agree:

    .. math:: K_{ij} = A - d_{\mathrm{Hamming}}(c_i, c_j), \qquad \mathrm{score} = \ln \det K.

    Batch normalisation takes the statistics of the batch, as in the paper; dropout is off.

    What differs from the paper: any activation that has a sign counts, not ReLU alone; a singular kernel is
    refused, where the paper has minus infinity.

    Raises:
        EvaluationError: no activation has a sign, the outputs are not finite, or the kernel is singular.

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
    """In how many linear regions of the network the images lie: their distinct patterns of activation signs.

    A network of usual size has a region for every image, and then the number says nothing. The authors count
    with networks of one channel and 3,000 patches of 3 x 3 pixels; `egraph.evaluation.ZeroCost` gives patches
    and the narrowest network that the space builds.

    Batch normalisation takes the statistics of all patches at once, where the authors' code feeds 1,000 at a
    time; dropout is off. All activations with a sign count, not ReLU alone.

    Raises:
        EvaluationError: no activation has a sign, or the outputs are not finite.

    References:
        W. Chen, X. Gong and Z. Wang, Neural Architecture Search on ImageNet in Four GPU Hours: A
        Theoretically Inspired Perspective, ICLR 2021, https://arxiv.org/abs/2102.11535
    """
    packed: list[np.ndarray] = []
    _visit_codes(network, images, lambda code: packed.append(np.packbits(code.cpu().numpy(), axis=1)))
    return float(len({row.tobytes() for row in np.concatenate(packed, axis=1)}))


def _visit_codes(network: nn.Module, images: Tensor, visit: Callable[[Tensor], None]) -> None:
    """Shows ``visit`` the signs of each layer of activations in turn, ``(images, neurons)`` of booleans."""
    twin = copy_to_train(network)
    layers = [module for module in twin.modules() if isinstance(module, SIGNED)]
    if not layers:
        raise EvaluationError(
            "the network has no layer of activations with a sign, such as ReLU; those that are called as "
            "functions are not seen"
        )
    for layer in layers:
        layer.register_forward_hook(lambda module, inputs, result: visit((result > 0).flatten(1)))
    with torch.no_grad():
        outputs = twin(images)
    if not outputs.isfinite().all():
        raise EvaluationError("the network gives NaN or infinite outputs")

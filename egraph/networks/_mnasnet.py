"""The skeleton of Accel-NASBench: a stem, a chain of mobile layers, a wide 1x1 convolution."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch import nn

from egraph.architecture import Architecture
from egraph.errors import ArchitectureError
from egraph.networks._allocation import allocate, check_arguments
from egraph.networks._layers import Layer, classifier, conv_norm_relu, read_chain
from egraph.networks.operations import InvertedResidual
from egraph.operations import Operation

__all__ = ["build_mnasnet"]

SQUEEZE = Layer("attention", 0)
LAYERS = (
    *(
        Layer(kind, kernel, stride)
        for kind in ("separable-conv", "inverted-residual")
        for kernel in (3, 5)
        for stride in (1, 2)
    ),
    SQUEEZE,
)


def build_mnasnet(
    architecture: Architecture,
    input_shape: tuple[int, ...],
    num_classes: int,
    channels: int = 32,
    *,
    seed: int = 0,
    max_params: int = 50_000_000,
) -> nn.Sequential:
    """Builds a network of Accel-NASBench; the defaults give its published parameters and multiply-adds.

    A 3x3 convolution of stride 2 with batch normalisation and ReLU, then the layers of the chain, then a 1x1
    convolution to 40 times ``channels`` (1,280 in the benchmark) with batch normalisation and ReLU; the mean
    over all pixels goes to one dense layer. A layer of width w behind n halvings has ``w * 2^n * channels /
    2`` channels. Squeeze-and-excitation is part of the layer before it. As in the benchmark's training, all
    activations are ReLU, and factors of channels are hard sigmoids; its stochastic depth and dropout are not
    built.

    Args:
        architecture: Chain of inverted residuals and separable convolutions, each of which may have
            squeeze-and-excitation behind it.
        input_shape: Shape ``(channels, height, width)`` of one image, of any size.
        num_classes: Number of outputs.
        channels: Number of channels of the stem.
        seed: Seed of the initial weights; the global generator is not used.
        max_params: Largest number of trainable parameters that is built.

    Raises:
        UsageError: An argument is out of range.
        ArchitectureError: The live part is no chain, or an operation has no layer in these networks.
        EvaluationError: The network has more than ``max_params`` parameters; no memory was allocated.

    References:
        Ahmad et al., "Accel-NASBench: Sustainable Benchmarking for Accelerator-Aware NAS", DAC 2024,
        https://arxiv.org/abs/2404.08005
    """
    check_arguments(input_shape, num_classes=num_classes, channels=channels)
    chain = read_chain(architecture, "mnasnet", LAYERS)
    _check_squeezes(chain)

    def make() -> nn.Sequential:
        blocks: list[nn.Module] = [conv_norm_relu(input_shape[0], channels, 3, 2)]
        width, halved = channels, channels / 2
        for operation, after in itertools.pairwise([*chain, None]):
            if operation is None or operation.kind == SQUEEZE.kind:
                continue
            squeezed = after is not None and after.kind == SQUEEZE.kind
            halved *= operation.stride
            outputs = max(1, round(operation.width * halved))
            given = operation.kernel, operation.stride, operation.expansion
            blocks.append(InvertedResidual(width, outputs, *given, squeezed=squeezed))
            width = outputs
        wide = 40 * channels
        return nn.Sequential(*blocks, conv_norm_relu(width, wide, 1), classifier(wide, num_classes))

    return allocate(make, seed, max_params, f"use fewer channels than {channels}")


def _check_squeezes(chain: Sequence[Operation]) -> None:
    """Checks that squeeze-and-excitation stands behind convolutions."""
    for before, operation in itertools.pairwise([None, *chain]):
        if operation and operation.kind == SQUEEZE.kind and (not before or before.kind == SQUEEZE.kind):
            raise ArchitectureError(f"in a mnasnet network {operation.name!r} stands behind a convolution")

"""The skeleton of NAS-Bench-Macro: a stem, a chain of MobileNetV2 blocks, a wide 1x1 convolution."""

from __future__ import annotations

from torch import nn

from egraph.architecture import Architecture
from egraph.networks._allocation import allocate, check_arguments
from egraph.networks._layers import Layer, classifier, conv_norm_relu, read_chain
from egraph.networks.operations import make_layer

__all__ = ["build_nasbench_macro"]

LAYERS = (
    Layer("conv", 1, 2),
    Layer("inverted-residual", 3),
    Layer("inverted-residual", 5),
    Layer("inverted-residual", 3, 2),
    Layer("inverted-residual", 5, 2),
)


def build_nasbench_macro(
    architecture: Architecture,
    input_shape: tuple[int, ...],
    num_classes: int,
    channels: int = 32,
    *,
    seed: int = 0,
    max_params: int = 50_000_000,
) -> nn.Sequential:
    """Builds the network of a NAS-Bench-Macro chain; the defaults give the published parameters and FLOPs.

    A 3x3 convolution with batch normalisation and ReLU, then the layers of the chain; those of stride 2 halve
    the sides and double the channels. At the end a 1x1 convolution to 40 times ``channels`` (1,280 in the
    benchmark) with batch normalisation and ReLU; the mean over all pixels goes to one dense layer. Identities
    are not built, so that chains with one key are one network.

    Args:
        architecture: Chain of inverted residuals, strided 1x1 convolutions and identities.
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
        Su et al., "Prioritized Architecture Sampling with Monto-Carlo Tree Search", CVPR 2021,
        https://arxiv.org/abs/2103.11922
    """
    check_arguments(input_shape, num_classes=num_classes, channels=channels)
    chain = read_chain(architecture, "nasbench_macro", LAYERS)

    def make() -> nn.Sequential:
        blocks: list[nn.Module] = [conv_norm_relu(input_shape[0], channels, 3)]
        width = channels
        for operation in chain:
            outputs = operation.stride * width
            blocks.append(make_layer("nasbench_macro", operation, width, outputs, operation.stride))
            width = outputs
        wide = 40 * channels
        return nn.Sequential(*blocks, conv_norm_relu(width, wide, 1), classifier(wide, num_classes))

    return allocate(make, seed, max_params, f"use fewer channels than {channels}")

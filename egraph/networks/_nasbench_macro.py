"""The skeleton of NAS-Bench-Macro: a stem, a chain of MobileNetV2 blocks, a wide 1x1 convolution."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Sequence

from torch import nn

from egraph import operations
from egraph.architecture import Architecture
from egraph.networks._allocation import allocate, check_arguments
from egraph.networks._layers import Layer, classifier, conv_norm_relu, read_chain
from egraph.networks._mixed_nodes import Mix
from egraph.networks.operations import make_layer

__all__ = ["build_nasbench_macro", "mix_nasbench_macro"]

STRIDES = (2, 1, 2, 1, 1, 2, 1, 1)
"""Strides of the layers of a chain in the space."""

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

    def make_layers(width: int) -> list[nn.Module]:
        layers = []
        for operation in chain:
            outputs = operation.stride * width
            layers.append(make_layer("nasbench_macro", operation, width, outputs, operation.stride))
            width = outputs
        return layers

    strides = [operation.stride for operation in chain]
    return _build(make_layers, strides, input_shape[0], num_classes, channels, seed, max_params)


def mix_nasbench_macro(
    mix: Mix,
    input_shape: tuple[int, ...],
    num_classes: int,
    channels: int = 32,
    *,
    seed: int = 0,
    max_params: int = 50_000_000,
) -> nn.Sequential:
    """Builds the network of a supernet: as `build_nasbench_macro`, with a mixed layer in place of each layer.

    Args:
        mix: Makes a mixed layer, of its name (``layer 1``), a function that makes the layer of an operation,
            and the width; 0 where the layer doubles the channels.
        input_shape: Shape ``(channels, height, width)`` of one image, of any size.
        num_classes: Number of outputs.
        channels: Number of channels of the stem.
        seed: Seed of the initial weights; the global generator is not used.
        max_params: Largest number of trainable parameters that is built.

    Raises:
        UsageError: An argument is out of range.
        EvaluationError: The network has more than ``max_params`` parameters; no memory was allocated.
    """
    check_arguments(input_shape, num_classes=num_classes, channels=channels)

    def make_mixed(number: int, stride: int, inputs: int) -> nn.Module:
        def make_option(name: str, width: int) -> nn.Module:
            width = width if stride == 1 else inputs
            return make_layer("nasbench_macro", operations.get(name), width, stride * width, stride)

        return mix(f"layer {number}", make_option, inputs if stride == 1 else 0)

    def make_layers(width: int) -> list[nn.Module]:
        widths = itertools.accumulate(STRIDES[:-1], operator.mul, initial=width)
        pairs = enumerate(zip(STRIDES, widths, strict=True), start=1)
        return [make_mixed(number, stride, inputs) for number, (stride, inputs) in pairs]

    return _build(make_layers, STRIDES, input_shape[0], num_classes, channels, seed, max_params)


def _build(
    make_layers: Callable[[int], list[nn.Module]],
    strides: Sequence[int],
    image: int,
    num_classes: int,
    channels: int,
    seed: int,
    max_params: int,
) -> nn.Sequential:
    """The network of layers that are made for the width of the stem."""

    def make() -> nn.Sequential:
        blocks = [conv_norm_relu(image, channels, 3), *make_layers(channels)]
        width, wide = channels * math.prod(strides), 40 * channels
        return nn.Sequential(*blocks, conv_norm_relu(width, wide, 1), classifier(wide, num_classes))

    return allocate(make, seed, max_params, f"use fewer channels than {channels}")

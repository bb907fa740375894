"""The layers of operations: one table that all skeletons of cells and chains read.

`make_layer` makes the layer of an operation in a family of networks, from the channels before and after it
and its stride. ``zero`` and ``identity`` have a layer in every family for images, so that a network can mix
all the operations of a position. To add one: a factory below, and its kind or name in `LAYERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from egraph.errors import ArchitectureError
from egraph.networks._layers import conv_norm, conv_norm_relu
from egraph.operations import Operation

__all__ = [
    "LAYERS",
    "FactorizedReduction",
    "Factory",
    "Gate",
    "InvertedResidual",
    "SqueezeExcitation",
    "Zero",
    "make_layer",
    "relu_conv_norm",
]

Factory = Callable[[Operation, int, int, int], nn.Module]
"""Makes a layer from an operation, the channels before and after it, and its stride."""

STRIDED = "-s2"
"""Ends the name of the variant of an operation with stride 2."""


def make_layer(family: str, operation: Operation, inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    """The layer of an operation in a family of networks.

    Args:
        family: Family of networks, one of `LAYERS`.
        operation: Operation to make a layer for; its name is looked up first, then its kind.
        inputs: Number of channels that the layer reads.
        outputs: Number of channels that it gives.
        stride: Factor by which it lowers height and width.

    Raises:
        ArchitectureError: The family has no layer for the operation.

    Shapes:
        - input: ``(batch, inputs, height, width)``
        - output: ``(batch, outputs, height / stride, width / stride)``, rounded up; the layers of ``convnet``
          do not pad and give less
    """
    layers = LAYERS[family]
    for name in (operation.name.removesuffix(STRIDED), operation.kind):
        if name in layers:
            return layers[name](operation, inputs, outputs, stride)
    raise ArchitectureError(
        f"a {family} network has no layer for {operation.name!r} (kind {operation.kind}); "
        f"it builds {', '.join(layers)}"
    )


def relu_conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """ReLU, then the layers of `conv_norm`."""
    return nn.Sequential(nn.ReLU(), *conv_norm(inputs, outputs, kernel, stride))


class Zero(nn.Module):
    """Zeros that depend on the input, so that everything before them has a gradient, of zero.

    Args:
        outputs: Number of channels.
        stride: Factor by which height and width are lowered.

    Shapes:
        - input: ``(batch, inputs, height, width)``
        - output: ``(batch, outputs, height / stride, width / stride)``, rounded up
    """

    def __init__(self, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.outputs, self.stride = outputs, stride

    def forward(self, maps: Tensor) -> Tensor:
        """Zeros of the output's shape."""
        zeros = 0 * maps[:, :1, :: self.stride, :: self.stride]
        return zeros.expand(-1, self.outputs, -1, -1)

    def extra_repr(self) -> str:
        """The channels and the stride, in the printed module."""
        return f"{self.outputs}, stride={self.stride}"


class FactorizedReduction(nn.Module):
    """ReLU, two 1x1 convolutions of stride 2, the second shifted by one pixel, and batch normalisation.

    Shapes:
        - input: ``(batch, inputs, height, width)``
        - output: ``(batch, outputs, height / 2, width / 2)``, rounded up
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        halves = (outputs // 2, outputs - outputs // 2)
        self.convolutions = nn.ModuleList(nn.Conv2d(inputs, half, 1, 2, bias=False) for half in halves)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, maps: Tensor) -> Tensor:
        """An odd side is padded with zeros for the shifted convolution."""
        maps = relu(maps)
        halves = zip(self.convolutions, (maps, pad(maps, (0, 1, 0, 1))[:, :, 1:, 1:]), strict=True)
        return self.norm(torch.cat([convolve(half) for convolve, half in halves], dim=1))


class InvertedResidual(nn.Module):
    """The block of MobileNetV2: a widening 1x1, a depthwise and a narrowing 1x1 convolution, the last linear.

    Without expansion there is no widening convolution. The input is added if the result has its shape.

    Args:
        inputs: Number of channels of the input.
        outputs: Number of channels of the result.
        kernel: Side of the depthwise kernel in pixels.
        stride: Stride of the depthwise convolution.
        expansion: Ratio of inner channels to those of the input.
        squeezed: Whether squeeze-and-excitation to a quarter of ``inputs`` follows the depthwise convolution.

    Shapes:
        - input: ``(batch, inputs, height, width)``
        - output: ``(batch, outputs, height / stride, width / stride)``, rounded up
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int,
        expansion: float,
        *,
        squeezed: bool = False,
    ) -> None:
        super().__init__()
        hidden = round(inputs * expansion)
        self.residual = stride == 1 and inputs == outputs
        layers = [conv_norm_relu(inputs, hidden, 1)] if hidden != inputs else []
        layers.append(conv_norm_relu(hidden, hidden, kernel, stride, groups=hidden))
        squeeze = [SqueezeExcitation(hidden, max(1, inputs // 4))] if squeezed else []
        self.layers = nn.Sequential(*layers, *squeeze, conv_norm(hidden, outputs, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Applies the block."""
        return images + self.layers(images) if self.residual else self.layers(images)


class SqueezeExcitation(nn.Module):
    """Scales each channel by a factor between 0 and 1 that is computed from the means of all channels.

    Shapes:
        - input and output: ``(batch, channels, height, width)``

    References:
        Hu et al., "Squeeze-and-Excitation Networks", CVPR 2018, https://arxiv.org/abs/1709.01507
    """

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.factors = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.ReLU(),
            nn.Conv2d(squeezed, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """The maps, scaled channel by channel."""
        return maps * self.factors(maps)


class Gate(nn.Module):
    """A 1x1 convolution whose channels are scaled by factors computed from the whole map.

    The factors come from a convolution of few channels, batch normalisation, a pool to 4x4 and a dense layer:
    3x3 with 4 channels and averages, or 7x7 with stride 5, 8 channels and maxima.

    Shapes:
        - input: ``(batch, inputs, height, width)``
        - output: ``(batch, outputs, height, width)``
    """

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.branch = conv_norm(inputs, outputs, 1)
        self.look = nn.Sequential(
            *(conv_norm(inputs, 4, 3) if kernel == 3 else conv_norm(inputs, 8, 7, 5)),
            nn.AdaptiveAvgPool2d(4) if kernel == 3 else nn.AdaptiveMaxPool2d(4),
            nn.Flatten(),
            nn.Linear(64 if kernel == 3 else 128, outputs),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """The branch, scaled channel by channel."""
        return self.branch(maps) * self.look(maps)[:, :, None, None]


def _zero(_: Operation, inputs: int, outputs: int, stride: int) -> nn.Module:
    return Zero(outputs, stride)


def _skip(_: Operation, inputs: int, outputs: int, stride: int) -> nn.Module:
    """The input itself, if it has the shape of the output."""
    if stride == 1:
        return nn.Identity() if inputs == outputs else relu_conv_norm(inputs, outputs, 1)
    return FactorizedReduction(inputs, outputs)


def _relu_conv_norm(operation: Operation, inputs: int, outputs: int, stride: int) -> nn.Module:
    return relu_conv_norm(inputs, outputs, operation.kernel, stride)


def _conv_norm_relu(operation: Operation, inputs: int, outputs: int, stride: int) -> nn.Module:
    return conv_norm_relu(inputs, outputs, operation.kernel, stride)


def _conv_norm(operation: Operation, inputs: int, outputs: int, stride: int) -> nn.Module:
    return conv_norm(inputs, outputs, operation.kernel, stride)


def _unpadded_conv(operation: Operation, inputs: int, outputs: int, stride: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, operation.kernel, stride), nn.ReLU6(), nn.BatchNorm2d(outputs)
    )


def _unpadded_conv_of_signals(operation: Operation, inputs: int, outputs: int, stride: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, operation.kernel, stride), nn.ReLU6(), nn.BatchNorm1d(outputs)
    )


def _dense(_: Operation, inputs: int, outputs: int, stride: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.ReLU6(), nn.BatchNorm1d(outputs))


def _separable(
    operation: Operation, inputs: int, outputs: int, stride: int, dilation: int = 1
) -> nn.Sequential:
    """ReLU, a depthwise convolution, a 1x1 convolution and batch normalisation."""
    around = dilation * (operation.kernel // 2)
    depthwise = nn.Conv2d(
        inputs, inputs, operation.kernel, stride, around, dilation, groups=inputs, bias=False
    )
    return nn.Sequential(nn.ReLU(), depthwise, *conv_norm(inputs, outputs, 1))


def _separable_twice(operation: Operation, inputs: int, outputs: int, stride: int) -> nn.Module:
    first = _separable(operation, inputs, inputs, stride)
    return nn.Sequential(*first, *_separable(operation, inputs, outputs, 1))


def _dilated(operation: Operation, inputs: int, outputs: int, stride: int) -> nn.Module:
    return _separable(operation, inputs, outputs, stride, dilation=2)


def _inverted_residual(operation: Operation, inputs: int, outputs: int, stride: int) -> nn.Module:
    return InvertedResidual(inputs, outputs, operation.kernel, stride, operation.expansion)


def _gate(operation: Operation, inputs: int, outputs: int, stride: int) -> nn.Module:
    return nn.Sequential(nn.ReLU(), Gate(inputs, outputs, operation.kernel))


def _max_pool(operation: Operation, inputs: int, outputs: int, stride: int) -> nn.Module:
    return nn.MaxPool2d(operation.kernel, stride, operation.kernel // 2)


def _avg_pool(operation: Operation, inputs: int, outputs: int, stride: int) -> nn.Module:
    return nn.AvgPool2d(operation.kernel, stride, operation.kernel // 2, count_include_pad=False)


def _projected(make_pool: Factory) -> Factory:
    """A pool with a 3x3 convolution before it where the number of channels changes."""

    def make(operation: Operation, inputs: int, outputs: int, stride: int) -> nn.Module:
        pool = make_pool(operation, inputs, outputs, stride)
        return pool if inputs == outputs else nn.Sequential(*relu_conv_norm(inputs, outputs, 3), pool)

    return make


def _unpadded_pool(kind: Callable[[int, int], nn.Module]) -> Factory:
    return lambda operation, _, __, stride: kind(operation.kernel, stride)


def _halving_pool(operation: Operation, inputs: int, outputs: int, stride: int) -> nn.Module:
    return nn.MaxPool2d(operation.kernel, stride, ceil_mode=True)


_SHARED: Mapping[str, Factory] = {"zero": _zero, "identity": _skip}

LAYERS: Mapping[str, Mapping[str, Factory]] = {
    "concat-cell": {
        "separable-conv": _separable,
        "conv": _relu_conv_norm,
        "attention": _gate,
        "avg-pool": _projected(_avg_pool),
        "max-pool": _projected(_max_pool),
        **_SHARED,
    },
    "convnet": {
        "conv": _unpadded_conv,
        "avg-pool": _unpadded_pool(nn.AvgPool2d),
        "max-pool": _unpadded_pool(nn.MaxPool2d),
        **_SHARED,
    },
    "convnet-signals": {
        "conv": _unpadded_conv_of_signals,
        "avg-pool": _unpadded_pool(nn.AvgPool1d),
        "max-pool": _unpadded_pool(nn.MaxPool1d),
    },
    "convnet-features": {"linear": _dense},
    "darts": {
        "max_pool_3x3": _max_pool,
        "avg_pool_3x3": _avg_pool,
        "skip_connect": _skip,
        "sep_conv_3x3": _separable_twice,
        "sep_conv_5x5": _separable_twice,
        "dil_conv_3x3": _dilated,
        "dil_conv_5x5": _dilated,
        **_SHARED,
    },
    "nasbench101": {"conv": _conv_norm_relu, "max-pool": _max_pool, **_SHARED},
    "nasbench201": {"conv": _relu_conv_norm, "avg-pool": _avg_pool, **_SHARED},
    "nasbench_macro": {"conv": _conv_norm, "inverted-residual": _inverted_residual, **_SHARED},
    "nash": {"conv": _conv_norm_relu, "max-pool": _halving_pool, **_SHARED},
}
"""Factories of each family of networks, by the name or kind of an operation."""

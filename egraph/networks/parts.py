"""The layers of blocks, each a function of the shape of its input.

A part is a callable that takes the shape of one input, without the batch, and a factor of its width, and
makes a module. `conv` and the other functions here return one for their arguments.
`egraph.networks.build_blocks` chains them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor, nn

from egraph.errors import ArchitectureError

__all__ = [
    "ACTIVATIONS",
    "Part",
    "ScaledConv2d",
    "Shape",
    "activation",
    "avg_pool",
    "batch_norm",
    "conv",
    "dense",
    "dropout",
    "max_pool",
    "mean",
    "unit_variance",
]

Shape = tuple[int, ...]
"""Shape of one image, ``(channels, height, width)``; after a dense layer ``(features,)``."""

Part = Callable[[Shape, float], nn.Module]
"""Makes the module for an input of a shape, its number of filters or units times a factor."""

ACTIVATIONS = {
    "linear": nn.Identity,
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}
"""Activations by name."""


def conv(filters: int, kernel: int, stride: int = 1, *, scale: float = 1.0) -> Part:
    """A convolution with bias; zero padding keeps the size, a stride divides it, rounded up.

    Args:
        filters: Number of channels of the result.
        kernel: Side of the kernel in pixels.
        stride: Stride in pixels.
        scale: Factor of the initial weights. At 1 they are those of He et al., which keep the variance of
            activations through layers with ReLU.
    """

    def make(shape: Shape, factor: float) -> nn.Module:
        _check_map(shape, "a convolution")
        before, after = (kernel - 1) // 2, kernel // 2
        outputs = _widen(filters, factor)
        if before == after:
            return ScaledConv2d(shape[0], outputs, kernel, stride, before, scale=scale)
        padding = nn.ZeroPad2d((before, after, before, after))
        return nn.Sequential(padding, ScaledConv2d(shape[0], outputs, kernel, stride, scale=scale))

    return make


def max_pool(kernel: int, stride: int | None = None) -> Part:
    """The largest of ``kernel`` by ``kernel`` pixels; see `avg_pool` for the size of the result."""
    return _pool(nn.MaxPool2d, kernel, stride)


def avg_pool(kernel: int, stride: int | None = None) -> Part:
    """The mean of ``kernel`` by ``kernel`` pixels, at every ``stride``-th pixel, or at every ``kernel``-th.

    The remainder at the border is pooled too, so that sides are rounded up. A map that is smaller than the
    kernel is pooled as a whole; a single pixel is not changed.
    """
    return _pool(nn.AvgPool2d, kernel, stride)


def dense(units: int) -> Part:
    """A dense layer on all features, maps flattened."""

    def make(shape: Shape, factor: float) -> nn.Module:
        linear = nn.Linear(math.prod(shape), _widen(units, factor))
        return linear if len(shape) == 1 else nn.Sequential(nn.Flatten(), linear)

    return make


def batch_norm() -> Part:
    """Batch normalisation of each channel or feature."""
    return lambda shape, _: nn.BatchNorm2d(shape[0]) if len(shape) == 3 else nn.BatchNorm1d(shape[0])


def activation(name: str) -> Part:
    """One of `ACTIVATIONS`."""
    return lambda _, __: ACTIVATIONS[name]()


def dropout(probability: float) -> Part:
    """Dropout of single values."""
    return lambda _, __: nn.Dropout(probability)


def mean() -> Part:
    """The mean of each channel over all pixels."""
    return lambda _, __: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


def unit_variance() -> Part:
    """Each image divided by the standard deviation of its values."""
    return lambda _, __: UnitVariance()


class ScaledConv2d(nn.Conv2d):
    """A convolution with a factor of its initial weights, which `build_blocks` applies."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0, *, scale: float
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, padding)
        self.scale = scale


class UnitVariance(nn.Module):
    """Each image divided by the standard deviation of its values.

    Shapes:
        - input and output: ``(batch, channels, height, width)``
    """

    def forward(self, images: Tensor) -> Tensor:
        """Divides; a lower bound of the variance keeps the noise of nearly uniform images from growing."""
        return images / images.var(dim=(1, 2, 3), keepdim=True, correction=0).clamp(min=1e-4).sqrt()


def _pool(kind: type[nn.MaxPool2d] | type[nn.AvgPool2d], kernel: int, stride: int | None) -> Part:
    def make(shape: Shape, factor: float) -> nn.Module:
        _check_map(shape, "a pool")
        sides = (min(kernel, shape[1]), min(kernel, shape[2]))
        return kind(sides, stride or kernel, ceil_mode=True)

    return make


def _widen(number: int, factor: float) -> int:
    return max(1, round(number * factor))


def _check_map(shape: Shape, what: str) -> None:
    if len(shape) != 3:
        raise ArchitectureError(f"{what} cannot stand after a dense layer, which leaves no pixels")

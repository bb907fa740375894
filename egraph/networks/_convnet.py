"""The skeleton of free graphs: layers, size matching, dense head; for images, signals and features.

`count_convnet` has the size of a network by arithmetic, a hundred times faster than building it to count: a
search within limits asks for the sizes of thousands of candidates. It must agree with `ConvNet`.
"""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import interpolate

from egraph.architecture import Architecture
from egraph.errors import UsageError
from egraph.networks._allocation import allocate, check_arguments, check_size
from egraph.networks._counts import Size
from egraph.networks._sizes import Shape, Stage, plan_stages
from egraph.networks.operations import make_layer
from egraph.shapes import AXES, kind_of

__all__ = ["ConvNet", "build_convnet", "count_convnet"]

FAMILIES = {"images": "convnet", "signals": "convnet-signals", "features": "convnet-features"}
"""Families of layers, by the kind of the input."""


def build_convnet(
    architecture: Architecture,
    input_shape: tuple[int, ...],
    num_classes: int,
    channels: int = 64,
    dropout: float = 0.1,
    *,
    seed: int = 0,
    max_params: int = 50_000_000,
) -> ConvNet:
    """Builds the live part of a graph of convolutions and pools, or of dense layers, with a dense head.

    The shape of the input chooses the layers: two-dimensional ones for images, one-dimensional ones for
    signals, dense ones for features.

    Args:
        architecture: Graph whose interior vertices are convolutions and pools; for features, dense layers.
        input_shape: Shape of one input: ``(channels, height, width)``, ``(channels, length)`` or
            ``(features,)``.
        num_classes: Number of outputs.
        channels: Number of filters of a convolution, or units of a dense layer, of full width.
        dropout: Probability of dropout after each convolution or dense layer.
        seed: Seed of the initial weights; the global generator is not used.
        max_params: Largest number of trainable parameters that is built; training takes 16 bytes each.

    Raises:
        UsageError: An argument is out of range.
        ArchitectureError: No path leads from input to output, or an operation has no layer for
            such inputs.
        EvaluationError: The network has more than ``max_params`` parameters; no memory was allocated.
    """
    stages, advice = _plan(architecture, input_shape, num_classes, channels, dropout)
    return allocate(lambda: ConvNet(stages, num_classes, dropout), seed, max_params, advice)


def count_convnet(
    architecture: Architecture,
    input_shape: tuple[int, ...],
    num_classes: int,
    channels: int = 64,
    dropout: float = 0.1,
    *,
    seed: int = 0,
    max_params: int = 50_000_000,
) -> Size:
    """The size of the network that `build_convnet` makes of the same arguments, without building it.

    Raises:
        UsageError, ArchitectureError, EvaluationError: As `build_convnet` does.
    """
    stages, advice = _plan(architecture, input_shape, num_classes, channels, dropout)
    shapes = [stage.shape for stage in stages]
    widths = _widths(shapes[-1], num_classes)
    # A linear map of so many channels to so many, with a kernel of so many weights, at so many places.
    maps = [(inputs, outputs, 1, 1) for inputs, outputs in pairwise(widths)]
    norms = 0
    for stage in stages[1:]:
        joined, operation = stage.joined, stage.operation
        sources = (shapes[source][0] for source in stage.sources)
        maps += [(own, joined[0], 1, math.prod(joined[1:])) for own in sources if own != joined[0]]
        if operation.kind in ("conv", "linear"):
            kernel = operation.kernel ** len(joined[1:])
            maps.append((joined[0], stage.shape[0], kernel, math.prod(stage.shape[1:])))
            norms += 2 * stage.shape[0]
    params = norms + sum(outputs * (inputs * kernel + 1) for inputs, outputs, kernel, _ in maps)
    check_size(params, max_params, advice)
    return Size(params, sum(math.prod(each) for each in maps))


def _plan(
    architecture: Architecture, input_shape: tuple[int, ...], num_classes: int, channels: int, dropout: float
) -> tuple[list[Stage], str]:
    """The stages of a network, and the way out if it is too large."""
    check_arguments(input_shape, kinds=tuple(AXES), num_classes=num_classes)
    if channels < 2:
        raise UsageError(f"channels must be at least 2, since some layers have half of them, got {channels}")
    if not 0 <= dropout < 1:
        raise UsageError(f"dropout must be in [0, 1), got {dropout}")
    stages = plan_stages(architecture, input_shape, channels)
    advice = (
        f"its head reads {math.prod(stages[-1].shape):,} features: use fewer channels than {channels}, "
        f"or smaller {kind_of(input_shape)}"
    )
    return stages, advice


class ConvNet(nn.Module):
    """A graph of convolutions and pools, or of dense layers, then a dense head.

    Each vertex brings its inputs to one size and sums them (`SizeMatch`), then applies its layer. A
    convolution is followed by ReLU6, batch normalisation and dropout; a pool by nothing. The sum at the
    output vertex is flattened to ``f`` features and goes through layers of ``f // 4``, half as many, and
    ``num_classes`` neurons, with ReLU between. A dense layer is followed by the same layers as a convolution.
    Features, which have scales of their own, are standardised first, by the statistics of the training, and
    their head is one layer of ``num_classes`` neurons, since layers before it are dense already.

    Shapes:
        - input: ``(batch, channels, height, width)``, ``(batch, channels, length)`` or ``(batch, features)``
        - output: ``(batch, num_classes)``, logits
    """

    def __init__(self, stages: list[Stage], num_classes: int, dropout: float) -> None:
        super().__init__()
        self.stages = stages
        shapes = [stage.shape for stage in stages]
        is_features = kind_of(shapes[0]) == "features"
        self.entry = nn.BatchNorm1d(shapes[0][0], affine=False) if is_features else nn.Identity()
        self.matches = nn.ModuleList(
            SizeMatch([shapes[source] for source in stage.sources], stage.joined) for stage in stages[1:]
        )
        self.layers = nn.ModuleList(_make_layer(stage, dropout) for stage in stages[1:])
        self.head = _head(shapes[-1], num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Maps images to logits."""
        results = [self.entry(images)]
        for stage, match, layer in zip(self.stages[1:], self.matches, self.layers, strict=True):
            results.append(layer(match([results[source] for source in stage.sources])))
        return self.head(results[-1])


class SizeMatch(nn.Module):
    """Brings feature maps to one shape and sums them.

    A map with other sides is resized by nearest-neighbour interpolation. A map with another number of
    channels then goes through a convolution of kernel 1 of its own; features, through a dense layer.

    Shapes:
        - input: a list of ``(batch, *shape)``, one for each of ``shapes``
        - output: ``(batch, *target)``
    """

    def __init__(self, shapes: list[Shape], target: Shape) -> None:
        super().__init__()
        self.target = target
        self.projections = nn.ModuleList(
            nn.Identity() if shape[0] == target[0] else _project(shape[0], target[0], len(target) - 1)
            for shape in shapes
        )

    def forward(self, maps: list[Tensor]) -> Tensor:
        """The sum of the resized maps."""
        size = self.target[1:]
        resized = [x if x.shape[2:] == size else interpolate(x, size, mode="nearest") for x in maps]
        matched = [projection(x) for projection, x in zip(self.projections, resized, strict=True)]
        total = matched[0]
        for other in matched[1:]:
            total = total + other
        return total

    def extra_repr(self) -> str:
        """The target, in the printed module."""
        return f"target={tuple(self.target)}"


def _make_layer(stage: Stage, dropout: float) -> nn.Module:
    operation = stage.operation
    if operation.kind == "output":
        return nn.Identity()
    family = FAMILIES[kind_of(stage.joined)]
    layer = make_layer(family, operation, stage.joined[0], stage.shape[0], operation.stride)
    return nn.Sequential(*layer, nn.Dropout(dropout)) if isinstance(layer, nn.Sequential) else layer


def _widths(shape: Shape, num_classes: int) -> list[int]:
    """Widths of the layers of the head, after the number of features that it reads."""
    features = math.prod(shape)
    if kind_of(shape) == "features":
        return [features, num_classes]
    first = max(features // 4, 1)
    return [features, first, max(first // 2, 1), num_classes]


def _head(shape: Shape, num_classes: int) -> nn.Module:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(_widths(shape, num_classes)):
        layers += [nn.ReLU() if layers else nn.Flatten(), nn.Linear(inputs, outputs)]
    return layers[-1] if kind_of(shape) == "features" else nn.Sequential(*layers)


def _project(inputs: int, outputs: int, sides: int) -> nn.Module:
    """A linear map of the channels at each place, for maps of so many sides."""
    if not sides:
        return nn.Linear(inputs, outputs)
    return (nn.Conv1d if sides == 1 else nn.Conv2d)(inputs, outputs, 1)

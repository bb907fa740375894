"""The skeleton of NAS-Bench-201: a stem, three stages of equal cells with residual blocks between them."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from egraph import operations
from egraph.architecture import Architecture
from egraph.canonical import Simplified, simplify
from egraph.networks._allocation import allocate, check_arguments
from egraph.networks._layers import Layer, classifier, conv_norm, read_operation
from egraph.networks._mixed_nodes import Mix, MixedNodes
from egraph.networks.operations import make_layer

__all__ = ["build_nasbench201", "mix_nasbench201"]

LAYERS = (Layer("conv", 1), Layer("conv", 3), Layer("avg-pool", 3))

STAGES = 3

NODES = 3
"""Nodes of a cell beside its input; the last is its result."""


def build_nasbench201(
    architecture: Architecture,
    input_shape: tuple[int, ...],
    num_classes: int,
    channels: int = 16,
    cells: int = 5,
    *,
    seed: int = 0,
    max_params: int = 50_000_000,
) -> nn.Sequential:
    """Builds the network of a NAS-Bench-201 cell.

    A 3x3 convolution, then three stages of cells. Between two stages a residual block halves the sides and
    doubles the channels. After batch normalisation and ReLU the mean over all pixels goes to one dense layer.
    A convolution of a cell or block is ReLU, convolution, batch normalisation.

    Differences from the benchmark: cells are simplified (`simplify`) before they are built. A convolution
    that a ``none`` cuts off from input or output is left out, while the published numbers count it; for all
    other cells the defaults give the published number of parameters, and the published FLOPs except for the
    bias of the dense layer. A cell without any path gives zeros, and the layers before it get gradients of
    zero. An odd side is halved and rounded up, which the original does not support.

    Args:
        architecture: Cell whose live operations are convolutions, average pools, zeros and identities.
        input_shape: Shape ``(channels, height, width)`` of one image, of any size.
        num_classes: Number of outputs.
        channels: Number of channels in the first stage.
        cells: Number of cells in each stage.
        seed: Seed of the initial weights; the global generator is not used.
        max_params: Largest number of trainable parameters that is built.

    Raises:
        UsageError: An argument is out of range.
        ArchitectureError: A live operation has no layer in these networks.
        EvaluationError: The network has more than ``max_params`` parameters; no memory was allocated.

    References:
        Dong and Yang, "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search",
        ICLR 2020, https://arxiv.org/abs/2001.00326
    """
    check_arguments(input_shape, num_classes=num_classes, channels=channels, cells=cells)
    graph = simplify(architecture)
    for name in graph.ops[1:-1]:
        read_operation(name, "nasbench201", LAYERS)

    def make() -> nn.Sequential:
        return _stack(lambda width: Cell(graph, width), input_shape[0], num_classes, channels, cells)

    return allocate(make, seed, max_params, f"use fewer channels than {channels}")


def mix_nasbench201(
    mix: Mix,
    input_shape: tuple[int, ...],
    num_classes: int,
    channels: int = 16,
    cells: int = 5,
    *,
    seed: int = 0,
    max_params: int = 50_000_000,
) -> nn.Sequential:
    """Builds the network of a supernet: as `build_nasbench201`, with mixed layers on the edges.

    Args:
        mix: Makes the layer of an edge, of its name (``0->1``), a function that makes the layer of an
            operation of a width, and the width.
        input_shape: Shape ``(channels, height, width)`` of one image, of any size.
        num_classes: Number of outputs.
        channels: Number of channels in the first stage.
        cells: Number of cells in each stage.
        seed: Seed of the initial weights; the global generator is not used.
        max_params: Largest number of trainable parameters that is built.

    Raises:
        UsageError: An argument is out of range.
        EvaluationError: The network has more than ``max_params`` parameters; no memory was allocated.
    """
    check_arguments(input_shape, num_classes=num_classes, channels=channels, cells=cells)

    def make_cell(width: int) -> MixedNodes:
        return MixedNodes(1, NODES, "", lambda name, _: mix(name, _make_option, width))

    def make() -> nn.Sequential:
        return _stack(make_cell, input_shape[0], num_classes, channels, cells)

    return allocate(make, seed, max_params, f"use fewer channels than {channels}")


def _make_option(name: str, channels: int) -> nn.Module:
    return make_layer("nasbench201", operations.get(name), channels, channels)


def _stack(
    make_cell: Callable[[int], nn.Module], image: int, num_classes: int, channels: int, cells: int
) -> nn.Sequential:
    """The network of cells of a width."""
    blocks: list[nn.Module] = [conv_norm(image, channels, 3)]
    width = channels
    for stage in range(STAGES):
        if stage:
            blocks.append(ResidualBlock(width))
            width *= 2
        blocks += [make_cell(width) for _ in range(cells)]
    head = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), *classifier(width, num_classes))
    return nn.Sequential(*blocks, head)


class Cell(nn.Module):
    """One cell: a vertex sums its sources, with their multiplicity, and applies its layer.

    Shapes:
        - input and output: ``(batch, channels, height, width)``
    """

    def __init__(self, graph: Simplified, channels: int) -> None:
        super().__init__()
        self.sources = [
            [source for source, count in enumerate(column) for _ in range(count)]
            for column in graph.counts.T[1:].tolist()
        ]
        self.layers = nn.ModuleList(
            make_layer("nasbench201", operations.get(name), channels, channels) for name in graph.ops[1:-1]
        )
        self.layers.append(nn.Identity())  # the output only sums

    def forward(self, images: Tensor) -> Tensor:
        """Computes the vertices in order."""
        results = [images]
        for sources, layer in zip(self.sources, self.layers, strict=True):
            # Zeros that depend on the input, so that every parameter before them has a gradient.
            terms = [results[source] for source in sources] or [0 * images]
            results.append(layer(sum(terms[1:], start=terms[0])))
        return results[-1]


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, plus a shortcut of an average pool and a 1x1 convolution.

    Shapes:
        - input: ``(batch, channels, height, width)``
        - output: ``(batch, 2 * channels, height / 2, width / 2)``, rounded up
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.ReLU(),
            *conv_norm(channels, 2 * channels, 3, 2),
            nn.ReLU(),
            *conv_norm(2 * channels, 2 * channels, 3),
        )
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, ceil_mode=True), nn.Conv2d(channels, 2 * channels, 1, bias=False)
        )

    def forward(self, images: Tensor) -> Tensor:
        """The sum of both branches."""
        return self.convolutions(images) + self.shortcut(images)

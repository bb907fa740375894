"""The skeleton of cells that concatenate channels: a stack with the image concatenated to each result."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from egraph import operations
from egraph.architecture import Architecture
from egraph.canonical import Simplified, simplify
from egraph.errors import UsageError
from egraph.networks._allocation import allocate, check_arguments
from egraph.networks._layers import Layer, read_operation
from egraph.networks._mixed_nodes import Mix, MixedNodes, concatenate
from egraph.networks.operations import make_layer

__all__ = ["SMALLEST", "build_concat_cells", "mix_concat_cells", "read_cells"]

SMALLEST = 4
"""Sides in pixels that are left of maps in rows of several cells, where images are small."""

LAYERS = (
    Layer("separable-conv", 3), Layer("separable-conv", 5), Layer("separable-conv", 7), Layer("conv", 1),
    Layer("avg-pool", 3), Layer("max-pool", 3), Layer("attention", 3), Layer("attention", 7),
)  # fmt: skip


def build_concat_cells(
    architectures: Sequence[Architecture],
    input_shape: tuple[int, ...],
    num_classes: int,
    channels: int = 16,
    dropout: float = 0.1,
    *,
    smallest: int = 1,
    seed: int = 0,
    max_params: int = 50_000_000,
) -> ConcatCells:
    """Builds a network of cells in a row; they can differ.

    Args:
        architectures: Cells with operations of the space ``concat-cell``.
        input_shape: Shape ``(channels, height, width)`` of one image, of any size.
        num_classes: Number of outputs.
        channels: Number of channels of an operation of width 1.
        dropout: Probability that a channel before the head is zeroed in training.
        smallest: Sides in pixels below which maps are not halved.
        seed: Seed of the initial weights; the global generator is not used.
        max_params: Largest number of trainable parameters that is built.

    Raises:
        UsageError: An argument is out of range.
        ArchitectureError: A live operation has no layer in these networks.
        EvaluationError: The network has more than ``max_params`` parameters; no memory was allocated.
    """
    check_arguments(
        input_shape, num_classes=num_classes, channels=channels, cells=len(architectures),
        smallest=smallest,
    )  # fmt: skip
    if not 0 <= dropout < 1:
        raise UsageError(f"dropout must be in [0, 1), got {dropout}")
    graphs = read_cells(architectures)
    return allocate(
        lambda: ConcatCells(
            [lambda inputs, graph=graph: Cell(graph, inputs, channels) for graph in graphs],  # type: ignore[misc]
            input_shape[0],
            num_classes,
            dropout,
            smallest,
        ),
        seed,
        max_params,
        f"use fewer channels than {channels}, or fewer cells",
    )


def mix_concat_cells(
    mix: Mix,
    input_shape: tuple[int, ...],
    num_classes: int,
    nodes: int = 3,
    channels: int = 16,
    cells: int = 3,
    dropout: float = 0.1,
    *,
    seed: int = 0,
    max_params: int = 50_000_000,
) -> ConcatCells:
    """Builds the network of a supernet: as `build_concat_cells`, with one mixed layer between each two nodes.

    The mixed layer adds up operations of one width; a node concatenates the mixed layers that lead to it.

    Args:
        mix: Makes a mixed layer, of its name (``0->1``), a function that makes the layer of an operation, and
            0, as the layers have the one width.
        input_shape: Shape ``(channels, height, width)`` of one image, of any size.
        num_classes: Number of outputs.
        nodes: Number of nodes after the input.
        channels: Number of channels of each mixed layer.
        cells: Number of cells.
        dropout: Probability that a channel before the head is zeroed in training.
        seed: Seed of the initial weights; the global generator is not used.
        max_params: Largest number of trainable parameters that is built.

    Raises:
        UsageError: An argument is out of range.
        EvaluationError: The network has more than ``max_params`` parameters; no memory was allocated.
    """
    check_arguments(input_shape, num_classes=num_classes, channels=channels, cells=cells, nodes=nodes)

    def make_cell(inputs: int) -> MixedCell:
        return MixedCell(mix, inputs, nodes, channels)

    return allocate(
        lambda: ConcatCells([make_cell] * cells, input_shape[0], num_classes, dropout),
        seed,
        max_params,
        f"use fewer channels than {channels}, or fewer cells",
    )


def read_cells(architectures: Sequence[Architecture]) -> list[Simplified]:
    """The live parts of cells.

    Raises:
        ArchitectureError: A live operation has no layer in these networks.
    """
    graphs = [simplify(architecture) for architecture in architectures]
    for graph in graphs:
        for name in graph.ops[1:-1]:
            read_operation(name, "concat-cell", LAYERS)
    return graphs


class ConcatCells(nn.Module):
    """Cells with the image concatenated to each result; then a maximum over all pixels and a dense layer.

    After each cell an average pool halves the sides, rounded up, of its result and of the image, for as long
    as that leaves ``smallest`` pixels; both are concatenated. Batch normalisation and dropout of whole
    channels precede the maximum.

    Args:
        make_cells: Makes each cell, of the number of channels that it reads.
        image: Number of channels of an image.
        num_classes: Number of outputs.
        dropout: Probability that a channel before the head is zeroed in training.
        smallest: Sides in pixels below which maps are not halved.

    Shapes:
        - input: ``(batch, channels, height, width)``
        - output: ``(batch, num_classes)``, logits
    """

    def __init__(
        self,
        make_cells: Sequence[Callable[[int], Cell | MixedCell]],
        image: int,
        num_classes: int,
        dropout: float,
        smallest: int = 1,
    ) -> None:
        super().__init__()
        self.smallest = smallest
        self.cells = nn.ModuleList()
        width = image
        for make_cell in make_cells:
            cell = make_cell(width)
            self.cells.append(cell)
            width = cell.width + image
        self.pool = nn.AvgPool2d(3, 2, 1, count_include_pad=False)
        self.head = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.Dropout2d(dropout),
            nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),
            nn.Linear(width, num_classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Maps images to logits."""
        maps = images
        for cell in self.cells:
            maps = cell(maps)
            if self.smallest == 1 or min(images.shape[-2:]) >= 2 * self.smallest:
                maps, images = self.pool(maps), self.pool(images)
            maps = torch.cat([maps, images], dim=1)
        return self.head(maps)


class Cell(nn.Module):
    """One cell: an operation reads the concatenated channels of its sources.

    Shapes:
        - input: ``(batch, inputs, height, width)``
        - output: ``(batch, self.width, height, width)``
    """

    def __init__(self, graph: Simplified, inputs: int, channels: int) -> None:
        super().__init__()
        self.sources = [[i for i, count in enumerate(column) if count] for column in graph.counts.T.tolist()]
        widths = [inputs]
        self.layers = nn.ModuleList()
        for name, sources in zip(graph.ops[1:-1], self.sources[1:-1], strict=True):
            operation = operations.get(name)
            outputs = max(1, round(channels * operation.width))
            self.layers.append(make_layer("concat-cell", operation, sum(widths[i] for i in sources), outputs))
            widths.append(outputs)
        self.width = sum(widths[i] for i in self.sources[-1])

    def forward(self, maps: Tensor) -> Tensor:
        """Computes the operations in order and concatenates those that lead to the output."""
        results = [maps]
        for sources, layer in zip(self.sources[1:-1], self.layers, strict=True):
            results.append(layer(torch.cat([results[i] for i in sources], dim=1)))
        return torch.cat([results[i] for i in self.sources[-1]], dim=1)


class MixedCell(MixedNodes):
    """The cell of a supernet: a node concatenates mixed layers of all nodes before it.

    Args:
        mix: Makes the mixed layers.
        inputs: Number of channels that the cell reads.
        nodes: Number of nodes after the input.
        channels: Number of channels of each mixed layer.

    Shapes:
        - input: ``(batch, inputs, height, width)``
        - output: ``(batch, self.width, height, width)``
    """

    def __init__(self, mix: Mix, inputs: int, nodes: int, channels: int) -> None:
        def make_edge(name: str, source: int) -> nn.Module:
            width = source * channels if source else inputs

            def make(option: str, _: int) -> nn.Module:
                return make_layer("concat-cell", operations.get(option), width, channels)

            return mix(name, make, 0)

        super().__init__(1, nodes, "", make_edge, concatenate)
        self.width = nodes * channels

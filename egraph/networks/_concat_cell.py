"""The skeleton of cells that concatenate channels: a stack with the image concatenated to each result."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from egraph import operations
from egraph.architecture import Architecture
from egraph.canonical import Simplified, simplify
from egraph.errors import UsageError
from egraph.networks._allocation import allocate, check_arguments
from egraph.networks._layers import Layer, read_operation
from egraph.networks.operations import make_layer

__all__ = ["build_concat_cells"]

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
        seed: Seed of the initial weights; the global generator is not used.
        max_params: Largest number of trainable parameters that is built.

    Raises:
        UsageError: An argument is out of range.
        ArchitectureError: A live operation has no layer in these networks.
        EvaluationError: The network has more than ``max_params`` parameters; no memory was allocated.
    """
    check_arguments(input_shape, num_classes=num_classes, channels=channels, cells=len(architectures))
    if not 0 <= dropout < 1:
        raise UsageError(f"dropout must be in [0, 1), got {dropout}")
    graphs = [simplify(architecture) for architecture in architectures]
    for graph in graphs:
        for name in graph.ops[1:-1]:
            read_operation(name, "concat-cell", LAYERS)
    return allocate(
        lambda: ConcatCells(graphs, input_shape[0], num_classes, channels, dropout),
        seed,
        max_params,
        f"use fewer channels than {channels}, or fewer cells",
    )


class ConcatCells(nn.Module):
    """Cells with the image concatenated to each result; then a maximum over all pixels and a dense layer.

    After each cell an average pool halves the sides, rounded up, of its result and of the image, which are
    concatenated. Batch normalisation and dropout of whole channels precede the maximum.

    Shapes:
        - input: ``(batch, channels, height, width)``
        - output: ``(batch, num_classes)``, logits
    """

    def __init__(
        self, graphs: Sequence[Simplified], image: int, num_classes: int, channels: int, dropout: float
    ) -> None:
        super().__init__()
        self.cells = nn.ModuleList()
        width = image
        for graph in graphs:
            cell = Cell(graph, width, channels)
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
            images = self.pool(images)
            maps = torch.cat([self.pool(cell(maps)), images], dim=1)
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

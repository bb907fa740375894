"""A network with several cells side by side in each layer, which a weight for each cell scales."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from egraph.architecture import Architecture
from egraph.canonical import Simplified
from egraph.networks._allocation import allocate, check_arguments
from egraph.networks._concat_cell import SMALLEST, Cell, read_cells

__all__ = ["CUT", "NOISE", "ParallelCells", "build_parallel_cells"]

CUT = 0.01
"""Weight below which a cell contributes zeros."""

NOISE = 2e-5
"""Upper end of the uniform noise that is added to each weight in training."""


def build_parallel_cells(
    layers: Sequence[Sequence[Architecture]],
    input_shape: tuple[int, ...],
    num_classes: int,
    channels: int = 16,
    *,
    seed: int = 0,
    max_params: int = 50_000_000,
) -> ParallelCells:
    """Builds a network of layers of cells in parallel.

    Args:
        layers: Cells of each layer, with operations of the space ``concat-cell``.
        input_shape: Shape ``(channels, height, width)`` of one image, of any size.
        num_classes: Number of outputs.
        channels: Number of channels of an operation of width 1.
        seed: Seed of the initial weights; the global generator is not used.
        max_params: Largest number of trainable parameters that is built.

    Raises:
        UsageError: An argument is out of range.
        ArchitectureError: A live operation has no layer in these networks.
        EvaluationError: The network has more than ``max_params`` parameters; no memory was allocated.
    """
    cells = min(map(len, layers), default=0)
    check_arguments(input_shape, num_classes=num_classes, channels=channels, layers=len(layers), cells=cells)
    graphs = [read_cells(layer) for layer in layers]
    network = allocate(
        lambda: ParallelCells(graphs, input_shape[0], num_classes, channels),
        seed,
        max_params,
        f"use fewer channels than {channels}, or smaller tournaments",
    )
    with torch.no_grad():
        network.logits.zero_()
    return network


class ParallelCells(nn.Module):
    """Layers of cells side by side: the results of a layer are scaled by weights and concatenated.

    The weights of a layer are the softmax of its logits, which begin at 0. In training each gets a little
    uniform noise. A cell whose weight is below `CUT` contributes zeros.

    The result of each cell is normalised, channel by channel, before it is scaled. Otherwise a cell could
    make up for a small weight by large results. For the same reason no normalisation stands between the last
    layer and the dense one: it would undo the scale of each channel, and the last logits would have no
    gradient. Otherwise the network is that of `egraph.networks.build_concat_cells`: a pool halves the maps
    after each layer for as long as that leaves `SMALLEST` pixels a side, and the image is concatenated.

    Shapes:
        - input: ``(batch, channels, height, width)``
        - output: ``(batch, num_classes)``, logits of the classes

    Attributes:
        logits: Logits of the cells, ``(layers, cells of the largest layer)``.
    """

    def __init__(
        self, layers: Sequence[Sequence[Simplified]], image: int, num_classes: int, channels: int
    ) -> None:
        super().__init__()
        self.layers, self.norms = nn.ModuleList(), nn.ModuleList()
        width = image
        for graphs in layers:
            cells = [Cell(graph, width, channels) for graph in graphs]
            self.layers.append(nn.ModuleList(cells))
            self.norms.append(nn.ModuleList(nn.BatchNorm2d(cell.width, affine=False) for cell in cells))
            width = sum(cell.width for cell in cells) + image
        self.sizes = [len(graphs) for graphs in layers]
        self.logits = nn.Parameter(torch.zeros(len(layers), max(self.sizes)))
        self.pool = nn.AvgPool2d(3, 2, 1, count_include_pad=False)
        self.head = nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(width, num_classes))

    def weights(self, layer: int) -> Tensor:
        """The weights of the cells of one layer, ``(cells,)``."""
        weights = self.logits[layer, : self.sizes[layer]].softmax(dim=0)
        if self.training:
            weights = weights + NOISE * torch.rand_like(weights)
        return torch.where(weights < CUT, torch.zeros_like(weights), weights)

    def forward(self, images: Tensor) -> Tensor:
        """Maps images to logits of the classes."""
        maps = images
        for number, (cells, norms) in enumerate(zip(self.layers, self.norms, strict=True)):
            weights = self.weights(number)
            assert isinstance(cells, nn.ModuleList)
            assert isinstance(norms, nn.ModuleList)
            results = [
                weight * norm(cell(maps)) for weight, norm, cell in zip(weights, norms, cells, strict=True)
            ]
            if min(images.shape[-2:]) >= 2 * SMALLEST:
                results, images = [self.pool(result) for result in results], self.pool(images)
            maps = torch.cat([*results, images], dim=1)
        return self.head(maps)

    def winners(self) -> list[int]:
        """The position of the largest logit of each layer; of equal ones the first."""
        return [int(row[:size].argmax()) for row, size in zip(self.logits, self.sizes, strict=True)]

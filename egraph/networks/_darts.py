"""The skeleton of DARTS: a stem, then cells that read the two before them, two of them reduction cells."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from egraph import operations
from egraph.architecture import Architecture
from egraph.canonical import Simplified, simplify
from egraph.errors import ArchitectureError, UsageError
from egraph.networks._allocation import allocate, check_arguments
from egraph.networks._layers import classifier, conv_norm, conv_norm_relu
from egraph.networks._mixed_nodes import Mix, MixedNodes
from egraph.networks.operations import LAYERS, STRIDED, FactorizedReduction, make_layer, relu_conv_norm
from egraph.training.paths import DropPath

__all__ = ["build_darts", "mix_darts"]

BEFORE_LAST, LAST, NODE = "c_{k-2}", "c_{k-1}", "node"
NODES = 4
"""Nodes of a cell of a supernet."""

NAMES = tuple(name for name in LAYERS["darts"] if name not in ("zero", "identity"))


class CellGraph(NamedTuple):
    """The live part of a cell.

    Attributes:
        ops: Operations of the vertices; the first two are the inputs.
        sources: For each vertex, the vertices of the cell whose sum it reads; empty for the inputs.
    """

    ops: tuple[str, ...]
    sources: list[list[int]]


def build_darts(
    architecture: Architecture,
    input_shape: tuple[int, ...],
    num_classes: int,
    channels: int = 16,
    cells: int = 8,
    *,
    auxiliary: bool = False,
    drop_path: bool = False,
    seed: int = 0,
    max_params: int = 50_000_000,
) -> DartsNetwork:
    """Builds the CIFAR-10 network of two cells; the paper has 36 channels and 20 cells.

    A 3x3 convolution to three times ``channels`` with batch normalisation, then the cells. The cells after
    one third and after two thirds are reduction cells, which halve the sides and double the channels. The
    mean over all pixels goes to one dense layer. A cell brings each of the two results before it to its own
    width by ReLU, 1x1 convolution and batch normalisation, or by a factorised reduction if the sides differ.
    Separable convolutions are applied twice, dilated ones once.

    Differences from the paper: cells are simplified (`simplify`) before they are built, so that architectures
    with one key are one network; drop path drops equal pools together. An odd side is halved and rounded up,
    which the original does not support, and the auxiliary head reads maps of any size.

    Args:
        architecture: Architecture of the space ``darts``.
        input_shape: Shape ``(channels, height, width)`` of one image, of any size.
        num_classes: Number of outputs.
        channels: Number of channels of each node in the first cells.
        cells: Number of cells, at least 3, so that both kinds occur.
        auxiliary: Whether a second head reads the result of the second reduction cell. In training mode the
            network then gives the logits of both, as a tuple; `Recipe.auxiliary` weighs the second loss.
        drop_path: Whether results of operations can be dropped in training, by `Recipe.drop_path`.
        seed: Seed of the initial weights; the global generator is not used.
        max_params: Largest number of trainable parameters that is built.

    Raises:
        UsageError: An argument is out of range.
        ArchitectureError: An operation has no layer, or the graph is not that of two cells.
        EvaluationError: The network has more than ``max_params`` parameters; no memory was allocated.

    References:
        Liu, Simonyan and Yang, "DARTS: Differentiable Architecture Search", ICLR 2019,
        https://arxiv.org/abs/1806.09055
    """
    _check(input_shape, num_classes, channels, cells)
    normal, reduction = _split(simplify(architecture))

    def make_cell(reduces: bool, place: Place) -> Cell:
        return GraphCell(reduction if reduces else normal, place, drop_path)

    def make() -> DartsNetwork:
        network = DartsNetwork(make_cell, input_shape[0], num_classes, channels, cells)
        if auxiliary:
            network.add_auxiliary(input_shape[1:], num_classes)
        return network

    return allocate(make, seed, max_params, f"use fewer channels than {channels}, or fewer cells")


def mix_darts(
    mix: Mix,
    input_shape: tuple[int, ...],
    num_classes: int,
    channels: int = 16,
    cells: int = 8,
    *,
    normal: Architecture | None = None,
    reduction: Architecture | None = None,
    seed: int = 0,
    max_params: int = 50_000_000,
) -> DartsNetwork:
    """Builds the network of a supernet: as `build_darts`, with mixed layers on all 14 edges of both cells.

    Batch normalisation follows a pool, as in the search of the paper; derived networks have none there.

    Args:
        mix: Makes the layer of an edge, of its name (``normal/0->2``), a function that makes the layer of an
            operation of a width, and the width.
        input_shape: Shape ``(channels, height, width)`` of one image, of any size.
        num_classes: Number of outputs.
        channels: Number of channels of each node in the first cells.
        cells: Number of cells, at least 3.
        normal: Architecture whose normal cell is taken as it is; None mixes it.
        reduction: Architecture whose reduction cell is taken as it is; None mixes it.
        seed: Seed of the initial weights; the global generator is not used.
        max_params: Largest number of trainable parameters that is built.

    Raises:
        UsageError: An argument is out of range.
        EvaluationError: The network has more than ``max_params`` parameters; no memory was allocated.
    """
    _check(input_shape, num_classes, channels, cells)
    fixed = [
        None if given is None else _split(simplify(given))[number]
        for number, given in enumerate((normal, reduction))
    ]

    def make_cell(reduces: bool, place: Place) -> Cell:
        graph = fixed[reduces]
        return MixedCell(mix, reduces, place) if graph is None else GraphCell(graph, place)

    def make() -> DartsNetwork:
        return DartsNetwork(make_cell, input_shape[0], num_classes, channels, cells)

    return allocate(make, seed, max_params, f"use fewer channels than {channels}, or fewer cells")


class Place(NamedTuple):
    """Where a cell is.

    Attributes:
        before_last: Number of channels of the result before the last.
        last: Number of channels of the last result.
        channels: Number of channels of every vertex.
        halved: Whether the last result has half the sides of the one before.
    """

    before_last: int
    last: int
    channels: int
    halved: bool


class DartsNetwork(nn.Module):
    """A stem, cells that read the two results before them, the mean over all pixels and a dense layer.

    Args:
        make_cell: Makes a cell, of whether it is a reduction cell, and its place.
        image: Number of channels of an image.
        num_classes: Number of outputs.
        channels: Number of channels of each node in the first cells.
        cells: Number of cells.

    Shapes:
        - input: ``(batch, channels, height, width)``
        - output: ``(batch, num_classes)``, logits; in training mode with an auxiliary head a tuple of two
    """

    def __init__(
        self,
        make_cell: Callable[[bool, Place], Cell],
        image: int,
        num_classes: int,
        channels: int,
        cells: int,
    ) -> None:
        super().__init__()
        self.stem = conv_norm(image, 3 * channels, 3)
        self.cells = nn.ModuleList()
        self.reductions = (cells // 3, 2 * cells // 3)
        before_last = last = 3 * channels  # widths
        halved = False
        for number in range(cells):
            reduces = number in self.reductions
            channels *= 2 if reduces else 1
            cell = make_cell(reduces, Place(before_last, last, channels, halved))
            self.cells.append(cell)
            before_last, last, halved = last, cell.width, reduces
        self.head = classifier(last, num_classes)
        self.auxiliary: nn.Module | None = None

    def add_auxiliary(self, sides: tuple[int, ...], num_classes: int) -> None:
        """Adds a head that reads the second reduction cell.

        Args:
            sides: Height and width of an image.
            num_classes: Number of outputs.
        """
        cell = self.cells[self.reductions[1]]
        assert isinstance(cell, Cell)
        quarters = tuple(-(-side // 4) for side in sides)
        # The pool of the paper, for images of 32 pixels; others are pooled to the same size.
        pool = nn.AvgPool2d(5, 3) if quarters == (8, 8) else nn.AdaptiveAvgPool2d(2)
        self.auxiliary = nn.Sequential(
            nn.ReLU(),
            pool,
            *conv_norm_relu(cell.width, 128, 1),
            nn.Conv2d(128, 768, 2, bias=False),
            nn.BatchNorm2d(768),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(768, num_classes),
        )

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Maps images to logits."""
        before_last = last = self.stem(images)
        extra = None
        for number, cell in enumerate(self.cells):
            before_last, last = last, cell(before_last, last)
            if self.training and self.auxiliary is not None and number == self.reductions[1]:
                extra = self.auxiliary(last)
        logits: Tensor = self.head(last)
        return logits if extra is None else (logits, extra)


class Cell(nn.Module, ABC):
    """Base class of cells: brings both inputs to its width, and concatenates the nodes.

    Args:
        place: Place of the cell.
        nodes: Number of nodes.

    Shapes:
        - input: ``(batch, before_last, height, width)``, both twice as large if ``halved``, and
          ``(batch, last, height, width)``
        - output: ``(batch, nodes * channels, height, width)``, halved and rounded up by a reduction cell
    """

    def __init__(self, place: Place, nodes: int) -> None:
        super().__init__()
        adapt = FactorizedReduction if place.halved else _adapt
        self.inputs = nn.ModuleList(
            [adapt(place.before_last, place.channels), _adapt(place.last, place.channels)]
        )
        self.width = nodes * place.channels

    def forward(self, before_last: Tensor, last: Tensor) -> Tensor:
        """The concatenated nodes."""
        return torch.cat(self.compute(self.inputs[0](before_last), self.inputs[1](last)), dim=1)

    @abstractmethod
    def compute(self, before_last: Tensor, last: Tensor) -> list[Tensor]:
        """The nodes."""


class GraphCell(Cell):
    """The cell of a graph: a vertex reads the sum of its sources.

    Args:
        graph: Graph of the cell.
        place: Place of the cell.
        drop_path: Whether results of operations can be dropped in training.
    """

    def __init__(self, graph: CellGraph, place: Place, drop_path: bool = False) -> None:
        super().__init__(place, graph.ops.count(NODE))
        self.sources = graph.sources[2:]
        self.nodes = [vertex for vertex, op in enumerate(graph.ops) if op == NODE]
        self.layers = nn.ModuleList(_make_layer(op, place.channels) for op in graph.ops[2:])
        self.drop = DropPath() if drop_path else None

    def compute(self, before_last: Tensor, last: Tensor) -> list[Tensor]:
        """Computes the vertices in order."""
        results = [before_last, last]
        for sources, layer in zip(self.sources, self.layers, strict=True):
            terms = [results[source] for source in sources]
            result = layer(sum(terms[1:], start=terms[0]))
            if self.drop is not None and len(results) not in self.nodes:
                result = self.drop(result)
            results.append(result)
        return [results[vertex] for vertex in self.nodes]


class MixedCell(Cell):
    """The cell of a supernet: each node is the sum of mixed layers of all results before it.

    Args:
        mix: Makes the mixed layers.
        reduces: Whether it is a reduction cell, whose layers on the inputs have stride 2.
        place: Place of the cell.
    """

    def __init__(
        self,
        mix: Mix,
        reduces: bool,
        place: Place,
    ) -> None:
        super().__init__(place, NODES)

        def make_edge(name: str, source: int) -> nn.Module:
            stride = 2 if reduces and source < 2 else 1
            return mix(name, lambda option, width: _make_option(option, width, stride), place.channels)

        for layer in self.inputs.modules():  # without factors, as in the search of the paper
            if isinstance(layer, nn.BatchNorm2d):
                layer.requires_grad_(False)
        self.mixed = MixedNodes(2, NODES, "reduce/" if reduces else "normal/", make_edge)

    def compute(self, before_last: Tensor, last: Tensor) -> list[Tensor]:
        """Computes the nodes in order."""
        return self.mixed.compute(before_last, last)[2:]


def _check(input_shape: tuple[int, ...], num_classes: int, channels: int, cells: int) -> None:
    check_arguments(input_shape, num_classes=num_classes, channels=channels)
    if cells < 3:
        raise UsageError(f"cells must be at least 3, for one of either kind, got {cells}")


def _split(graph: Simplified) -> tuple[CellGraph, CellGraph]:
    """The normal and the reduction cell. The edges between the cells are not checked."""
    known = (BEFORE_LAST, LAST, NODE)
    for name in graph.ops[1:-1]:
        if name not in known and name.removesuffix(STRIDED) not in NAMES:
            raise ArchitectureError(
                f"a darts network has no layer for {name!r}; it builds {', '.join(NAMES)}, with stride 2 "
                "where '-s2' is appended"
            )
    starts = [vertex for vertex, name in enumerate(graph.ops) if name == BEFORE_LAST]
    ends = itertools.pairwise([*starts, len(graph.ops) - 1])
    cells = [cell for start, stop in ends if (cell := _cut(graph, start, stop))]
    if len(starts) != 2 or len(cells) != 2:
        raise ArchitectureError(
            f"a darts network is made of two cells, each {BEFORE_LAST}, {LAST}, operations and nodes in this "
            f"order, got {', '.join(graph.ops)[:80]}; make the architecture with the space 'darts'"
        )
    return cells[0], cells[1]


def _cut(graph: Simplified, start: int, stop: int) -> CellGraph | None:
    """The cell of these vertices; None if a vertex other than its inputs reads from outside."""
    ops, counts = graph.ops[start:stop], graph.counts[:stop, start:stop]
    if ops[1:2] != (LAST,) or LAST in ops[2:] or NODE not in ops or counts[:start, 2:].any():
        return None
    sources = [
        [source for source, count in enumerate(column) for _ in range(count)]
        for column in counts[start:].T.tolist()
    ]
    return CellGraph(ops, sources) if all(sources[2:]) else None


def _adapt(inputs: int, outputs: int) -> nn.Module:
    return relu_conv_norm(inputs, outputs, 1)


def _make_layer(name: str, channels: int) -> nn.Module:
    if name == NODE:
        return nn.Identity()
    operation = operations.get(name)
    return make_layer("darts", operation, channels, channels, operation.stride)


def _make_option(name: str, channels: int, stride: int) -> nn.Module:
    operation = operations.get(name)
    layer = make_layer("darts", operation, channels, channels, stride)
    return nn.Sequential(layer, nn.BatchNorm2d(channels)) if operation.kind.endswith("-pool") else layer

"""The skeleton of DARTS: a stem, then cells that read the two before them, two of them reduction cells."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import torch
from torch import Tensor, nn

from egraph import operations
from egraph.architecture import Architecture
from egraph.canonical import Simplified, simplify
from egraph.errors import ArchitectureError, UsageError
from egraph.networks._allocation import allocate, check_arguments
from egraph.networks._layers import classifier, conv_norm
from egraph.networks.operations import LAYERS, STRIDED, FactorizedReduction, make_layer, relu_conv_norm

__all__ = ["build_darts"]

BEFORE_LAST, LAST, NODE = "c_{k-2}", "c_{k-1}", "node"
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
    seed: int = 0,
    max_params: int = 50_000_000,
) -> DartsNetwork:
    """Builds the CIFAR-10 network of two cells; the paper has 36 channels and 20 cells.

    A 3x3 convolution to three times ``channels`` with batch normalisation, then the cells. The cells after
    one third and after two thirds are reduction cells, which halve the sides and double the channels. The
    mean over all pixels goes to one dense layer. A cell brings each of the two results before it to its own
    width by ReLU, 1x1 convolution and batch normalisation, or by a factorised reduction if the sides differ.
    Separable convolutions are applied twice, dilated ones once.

    Differences from the paper: there is no auxiliary head, and no drop path in training. Cells are simplified
    (`simplify`) before they are built, so that architectures with one key are one network. An odd side is
    halved and rounded up, which the original does not support.

    Args:
        architecture: Architecture of the space ``darts``.
        input_shape: Shape ``(channels, height, width)`` of one image, of any size.
        num_classes: Number of outputs.
        channels: Number of channels of each node in the first cells.
        cells: Number of cells, at least 3, so that both kinds occur.
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
    check_arguments(input_shape, num_classes=num_classes, channels=channels)
    if cells < 3:
        raise UsageError(f"cells must be at least 3, for one of either kind, got {cells}")
    normal, reduction = _split(simplify(architecture))

    def make() -> DartsNetwork:
        return DartsNetwork(normal, reduction, input_shape[0], num_classes, channels, cells)

    return allocate(make, seed, max_params, f"use fewer channels than {channels}, or fewer cells")


class DartsNetwork(nn.Module):
    """A stem, cells that read the two results before them, the mean over all pixels and a dense layer.

    Shapes:
        - input: ``(batch, channels, height, width)``
        - output: ``(batch, num_classes)``, logits
    """

    def __init__(
        self, normal: CellGraph, reduction: CellGraph, image: int, num_classes: int, channels: int, cells: int
    ) -> None:
        super().__init__()
        self.stem = conv_norm(image, 3 * channels, 3)
        self.cells = nn.ModuleList()
        before_last = last = 3 * channels  # widths
        halved = False
        for number in range(cells):
            reduces = number in (cells // 3, 2 * cells // 3)
            channels *= 2 if reduces else 1
            graph = reduction if reduces else normal
            self.cells.append(Cell(graph, before_last, last, channels, halved))
            before_last, last, halved = last, channels * graph.ops.count(NODE), reduces
        self.head = classifier(last, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Maps images to logits."""
        before_last = last = self.stem(images)
        for cell in self.cells:
            before_last, last = last, cell(before_last, last)
        return self.head(last)


class Cell(nn.Module):
    """One cell: a vertex reads the sum of its sources; the nodes are concatenated.

    Args:
        graph: Graph of the cell.
        before_last: Number of channels of the result before the last.
        last: Number of channels of the last result.
        channels: Number of channels of every vertex.
        halved: Whether the last result has half the sides of the one before.

    Shapes:
        - input: ``(batch, before_last, height, width)``, both twice as large if ``halved``, and
          ``(batch, last, height, width)``
        - output: ``(batch, nodes * channels, height, width)``, halved and rounded up by a reduction cell
    """

    def __init__(self, graph: CellGraph, before_last: int, last: int, channels: int, halved: bool) -> None:
        super().__init__()
        self.sources = graph.sources[2:]
        self.nodes = [vertex for vertex, op in enumerate(graph.ops) if op == NODE]
        adapt = FactorizedReduction if halved else _adapt
        self.inputs = nn.ModuleList([adapt(before_last, channels), _adapt(last, channels)])
        self.layers = nn.ModuleList(_make_layer(op, channels) for op in graph.ops[2:])

    def forward(self, before_last: Tensor, last: Tensor) -> Tensor:
        """Computes the vertices in order."""
        results = [self.inputs[0](before_last), self.inputs[1](last)]
        for sources, layer in zip(self.sources, self.layers, strict=True):
            terms = [results[source] for source in sources]
            results.append(layer(sum(terms[1:], start=terms[0])))
        return torch.cat([results[vertex] for vertex in self.nodes], dim=1)


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

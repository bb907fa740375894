"""The skeleton of NAS-Bench-101: a stem, three stacks of equal cells, a dense layer."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import torch
from torch import Tensor, nn

from egraph.architecture import Architecture
from egraph.canonical import live_vertices
from egraph.errors import ArchitectureError, UsageError
from egraph.networks._allocation import allocate, check_arguments
from egraph.networks._layers import Layer, classifier, conv_norm_relu, read_operation
from egraph.networks.operations import make_layer
from egraph.operations import Operation

__all__ = ["CellGraph", "build_nasbench101", "plan_cell", "split_channels"]

LAYERS = (Layer("conv", 3), Layer("conv", 1), Layer("max-pool", 3))
"""In the order of the published labels."""

STACKS = 3


class CellGraph(NamedTuple):
    """The live part of a cell in the published numbering.

    Attributes:
        operations: Operations of the vertices between input and output.
        sources: For each vertex but the input, the vertices that lead to it, ascending.
    """

    operations: tuple[Operation, ...]
    sources: tuple[tuple[int, ...], ...]


def build_nasbench101(
    architecture: Architecture,
    input_shape: tuple[int, ...],
    num_classes: int,
    channels: int = 128,
    cells: int = 3,
    *,
    seed: int = 0,
    max_params: int = 50_000_000,
) -> nn.Sequential:
    """Builds the network of a NAS-Bench-101 cell; the defaults give the published number of parameters.

    A 3x3 convolution, then three stacks of cells (`Cell`). Before the second and third stack a 2x2 max pool
    halves the sides and the next cell doubles the channels. The mean over all pixels goes to one dense layer.
    Every convolution is followed by batch normalisation and ReLU. A cell is brought to the published
    numbering before it is built, so that isomorphic cells are one network.

    Differences from the paper: initial weights are PyTorch's, not from a truncated normal distribution, and
    batch normalisation has PyTorch's momentum of 0.1, not 0.003, which needs long trainings.

    Args:
        architecture: Cell whose interior vertices are 3x3 and 1x1 convolutions and 3x3 max pools of stride 1.
        input_shape: Shape ``(channels, height, width)`` of one image, of any size.
        num_classes: Number of outputs.
        channels: Number of channels in the first stack.
        cells: Number of cells in each stack.
        seed: Seed of the initial weights; the global generator is not used.
        max_params: Largest number of trainable parameters that is built.

    Raises:
        UsageError: An argument is out of range.
        ArchitectureError: No path leads from input to output, or an operation has no layer in these networks.
        EvaluationError: The network has more than ``max_params`` parameters; no memory was allocated.

    References:
        Ying et al., "NAS-Bench-101: Towards Reproducible Neural Architecture Search", ICML 2019,
        https://arxiv.org/abs/1902.09635
    """
    check_arguments(input_shape, num_classes=num_classes, cells=cells)
    graph = plan_cell(architecture)
    if channels < (least := max(5, len(graph.operations))):
        raise UsageError(
            f"channels must be at least {least}, since vertices of a cell share them, got {channels}"
        )

    def make() -> nn.Sequential:
        blocks: list[nn.Module] = [conv_norm_relu(input_shape[0], channels, 3)]
        inputs = channels
        for stack in range(STACKS):
            outputs = channels * 2**stack
            if stack:
                blocks.append(nn.MaxPool2d(2, ceil_mode=True))
            for _ in range(cells):
                blocks.append(Cell(graph, inputs, outputs))
                inputs = outputs
        return nn.Sequential(*blocks, classifier(inputs, num_classes))

    return allocate(make, seed, max_params, f"use fewer channels than {channels}")


class Cell(nn.Module):
    """One cell.

    The input goes through a 1x1 convolution on each of its edges. A vertex sums its inputs. The output
    concatenates them, except for the input of the cell, which is added to the result; so the vertices before
    the output share the channels. The remainder of that division goes to the first of them, one channel each;
    a vertex that has one channel less than its source drops the last.

    Shapes:
        - input: ``(batch, inputs, height, width)``
        - output: ``(batch, outputs, height, width)``
    """

    def __init__(self, graph: CellGraph, inputs: int, outputs: int) -> None:
        super().__init__()
        self.sources = graph.sources
        self.widths = [*split_channels(graph, outputs), outputs]
        self.projections = nn.ModuleDict(
            {
                str(index): conv_norm_relu(inputs, width, 1)
                for index, (width, sources) in enumerate(zip(self.widths, self.sources, strict=True))
                if 0 in sources
            }
        )
        self.layers = nn.ModuleList(
            make_layer("nasbench101", operation, width, width)
            for operation, width in zip(graph.operations, self.widths, strict=False)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Computes the vertices in order."""
        results = [images]
        for index, layer in enumerate(self.layers):
            width = self.widths[index]
            terms = [results[source][:, :width] for source in self.sources[index] if source]
            results.append(layer(self._add_input(index, terms, images)))
        joined = [results[source] for source in self.sources[-1] if source]
        return self._add_input(len(self.layers), [torch.cat(joined, 1)] if joined else [], images)

    def _add_input(self, index: int, terms: list[Tensor], images: Tensor) -> Tensor:
        if 0 in self.sources[index]:
            terms = [*terms, self.projections[str(index)](images)]
        return sum(terms[1:], start=terms[0])


def plan_cell(architecture: Architecture) -> CellGraph:
    """The live part of a cell, in the benchmark's numbering of its isomorphism class.

    Of all topological numberings this is the one with the smallest adjacency matrix, compared from the last
    column and there from the last row; among these the one with the first operations.

    Raises:
        ArchitectureError: No path leads from input to output, or an operation is not of the benchmark.
    """
    live = live_vertices(architecture.num_vertices, architecture.edges)
    edges = [(i, j) for i, j in architecture.edges if i in live and j in live]
    if not edges:
        raise ArchitectureError(
            f"no path of edges leads from input to output, got the edges {list(architecture.edges)}"
        )
    found = {v: read_operation(architecture.ops[v], "nasbench101", LAYERS) for v in live[1:-1]}
    label = {v: LAYERS.index(Layer(operation.kind, operation.kernel)) for v, operation in found.items()}
    numberings = []
    for order in itertools.permutations(live[1:-1]):
        index = {vertex: number for number, vertex in enumerate((live[0], *order, live[-1]))}
        if all(index[i] < index[j] for i, j in edges):
            columns = sorted([(index[j], index[i]) for i, j in edges], reverse=True)
            numberings.append((columns, [label[v] for v in order], order))
    columns, _, order = min(numberings)
    sources: list[list[int]] = [[] for _ in live[1:]]
    for j, i in reversed(columns):
        sources[j - 1].append(i)
    return CellGraph(tuple([found[v] for v in order]), tuple(tuple(each) for each in sources))


def split_channels(graph: CellGraph, channels: int) -> list[int]:
    """Number of channels of each vertex between input and output, of the ``channels`` of a cell.

    The vertices before the output share them; any other has as many as the widest vertex that it leads to.
    """
    interior = len(graph.operations)
    last = [source for source in graph.sources[-1] if source]
    widths = [0] * (interior + 1)  # that of the input is not used
    for index, vertex in enumerate(last):
        widths[vertex] = channels // len(last) + (index < channels % len(last))
    for vertex in range(interior, 0, -1):
        if not widths[vertex]:
            targets = [j for j, sources in enumerate(graph.sources[:-1], 1) if vertex in sources]
            widths[vertex] = max(widths[target] for target in targets)
    return widths[1:]

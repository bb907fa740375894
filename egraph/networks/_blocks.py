"""The skeleton of graphs of blocks: inputs of a block are pooled to the smallest and concatenated."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_max_pool2d

from egraph.architecture import Architecture
from egraph.canonical import live_vertices
from egraph.errors import ArchitectureError
from egraph.networks._allocation import allocate, check_arguments
from egraph.networks.parts import Part, ScaledConv2d, Shape, dense

__all__ = ["build_blocks"]


def build_blocks(
    architecture: Architecture,
    blocks: Mapping[str, Sequence[Part]],
    input_shape: tuple[int, ...],
    num_classes: int,
    channels: int = 64,
    *,
    seed: int = 0,
    max_params: int = 50_000_000,
) -> nn.Module:
    """Builds the live part of a graph of blocks, each a sequence of layers.

    Where several edges lead to a vertex, its inputs are brought to the least height and width among them by
    max pooling, and concatenated. The network ends in a dense layer with a neuron for each class.

    Args:
        architecture: Graph of blocks.
        blocks: Layers of each operation in the graph, by name. Those of ``"input"``, if any, come first;
            those of ``"output"``, if any, come before the last dense layer.
        input_shape: Shape ``(channels, height, width)`` of one image.
        num_classes: Number of outputs.
        channels: Number of filters or units of a layer of 64; other layers are scaled in proportion.
        seed: Seed of the initial weights; the global generator is not used.
        max_params: Largest number of trainable parameters that is built.

    Raises:
        UsageError: An argument is out of range.
        ArchitectureError: No path leads from input to output, or a layer does not fit the shape of its input.
        EvaluationError: The network has more than ``max_params`` parameters; no memory was allocated.

    References:
        Miikkulainen et al., "Evolving Deep Neural Networks", 2017, https://arxiv.org/abs/1703.00548
        He et al., "Delving Deep into Rectifiers", ICCV 2015, https://arxiv.org/abs/1502.01852
    """
    check_arguments(input_shape, num_classes=num_classes, channels=channels)
    network = allocate(
        lambda: BlockGraph(architecture, blocks, input_shape, num_classes, channels / 64),
        seed,
        max_params,
        f"use fewer channels than {channels}, or smaller images",
    )
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, ScaledConv2d):
                # Ratio of the bound of He et al. for uniform weights to the bound of `allocate`.
                module.weight *= module.scale * math.sqrt(6)
    return network


class BlockGraph(nn.Module):
    """A graph of blocks, computed in topological order.

    Shapes:
        - input: ``(batch, channels, height, width)``; of any size if the head averages over pixels
        - output: ``(batch, num_classes)``, logits
    """

    def __init__(
        self,
        architecture: Architecture,
        blocks: Mapping[str, Sequence[Part]],
        shape: Shape,
        num_classes: int,
        factor: float,
    ) -> None:
        super().__init__()
        live = live_vertices(architecture.num_vertices, architecture.edges)
        position = {vertex: number for number, vertex in enumerate(live)}
        self.sources: list[list[int]] = [[] for _ in live]
        for i, j in sorted(architecture.edges):
            if i in position and j in position:
                self.sources[position[j]].append(position[i])
        if not self.sources[-1]:
            raise ArchitectureError(
                f"no path of enabled edges leads from input to output; enabled: {list(architecture.edges)}"
            )
        self.blocks = nn.ModuleList()
        # Shapes come from a forward pass of two images (batch normalisation refuses one) on the meta device.
        images = torch.empty(2, *shape)
        results: list[Tensor] = []
        for vertex, sources in zip(live, self.sources, strict=True):
            block = nn.Sequential()
            value = join([results[source] for source in sources]) if sources else images
            name = architecture.ops[vertex]
            for part in blocks.get(name, ()) if vertex in (live[0], live[-1]) else blocks[name]:
                try:
                    block.append(part(tuple(value.shape[1:]), factor))
                except ArchitectureError as error:
                    raise ArchitectureError(f"block {name!r} (vertex {vertex}): {error}") from None
                value = block[-1](value)
            self.blocks.append(block)
            results.append(value)
        self.classifier = dense(num_classes)(tuple(results[-1].shape[1:]), 1)

    def forward(self, images: Tensor) -> Tensor:
        """Maps images to logits."""
        results = [self.blocks[0](images)]
        for sources, block in zip(self.sources[1:], list(self.blocks)[1:], strict=True):
            results.append(block(join([results[source] for source in sources])))
        return self.classifier(results[-1])


def join(values: list[Tensor]) -> Tensor:
    """Concatenates maps of ``(batch, ..., height, width)`` by channels, pooled to the smallest of them."""
    if len(values) == 1:
        return values[0]
    size = [min(sides) for sides in zip(*(value.shape[2:] for value in values), strict=True)]
    return torch.cat(
        [value if list(value.shape[2:]) == size else adaptive_max_pool2d(value, size) for value in values], 1
    )

"""The skeleton of NASH: a chain of convolutions and pools with skips that are concatenated."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from egraph import operations
from egraph.architecture import Architecture
from egraph.errors import ArchitectureError
from egraph.networks._allocation import allocate, check_arguments
from egraph.networks._layers import Layer, classifier, read_operation
from egraph.networks.operations import make_layer

__all__ = ["NashNetwork", "build_nash"]

LAYERS = (Layer("conv", 3), Layer("conv", 5), Layer("max-pool", 2, 2))


def build_nash(
    architecture: Architecture,
    input_shape: tuple[int, ...],
    num_classes: int,
    channels: int = 16,
    *,
    seed: int = 0,
    max_params: int = 50_000_000,
) -> NashNetwork:
    """Builds a chain of convolutions and pools with skips.

    Args:
        architecture: Chain from input to output, in the order of its vertices; other edges are skips
            between equal resolutions.
        input_shape: Shape ``(channels, height, width)`` of one image, of any size.
        num_classes: Number of outputs.
        channels: Number of channels of a convolution of width 1.
        seed: Seed of the initial weights; the global generator is not used.
        max_params: Largest number of trainable parameters that is built.

    Raises:
        UsageError: An argument is out of range.
        ArchitectureError: The graph is no chain with skips, or an operation has no layer in these networks.
        EvaluationError: The network has more than ``max_params`` parameters; no memory was allocated.

    References:
        Elsken, Metzen and Hutter, "Simple and Efficient Architecture Search for Convolutional Neural
        Networks", 2017, https://arxiv.org/abs/1711.04528
    """
    check_arguments(input_shape, num_classes=num_classes, channels=channels)
    for name in architecture.ops[1:-1]:
        read_operation(name, "nash", LAYERS)
    chain = {(v, v + 1) for v in range(architecture.num_vertices - 1)}
    pools = {v for v, op in enumerate(architecture.ops) if operations.get(op).kind == "max-pool"}
    if not chain <= set(architecture.edges) or any(j in pools for _, j in set(architecture.edges) - chain):
        raise ArchitectureError(
            "a nash network is a chain in the order of its vertices, with skips that do not end at a pool; "
            f"got the edges {list(architecture.edges)}"
        )
    advice = f"use fewer channels than {channels}"
    return allocate(
        lambda: NashNetwork(architecture, input_shape[0], num_classes, channels), seed, max_params, advice
    )


class NashNetwork(nn.Module):
    """Each vertex concatenates the results of its sources and applies its layer.

    A convolution is followed by batch normalisation and ReLU; a max pool halves the sides, rounded up. The
    output takes the mean over all pixels and applies a dense layer.

    Attributes:
        ops: Operation of each vertex.
        sources: For each vertex, the vertices that it reads, ascending.
        widths: Number of channels of each vertex's result; for the output, the number of classes.
        layers: Layer of each vertex; for the input, the identity.

    Shapes:
        - input: ``(batch, channels, height, width)``
        - output: ``(batch, num_classes)``, logits
    """

    def __init__(
        self, architecture: Architecture, input_channels: int, num_classes: int, channels: int
    ) -> None:
        super().__init__()
        self.ops = architecture.ops
        last = architecture.num_vertices - 1
        self.sources: list[list[int]] = [[] for _ in self.ops]
        for i, j in architecture.edges:
            self.sources[j].append(i)
        self.widths = [input_channels]
        self.layers = nn.ModuleList([nn.Identity()])
        for vertex in range(1, last):
            operation = operations.get(self.ops[vertex])
            read = sum(self.widths[source] for source in self.sources[vertex])
            width = round(channels * operation.width) if operation.kind == "conv" else read
            self.widths.append(width)
            self.layers.append(make_layer("nash", operation, read, width, operation.stride))
        self.widths.append(num_classes)
        self.layers.append(classifier(sum(self.widths[source] for source in self.sources[last]), num_classes))

    def forward(self, images: Tensor) -> Tensor:
        """Maps images to logits."""
        results = [images]
        for sources, layer in zip(self.sources[1:], list(self.layers)[1:], strict=True):
            results.append(layer(torch.cat([results[source] for source in sources], dim=1)))
        return results[-1]

"""The skeleton of NASH: a chain of convolutions and pools with skips that are joined side by side."""

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
    input_shape: tuple[int, int, int],
    num_classes: int,
    channels: int = 16,
    *,
    seed: int = 0,
    max_params: int = 50_000_000,
) -> NashNetwork:
    """Builds a chain of convolutions and pools with skips.

    Args:
        architecture: a chain from input to output, in the order of its vertices; other edges are skips
            between equal resolutions.
        input_shape: ``(channels, height, width)`` of one image, of any size.
        num_classes: number of outputs.
        channels: of a convolution of width 1.
        seed: of the first weights; equal arguments give equal weights, the global generator is left alone.
        max_params: the most trainable parameters that are built.

    Raises:
        UsageError: an argument is out of its range.
        ArchitectureError: the graph is no chain with skips, or an operation is another one.
        EvaluationError: the network has more than ``max_params`` parameters; no memory was taken.

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
    """Each vertex reads what its sources give, side by side, and applies its layer.

    A convolution is followed by batch normalisation and ReLU; a max pool halves the sides, upward. The output
    takes the mean over all pixels and applies a dense layer.

    Attributes:
        ops: the operation of each vertex.
        sources: of each vertex, those that it reads, ascending.
        widths: of each vertex, the channels that it gives; the output's are the classes.
        layers: of each vertex; the input's is the identity.

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

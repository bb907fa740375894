"""Layers that skeletons share. All of them halve an odd side and round up."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from torch import nn

from egraph import operations
from egraph.architecture import Architecture
from egraph.canonical import simplify
from egraph.errors import ArchitectureError
from egraph.operations import Operation

__all__ = ["Layer", "classifier", "conv_norm", "conv_norm_relu", "read_chain", "read_operation"]


class Layer(NamedTuple):
    """Attributes of the operations for which a skeleton has a layer."""

    kind: str
    kernel: int
    stride: int = 1


def read_operation(name: str, skeleton: str, layers: Collection[Layer]) -> Operation:
    """The operation of that name.

    Raises:
        ArchitectureError: The operation is none of ``layers``.
    """
    operation = operations.get(name)
    found = Layer(operation.kind, operation.kernel, operation.stride)
    if found not in layers:
        raise ArchitectureError(
            f"a {skeleton} network has no layer for {name!r} ({_describe(found)}); it builds "
            + ", ".join(_describe(layer) for layer in layers)
        )
    return operation


def read_chain(architecture: Architecture, skeleton: str, layers: Collection[Layer]) -> list[Operation]:
    """The live operations between input and output, which must form a chain.

    Raises:
        ArchitectureError: They form no chain, or one of them is none of ``layers``.
    """
    graph = simplify(architecture)
    if not np.array_equal(graph.counts, np.eye(len(graph.ops), k=1)):
        raise ArchitectureError(
            f"a {skeleton} network is a chain from input to output, got the edges {list(architecture.edges)}"
        )
    return [read_operation(name, skeleton, layers) for name in graph.ops[1:-1]]


def conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution without bias and its batch normalisation; zero padding keeps the size.

    Shapes:
        - input: ``(batch, inputs, height, width)``
        - output: ``(batch, outputs, height / stride, width / stride)``, rounded up
    """
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs))


def conv_norm_relu(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """The layers of `conv_norm`, then ReLU."""
    return nn.Sequential(*conv_norm(inputs, outputs, kernel, stride, groups), nn.ReLU())


def classifier(features: int, num_classes: int) -> nn.Sequential:
    """The mean over all pixels, then one dense layer: ``(batch, features, ...)`` to logits."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(features, num_classes))


def _describe(layer: Layer) -> str:
    return f"{layer.kind} of kernel {layer.kernel} and stride {layer.stride}"

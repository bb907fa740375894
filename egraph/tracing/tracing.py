"""`from_torch`: all steps from a module to an architecture."""

from __future__ import annotations

from typing import Any

from torch import nn

from egraph.architecture import Architecture
from egraph.tracing.capture import capture
from egraph.tracing.describing import describe
from egraph.tracing.folding import fold_runs
from egraph.tracing.fusing import fuse_attention, fuse_blocks, tidy_joins
from egraph.tracing.reading import read_graph

__all__ = ["from_torch"]


def from_torch(module: nn.Module, example_input: Any, *, fold: bool = True) -> Architecture:
    """Reads the graph of a network in evaluation mode without computing it.

    Every vertex is an operation that is registered in `egraph.operations` with its description: kind, kernel,
    stride, groups, expansion, width (its channels over the most at that resolution), channels, pixels,
    parameters, multiply-adds, activations and number of repeats. Parameters and multiply-adds sum to those of
    the network. Results are joined by vertices ``add``, ``concat`` and ``multiply`` of kind ``identity``,
    which rankers splice into the edges.

    Args:
        module: Any module; its weights, its mode and the state of random generators do not change.
        example_input: Arguments of its ``forward``: a tensor with the batch first, a tuple, or a dictionary
            of arguments by name, such as ``{"pixel_values": images}``.
        fold: Whether to draw a run of equal blocks as one block with its count, and depthwise separable
            convolutions, inverted residuals (with their shortcut) and squeeze-and-excitation as one vertex;
            otherwise every convolution is a vertex.

    Raises:
        ArchitectureError: The path through the network depends on values in its tensors; the text names the
            file and line. Or the network does not run on the example, or its result does not depend on it.
        UsageError: An argument is no module, or the example has no tensor or names unknown arguments.
    """
    program = capture(module, example_input)
    sketch = read_graph(program)
    fuse_attention(sketch)
    tidy_joins(sketch)
    if fold:
        fuse_blocks(sketch)
        tidy_joins(sketch)
        fold_runs(sketch)
    return describe(sketch)

"""`from_torch`: the whole way from a module to an architecture."""

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
    """Reads the graph of a network, as it is in evaluation mode, without computing it.

    Every vertex is an operation that is registered in `egraph.operations` with what it is: kind, kernel,
    stride, groups, expansion, width (its channels over the most at that resolution), channels, parameters,
    multiply-adds and how many it stands for. Parameters and multiply-adds sum to those of the network.
    Results are joined by vertices ``add``, ``concat`` and ``multiply`` of kind ``identity``, which rankers
    splice into the edges.

    Args:
        module: any module; its weights, its mode and the state of random generators stay as they were.
        example_input: what its ``forward`` takes: a tensor with the batch first, or a tuple of arguments.
        fold: draw a run of equal blocks as one block with its count, and depthwise separable convolutions,
            inverted residuals (with their shortcut) and squeeze-and-excitation as one vertex; otherwise every
            convolution is a vertex.

    Raises:
        ArchitectureError: the path through the network depends on values in its tensors; the text names the
            file and line. Or it does not run on the example, or its result does not depend on it.
        UsageError: an argument is no module, or no tensor is in the example.
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

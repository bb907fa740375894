"""`from_torch` and `draw`: all steps from a module to an architecture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from egraph import interchange
from egraph.architecture import Architecture
from egraph.tracing.capture import Program, capture
from egraph.tracing.describing import describe
from egraph.tracing.folding import fold_runs
from egraph.tracing.fusing import fuse_attention, fuse_blocks, tidy_joins
from egraph.tracing.identity import identify
from egraph.tracing.layers import tensor_of
from egraph.tracing.onnx_reading import OnnxModule, make_example, read_onnx
from egraph.tracing.reading import read_graph
from egraph.tracing.recording import NotRecorded, record

__all__ = ["Drawn", "draw", "from_onnx", "from_torch"]


def from_torch(
    module: nn.Module | torch.export.ExportedProgram,
    example_input: Any = None,
    *,
    fold: bool = True,
    part: str | None = None,
) -> Architecture:
    """Reads the graph of a network in evaluation mode without computing it.

    Every vertex is an operation that is registered in `egraph.operations` with its description: kind, kernel,
    stride, groups, expansion, width (its channels over the most at that resolution), channels, pixels,
    parameters, multiply-adds, activations and number of repeats. Parameters and multiply-adds sum to those of
    the network. Results are joined by vertices ``add``, ``concat`` and ``multiply`` of kind ``identity``,
    which rankers splice into the edges.

    Args:
        module: Any module, scripted ones too, or a program of ``torch.export``; its weights, its mode and the
            state of random generators do not change.
        example_input: Arguments of its ``forward``: a tensor with the batch first, a tuple, a dictionary
            of arguments by name, such as ``{"pixel_values": images}``, or an object with tensors in it, such
            as a batch. None takes the example of an exported program.
        fold: Whether to draw a run of equal blocks as one block with its count, and depthwise separable
            convolutions, inverted residuals (with their shortcut) and squeeze-and-excitation as one vertex;
            otherwise every convolution is a vertex.
        part: Name of a submodule to read instead, such as ``"backbone"``, on what it receives when the whole
            network runs on the example.

    Warns:
        TracingWarning: The network selects by values, such as ``x[x > 0]`` or ``nms``; the selection is drawn
            as if everything were selected.

    Raises:
        ArchitectureError: The path through the network depends on values in its tensors; the text names the
            part, the file and the line. Or the network does not run on the example, or its result does not
            depend on it.
        UsageError: An argument is no module, there is no such part, or the example has no tensor or names
            unknown arguments.
    """
    return _draw(capture(module, example_input, part), fold=fold)


def from_onnx(
    source: str | os.PathLike[str] | bytes, example_input: Any = None, *, fold: bool = True
) -> Architecture:
    """Reads the graph of a network in an ONNX file, as `from_torch` reads that of a module.

    Operators, names and folding are those of `from_torch`. The graph of one network is the same through both,
    except for what its exporter has changed: a norm that was merged into a convolution has no parameters of
    its own, and real constants with several elements count as parameters. Weights are not read, so files of
    weights beside the model may be missing. A file of `Architecture.to_onnx` gives that architecture, without
    an example and without folding.

    Args:
        source: Path of the file, or its bytes.
        example_input: Tensor, or tuple of tensors, one for each input; None for zeros of the shapes in the
            model, with a first side of any length as one example.
        fold: As in `from_torch`.

    Raises:
        ArchitectureError: An operator is not read, a size depends on values, or an architecture was changed.
        DataError: There is no such file, or it is no ONNX model.
        MissingExtraError: The package ``onnx`` is not installed.
        UsageError: An input has a side of any length, and there is no example.
    """
    model = read_onnx(source)
    if any(node.domain == interchange.ONNX_DOMAIN for node in model.graph.node):
        return Architecture.from_onnx(model)
    folder = str(Path(source).parent) if isinstance(source, str | os.PathLike) else ""
    module = OnnxModule(model, folder)
    return from_torch(module, make_example(model) if example_input is None else example_input, fold=fold)


class Drawn(NamedTuple):
    """A network as search spaces see it.

    Attributes:
        architecture: As `from_torch` draws it.
        identity: A text that is the same for the same computation: see `identify`.
        outputs: Shape of the first result.
    """

    architecture: Architecture
    identity: str
    outputs: tuple[int, ...]


def draw(module: nn.Module, example: tuple[Tensor, ...], *, fold: bool) -> Drawn:
    """Draws a module as it trains; many times as fast as `from_torch` where no recurrent layer is in it.

    Raises:
        ArchitectureError: As in `from_torch`.
    """
    try:
        program = record(module, example)
    except NotRecorded:
        program = capture(module, example)
    results = [tensor_of(node) for node in program.graph.output_node().all_input_nodes]
    outputs = tuple(results[0].shape) if results and results[0] is not None else ()
    return Drawn(_draw(program, fold=fold), identify(program), outputs)


def _draw(program: Program, *, fold: bool) -> Architecture:
    sketch = read_graph(program)
    fuse_attention(sketch)
    tidy_joins(sketch)
    if fold:
        fuse_blocks(sketch)
        tidy_joins(sketch)
        fold_runs(sketch, len(program.inputs))
    return describe(sketch)

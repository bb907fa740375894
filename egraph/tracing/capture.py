"""One forward pass of a module as a graph of ATen operations; the module does not change."""

from __future__ import annotations

import io
import logging
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stderr
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

from egraph.errors import ArchitectureError, EgraphError, TracingWarning, UsageError
from egraph.tracing.examples import Call, read_example
from egraph.tracing.forms import prepared, to_module
from egraph.tracing.locations import location_of_error, location_of_node, part_of_error, part_of_node
from egraph.tracing.parts import find_part, receive
from egraph.tracing.selections import Selections

__all__ = ["BY_VALUES", "Program", "capture"]

BY_VALUES = (GuardOnDataDependentSymNode, DataDependentOutputException, DynamicOutputShapeException)
"""Errors of PyTorch where a path or a size depends on values."""


@dataclass(frozen=True, eq=False)
class Program:
    """A recorded forward pass.

    Attributes:
        graph: Functional ATen operations; ``meta["val"]`` of a node is a tensor without values.
        parameters: Parameters by placeholder.
        inputs: Placeholders of the example's tensors.
        batch: Number of examples in the first tensor.
        buffers: Other tensors by placeholder, where they are known.
    """

    graph: fx.Graph
    parameters: dict[fx.Node, nn.Parameter]
    inputs: frozenset[fx.Node]
    batch: int
    buffers: Mapping[fx.Node, Tensor] = field(default_factory=dict)


def capture(network: Any, example_input: Any = None, part: str | None = None) -> Program:
    """Records the forward pass in evaluation mode, on tensors without values.

    Args:
        network: Module, or an exported program.
        example_input: Arguments of its forward; None for those of an exported program.
        part: Name of a submodule to record instead, on what it receives.

    Raises:
        ArchitectureError: The computation depends on values, or the module does not run on the example.
        UsageError: An argument is of another type, or the module has parameters without a shape.
    """
    module = to_module(network)
    if example_input is None and isinstance(network, torch.export.ExportedProgram):
        (args, kwargs) = network.example_inputs or ((), {})
    else:
        args, kwargs = read_example(module, example_input)
    with prepared(module) as (ready, device), _silent(), torch.enable_grad(), _where(device):
        call = Call(ready, args, kwargs, device)
        if not call.tensors:
            raise UsageError(
                "example_input must be a tensor, a tuple or dictionary of the arguments of forward, or an "
                f"object with a tensor in it, got {type(example_input).__name__}; for images write "
                "torch.zeros(1, 3, 32, 32)"
            )
        if part is not None:
            call = receive(call, find_part(ready, part), part)
        exported, selections = _export(call)
        program = _to_program(exported, call)
    if selections:
        warnings.warn(
            f"{selections} selections by values are drawn as if they selected everything",
            TracingWarning,
            stacklevel=4,
        )
    return program


def _where(device: torch.device | None) -> AbstractContextManager[Any]:
    """A mode in which new tensors lie where those of a module without memory do."""
    return torch.device("meta") if device == torch.device("meta") else nullcontext()


def _export(call: Call) -> tuple[torch.export.ExportedProgram, int]:
    """The recorded call, and the number of selections by values in it."""
    try:
        return _record(call), 0
    except _ByValuesError as error:
        first = error
    selections = Selections()
    call.context = selections
    try:
        recorded = _record(call)
    except _ByValuesError as error:
        raise ArchitectureError(str(error)) from error.__cause__
    except ArchitectureError:  # what holds for some values does not for all
        raise ArchitectureError(str(first)) from first.__cause__
    return recorded, selections.count


class _ByValuesError(Exception):
    """The computation depends on values."""


def _record(call: Call) -> torch.export.ExportedProgram:
    try:
        with torch.jit.optimized_execution(False):
            recorded = torch.export.export(call, call.tensors, strict=False)
        _refuse_sizes_by_values(recorded.graph, call)
        recorded.graph.eliminate_dead_code()
        # An empty decomposition replaces only in-place operations; it is slow.
        return recorded if _is_functional(recorded.graph) else recorded.run_decompositions({})
    except (EgraphError, _ByValuesError):
        raise
    except BY_VALUES as error:
        raise _ByValuesError(
            "the computation of the network depends on values in its tensors"
            f"{_name_part(path := part_of_error(error, call), call)}{location_of_error(error)}; "
            f"{_way_out(call, path)}"
        ) from error
    except Exception as error:
        if _packs_sequences(error):
            raise ArchitectureError(
                f"the network packs sequences, whose sizes depend on values{location_of_error(error)}; "
                "give the recurrent layer padded sequences, which have the same graph"
            ) from error
        if "FlexAttention" in str(error):
            raise ArchitectureError(
                f"the network calls flex_attention, which cannot be recorded{location_of_error(error)}; "
                "trace it with scaled_dot_product_attention, which has the same graph"
            ) from error
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in call.tensors)
        reason = str(error).strip().split("\n")[0][:300]
        raise ArchitectureError(
            f"cannot record the network on an input of shape {shapes}: {type(error).__name__}: {reason}"
            f"{location_of_error(error)}; pass an example_input that its forward accepts, and use "
            "only operations of PyTorch there"
        ) from error


def _packs_sequences(error: BaseException) -> bool:
    """Whether an error was raised by a recurrent layer on packed sequences, or by their making."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return any(
        frame.f_code.co_name.endswith("_packed_sequence") or frame.f_locals.get("batch_sizes") is not None
        for frame in frames
    )


def _name_part(path: str, call: Call) -> str:
    """The part of the network, with its class."""
    inside = path.removeprefix("module").removeprefix(".")
    return f", in its part {inside!r} ({type(call.get_submodule(path)).__name__})" if inside else ""


def _way_out(call: Call, path: str) -> str:
    """What to do about a path that depends on values in a part of the network."""
    sizes = {
        name: sum(parameter.numel() for parameter in part.parameters())
        for name, part in call.module.named_children()
        if path.split(".")[1:2] != [name]
    }
    largest = max(sizes, key=lambda name: sizes[name], default="NAME")
    return (
        "an architecture has one path and fixed sizes: decide by shapes or settings of the module, choose "
        f"between results with torch.where, or trace a part that does not, such as part={largest!r}"
    )


def _to_program(exported: torch.export.ExportedProgram, call: Call) -> Program:
    """The graph, with the tensors of its placeholders."""
    signature = exported.graph_signature
    names = signature.inputs_to_parameters
    kept = {**signature.inputs_to_buffers, **signature.inputs_to_lifted_tensor_constants}
    own = dict(call.named_parameters(remove_duplicate=False))
    others = {**dict(call.named_buffers(remove_duplicate=False)), **exported.constants}
    given = set(signature.user_inputs)
    holders = [node for node in exported.graph.nodes if node.op == "placeholder"]
    return Program(
        exported.graph,
        {node: own[names[node.name]] for node in holders if node.name in names},
        frozenset(node for node in holders if node.name in given),
        _count_examples(call.tensors),
        {node: others[kept[node.name]] for node in holders if kept.get(node.name) in others},
    )


def _count_examples(tensors: Sequence[Tensor]) -> int:
    """Number of examples in the first tensor: one for a graph, whose first tensor has a row for each node."""
    first, *others = tensors
    count = max(first.shape[0] if first.ndim else 1, 1)
    for other in others:
        is_index = other.ndim == 2 and len(other) == 2 and not other.is_floating_point()
        if first.ndim == 2 and (is_index or tuple(other.shape) == (count, count)):
            return 1
    return count


def _refuse_sizes_by_values(graph: fx.Graph, call: Call) -> None:
    for node in graph.nodes:
        value = node.meta.get("val")
        if isinstance(value, Tensor) and not all(isinstance(size, int) for size in value.shape):
            raise _ByValuesError(
                f"a size in the network depends on values in its tensors{_place(node, call)}"
            )
        if node.op == "call_function" and isinstance(node.target, torch._ops.HigherOrderOperator):
            name = node.target.name()
            if not name.startswith("wrap_with"):
                raise ArchitectureError(f"the network contains the control flow {name!r}{_place(node, call)}")


def _place(node: fx.Node, call: Call) -> str:
    """The part and the line of a node, and the way out."""
    path = part_of_node(node, call)
    return f"{_name_part(path, call)}{location_of_node(node)}; {_way_out(call, path)}"


def _is_functional(graph: fx.Graph) -> bool:
    """Whether no result depends on an operation that changes its arguments in place."""
    changed: set[fx.Node] = set()
    for node in graph.nodes:
        if changed.intersection(node.all_input_nodes) or isinstance(
            node.target, torch._ops.HigherOrderOperator
        ):
            return False
        if isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable:
            [first, *_] = node.all_input_nodes
            is_view = isinstance(first.target, torch._ops.OpOverload) and first.target.is_view
            if not node.users or is_view:
                return False
            changed.add(first)
    return True


@contextmanager
def _silent() -> Iterator[None]:
    """Silences PyTorch, which prints what it recorded when it fails on control flow."""
    quiet = logging.root.manager.disable
    try:
        logging.disable(logging.CRITICAL)
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(quiet)

"""One forward pass of a module as a graph of ATen operations; the module does not change."""

from __future__ import annotations

import inspect
import io
import logging
import random
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode
from torch.nn.parameter import is_lazy

from egraph.errors import ArchitectureError, EgraphError, UsageError
from egraph.tracing.locations import location_of_error, location_of_node

__all__ = ["Program", "capture", "unchanged"]

_BY_VALUES = (GuardOnDataDependentSymNode, DataDependentOutputException, DynamicOutputShapeException)
_WAY_OUT = (
    "an architecture has one path and fixed sizes: decide by shapes or settings of the module, choose "
    "between results with torch.where, or trace the parts before and behind"
)


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


def capture(module: nn.Module, example_input: Any) -> Program:
    """Records the forward pass in evaluation mode, on tensors without values.

    Raises:
        ArchitectureError: The computation depends on values, or the module does not run on the example.
        UsageError: An argument is of another type, or the module has parameters without a shape.
    """
    if not isinstance(module, nn.Module):
        raise UsageError(
            f"from_torch reads a torch.nn.Module, got {type(module).__name__}; wrap a function in a module"
        )
    if isinstance(module, torch.jit.ScriptModule):
        raise UsageError("from_torch reads a module with a Python forward, got TorchScript; pass its source")
    example, named = _read_example(module, example_input)
    tensors = [item for item in torch.utils._pytree.tree_leaves((example, named)) if isinstance(item, Tensor)]
    if not tensors:
        raise UsageError(
            "example_input must be a tensor, or a tuple or dictionary of the arguments of forward with a "
            f"tensor among them, got {type(example_input).__name__}; for images write "
            "torch.zeros(1, 3, 32, 32)"
        )
    if any(is_lazy(parameter) for parameter in module.parameters()):
        raise UsageError("the module has lazy parameters without a shape; run it on the example once")
    with unchanged(module), _silent(), torch.enable_grad():
        module.eval()
        try:
            recorded = torch.export.export(module, example, named, strict=False)
            _refuse_sizes_by_values(recorded.graph)
            recorded.graph.eliminate_dead_code()
            # An empty decomposition replaces only in-place operations; it is slow.
            program = recorded if _is_functional(recorded.graph) else recorded.run_decompositions({})
        except EgraphError:
            raise
        except _BY_VALUES as error:
            raise ArchitectureError(
                f"the computation of the network depends on values in its tensors{location_of_error(error)}; "
                f"{_WAY_OUT}"
            ) from error
        except Exception as error:
            shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
            reason = str(error).strip().split("\n")[0][:300]
            raise ArchitectureError(
                f"cannot record the network on an input of shape {shapes}: {type(error).__name__}: {reason}"
                f"{location_of_error(error)}; pass an example_input that its forward accepts, and use "
                "only operations of PyTorch there"
            ) from error
    return _to_program(program, module, max(tensors[0].shape[0] if tensors[0].ndim else 1, 1))


def _to_program(exported: torch.export.ExportedProgram, module: nn.Module, batch: int) -> Program:
    """The graph, with the tensors of its placeholders."""
    signature = exported.graph_signature
    names = signature.inputs_to_parameters
    kept = {**signature.inputs_to_buffers, **signature.inputs_to_lifted_tensor_constants}
    own = dict(module.named_parameters(remove_duplicate=False))
    others = {**dict(module.named_buffers(remove_duplicate=False)), **exported.constants}
    given = set(signature.user_inputs)
    holders = [node for node in exported.graph.nodes if node.op == "placeholder"]
    return Program(
        exported.graph,
        {node: own[names[node.name]] for node in holders if node.name in names},
        frozenset(node for node in holders if node.name in given),
        batch,
        {node: others[kept[node.name]] for node in holders if kept.get(node.name) in others},
    )


def _read_example(module: nn.Module, example_input: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of ``forward`` that an example denotes, by position and by name.

    Raises:
        UsageError: ``forward`` does not take the names of a mapping.
    """
    if not isinstance(example_input, Mapping) or not example_input:
        return example_input if isinstance(example_input, tuple) else (example_input,), {}
    named = dict(example_input)
    try:
        inspect.signature(module.forward).bind(**named)
    except TypeError as error:
        raise UsageError(
            f"the forward of {type(module).__name__} does not take the arguments "
            f"{', '.join(map(str, named))}: {error}; a dictionary names the arguments, and one that is an "
            "argument itself is given in a tuple: ({...},)"
        ) from None
    return (), named


def _refuse_sizes_by_values(graph: fx.Graph) -> None:
    for node in graph.nodes:
        value = node.meta.get("val")
        if isinstance(value, Tensor) and not all(isinstance(size, int) for size in value.shape):
            raise ArchitectureError(
                f"a size in the network depends on values in its tensors{location_of_node(node)}; {_WAY_OUT}"
            )
        if node.op == "call_function" and isinstance(node.target, torch._ops.HigherOrderOperator):
            name = node.target.name()
            if not name.startswith("wrap_with"):
                raise ArchitectureError(
                    f"the network contains the control flow {name!r}{location_of_node(node)}; {_WAY_OUT}"
                )


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
def unchanged(module: nn.Module) -> Iterator[None]:
    """Restores a module and random generators on exit; attention has no fast path."""
    held = [
        (content, dict(content))
        for part in module.modules()
        for content in (vars(part), part._parameters, part._buffers, part._modules)
    ]
    states = random.getstate(), torch.get_rng_state()
    numpy_state = np.random.get_state()  # noqa: NPY002 - a forward may draw from it
    fast_path = torch.backends.mha.get_fastpath_enabled()
    try:
        torch.backends.mha.set_fastpath_enabled(False)  # it would record a whole block as one operation
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
        for content, before in held:
            content.clear()
            content.update(before)
        random.setstate(states[0])
        np.random.set_state(numpy_state)  # noqa: NPY002
        torch.set_rng_state(states[1])


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

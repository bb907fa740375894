"""One forward pass, recorded operation by operation on tensors without values: fast, for search spaces.

`capture` records the same through `torch.export`, which takes many times as long and tells more of what it
cannot record. Here operations are seen below PyTorch's composite ones: a linear layer is ``addmm``.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import getitem
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.node import map_aggregate
from torch.utils._python_dispatch import TorchDispatchMode

from egraph.tracing.capture import Program
from egraph.tracing.examples import results_of
from egraph.tracing.forms import unchanged
from egraph.tracing.layers import signature_of

__all__ = ["NotRecorded", "record"]


class NotRecorded(Exception):  # noqa: N818 - the reason to take the slow way, no error of the user's
    """The forward pass cannot be recorded in this way; `capture` can tell why, or do it."""


def record(module: nn.Module, example: tuple[Tensor, ...], *, training: bool = True) -> Program:
    """Records the forward pass of a module that does not change.

    Args:
        module: Module on the CPU.
        example: Arguments of its forward, the batch first.
        training: Whether to record it as it trains, with dropout and the statistics of batches.

    Raises:
        NotRecorded: The computation depends on values, or has a recurrent layer, which would be unrolled, or
            a tensor that is neither a parameter nor a buffer.
    """
    if any(isinstance(part, nn.RNNBase) for part in module.modules()):
        raise NotRecorded("a recurrent layer")
    own: dict[str, Tensor] = dict(module.named_parameters(remove_duplicate=False))
    own |= dict(module.named_buffers(remove_duplicate=False))
    ghosts = {id(tensor): torch.empty_like(tensor, device="meta") for tensor in own.values()}
    given = [torch.empty_like(tensor, device="meta") for tensor in example]
    recorder = _Recorder()
    inputs = frozenset(recorder.hold(ghost, "input") for ghost in given)
    with unchanged(module), torch.no_grad(), torch.device("meta"):
        module.train(training)
        try:
            with recorder:
                result = torch.func.functional_call(
                    module, {name: ghosts[id(tensor)] for name, tensor in own.items()}, tuple(given)
                )
        except Exception as error:
            raise NotRecorded(f"{type(error).__name__}: {error}") from error
    recorder.graph.output(tuple(recorder.node_of(each) for each in results_of(result)))
    nodes = {recorder.held[id(ghost)]: key for key, ghost in ghosts.items() if id(ghost) in recorder.held}
    tensors = {id(tensor): tensor for tensor in own.values()}
    placed = {node: tensors[key] for node, key in nodes.items()}
    parameters = {node: tensor for node, tensor in placed.items() if isinstance(tensor, nn.Parameter)}
    buffers = {node: tensor for node, tensor in placed.items() if node not in parameters}
    return Program(recorder.graph, parameters, inputs, max(example[0].shape[0], 1), buffers)


class _Recorder(TorchDispatchMode):
    """Adds a node for each operation.

    A change in place makes a new value of the memory: what reads it later, through any view, reads the node
    that changed it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.graph = fx.Graph()
        self.held: dict[int, fx.Node] = {}
        """The node of each tensor, by identity."""
        self._alive: list[Tensor] = []  # so that identities are not used twice
        self._written: dict[int, tuple[int, fx.Node]] = {}  # memory -> number of changes, the last change
        self._seen: dict[int, int] = {}  # tensor -> number of changes of its memory when it was made

    def hold(self, tensor: Tensor, name: str) -> fx.Node:
        """Adds a node for a tensor from outside."""
        node = self.graph.placeholder(name)
        self._note(tensor, node)
        return node

    def node_of(self, tensor: Tensor) -> fx.Node:
        """The node whose result a tensor is."""
        if id(tensor) not in self.held:
            if tensor.device.type != "meta":
                raise NotRecorded("a tensor that is neither a parameter nor a buffer")
            return self.hold(tensor, "tensor")
        changes, last = self._written.get(_memory(tensor), (0, None))
        if last is not None and self._seen[id(tensor)] < changes:
            return last
        return self.held[id(tensor)]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        node = self.graph.call_function(func, *map_aggregate((args, dict(kwargs or {})), self._to_node))
        result = _compute(func, args, kwargs or {})
        node.meta["val"] = result
        parts = {node: result}
        if isinstance(result, tuple | list):
            parts = {self.graph.call_function(getitem, (node, n)): part for n, part in enumerate(result)}
        for own, part in parts.items():
            own.meta["val"] = part
            if isinstance(part, Tensor):
                if func._schema.is_mutable:
                    self._change(part, own)
                self._note(part, own)
        return result

    def _to_node(self, value: Any) -> Any:
        return self.node_of(value) if isinstance(value, Tensor) else value

    def _note(self, tensor: Tensor, node: fx.Node) -> None:
        node.meta.setdefault("val", tensor)
        self._alive.append(tensor)
        self.held[id(tensor)] = node
        self._seen[id(tensor)] = self._written.get(_memory(tensor), (0, None))[0]

    def _change(self, tensor: Tensor, node: fx.Node) -> None:
        changes, _ = self._written.get(_memory(tensor), (0, None))
        self._written[_memory(tensor)] = (changes + 1, node)


_shapes: dict[tuple[Any, ...], Any] = {}
"""Results of operations by their arguments, as tensors without values; networks have many in common."""

_MOST_SHAPES = 1 << 16


def _compute(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The result of an operation on tensors without values."""
    if any(returned.alias_info is not None for returned in func._schema.returns):
        return func(*args, **kwargs)  # a view, or a change in place
    signature = func, signature_of(args), signature_of(tuple(kwargs.items()))
    if signature not in _shapes:
        if len(_shapes) >= _MOST_SHAPES:
            _shapes.clear()
        _shapes[signature] = func(*args, **kwargs)
    return map_aggregate(_shapes[signature], _copy)


def _copy(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")


def _memory(tensor: Tensor) -> int:
    """Identifies the memory that a tensor and its views share."""
    return tensor.untyped_storage()._cdata

"""The recorded ATen graph as a sketch, in which only operations and joins are vertices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils._pytree import tree_map
from torch.utils.flop_counter import FlopCounterMode

from egraph.errors import ArchitectureError
from egraph.tracing.capture import Program
from egraph.tracing.layers import arguments, operation_name, read_layer, signature_of, tensor_of
from egraph.tracing.sketch import Sketch, Vertex

__all__ = ["read_graph"]

_JOINED_BY = {
    "add": "add",
    "sub": "add",
    "cat": "concat",
    "stack": "concat",
    "mul": "multiply",
    "div": "multiply",
}
_SHAPED = (
    *("new_zeros", "new_ones", "new_full", "new_empty", "new_empty_strided", "zeros_like", "ones_like"),
    *("full_like", "empty_like", "rand_like", "randn_like"),
)
"""Operations that read the shape of a tensor, and not its values."""

_PADDING = ("pad", "constant_pad_nd", "reflection_pad2d", "replication_pad2d")


_Owned = torch.nn.Parameter | fx.Node


@dataclass(frozen=True)
class _Value:
    """The result of a node of the recorded graph.

    Attributes:
        vertex: Vertex whose result it is, up to norms, activations and reshapes; None if it does not depend
            on the input.
        pending: Parameters in it, and products of parameters, that belong to no vertex yet.
        border: Pixels padded around it, both sides together.
    """

    vertex: Vertex | None
    pending: frozenset[_Owned] = frozenset()
    border: int = 0


def read_graph(program: Program) -> Sketch:
    """Reads a recorded graph, node by node.

    A parameter belongs to the vertex that computes with it. A parameter of a norm, scale or bias belongs to
    the vertex whose result it changes, or, behind the input or a join, to the first vertex that reads it. The
    multiply-adds of products that depend on no input belong to that vertex too.

    Raises:
        ArchitectureError: The result does not depend on the input.
    """
    reader = _Reader(program)
    for node in program.graph.nodes:
        reader.read(node)
    return Sketch(reader.vertices)


class _Reader:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.flops = _count_flops(program)
        self.values: dict[fx.Node, _Value] = {}
        self.owned: set[_Owned] = set()
        image = next(tensor_of(node) for node in program.graph.nodes if node in program.inputs)
        self.vertices = [Vertex("input", "input", channels=_channels(image))]
        self.vertices[0].pixels = 0 if image is None else image.numel() // (program.batch * _channels(image))

    def read(self, node: fx.Node) -> None:
        """Stores the value of a node, and adds its vertex if it is one."""
        if node.op == "placeholder":
            own = self.program.parameters.get(node)
            self.values[node] = _Value(
                self.vertices[0] if node in self.program.inputs else None,
                frozenset() if own is None else frozenset({own}),
            )
        elif node.op == "output":
            self._end([self.values[source] for source in node.all_input_nodes])
        elif node.op == "call_function" and operation_name(node) not in _SHAPED:
            self.values[node] = self._call(node)
        else:
            self.values[node] = _Value(None)

    def _call(self, node: fx.Node) -> _Value:
        operands = _operands(node)
        values = [self.values[source] for source in operands]
        pending = frozenset[_Owned]().union(*(value.pending for value in values)) - self.owned
        live = [value for value in values if value.vertex is not None]
        sources = list(dict.fromkeys(value.vertex for value in live if value.vertex is not None))
        border = max((value.border for value in live), default=0)
        if not sources and self.flops.get(node):
            pending |= {node}
        if not sources or not isinstance(node.target, torch._ops.OpOverload):
            return _Value(sources[0] if sources else None, pending, border)
        flops = self.flops.get(node, 0) // self.program.batch
        vertex = read_layer(node, sources[0], len(live), flops, border, self.program.batch)
        if vertex is not None:
            vertex.flops = flops
            vertex.activations = vertex.channels * vertex.pixels
        elif len(sources) > 1:
            vertex = self._join(node, sources)
        else:
            [source] = sources
            if not source.computes:
                return _Value(source, pending, border + _padding(node))
            self._own(source, pending)
            return _Value(source, border=border + _padding(node))
        vertex.inputs = sources
        self.vertices.append(vertex)
        if not vertex.computes:
            return _Value(vertex, pending)
        self._own(vertex, pending)
        return _Value(vertex)

    def _join(self, node: fx.Node, sources: list[Vertex]) -> Vertex:
        kind = _JOINED_BY.get(operation_name(node), "join")
        result = tensor_of(node)
        channels = max(source.channels for source in sources)
        if kind == "concat" and result is not None and operation_name(node) == "cat":
            axis = int(arguments(node)["dim"]) % result.ndim
            # Maps have channels first and tokens last; joining series of tokens does not add channels.
            if axis == result.ndim - 1 or (axis == 1 and result.ndim != 3):
                channels = result.shape[axis]
        pixels = 1 if result is None else max(result.numel() // (self.program.batch * max(channels, 1)), 1)
        return Vertex(kind, kind, channels=channels, pixels=pixels)

    def _end(self, values: list[_Value]) -> None:
        sources = list(dict.fromkeys(value.vertex for value in values if value.vertex is not None))
        if not sources:
            raise ArchitectureError(
                "the result of the network does not depend on its input; return what the forward computes"
            )
        pending = frozenset[_Owned]().union(*(value.pending for value in values)) - self.owned
        if pending:
            scale = Vertex("identity", "scale", sources, sources[0].channels, sources[0].pixels)
            self._own(scale, pending)
            self.vertices.append(scale)
            sources = [scale]
        self.vertices.append(Vertex("output", "output", sources))

    def _own(self, vertex: Vertex, pending: Iterable[_Owned]) -> None:
        for each in pending:
            self.owned.add(each)
            if isinstance(each, fx.Node):
                vertex.flops += self.flops[each]
            else:
                vertex.parameters += each.numel()


def _operands(node: fx.Node) -> list[fx.Node]:
    """The operands of a node, with repetitions."""
    found: list[fx.Node] = []
    fx.node.map_arg((node.args, node.kwargs), lambda source: found.append(source))
    return found


def _count_flops(program: Program) -> dict[fx.Node, int]:
    """Multiply-adds of each node, for all examples."""
    return {
        node: _count(node) // 2
        for node in program.graph.nodes
        if isinstance(node.target, torch._ops.OpOverload) and tensor_of(node) is not None
    }


_counted: dict[tuple[Any, ...], int] = {}
"""Operations by node and arguments; networks of a search space have many in common."""

_MOST_COUNTED = 1 << 16


def _count(node: fx.Node) -> int:
    """Operations of a node, counted on the meta device: two for a multiply-add."""
    if torch.Tag.pointwise in node.target.tags or _is_free(node):  # type: ignore[union-attr]
        return 0
    values = fx.node.map_arg((node.args, node.kwargs), lambda source: source.meta["val"])
    signature = node.target, signature_of(values[0]), signature_of(tuple(values[1].items()))
    if signature not in _counted:
        if len(_counted) >= _MOST_COUNTED:
            _counted.clear()
        args, kwargs = tree_map(_on_meta, values)
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            node.target(*args, **kwargs)  # type: ignore[operator]
        _counted[signature] = counter.get_total_flops()
    return _counted[signature]


def _is_free(node: fx.Node) -> bool:
    """Whether there is at most one tensor, so that nothing is multiplied."""
    return sum(tensor_of(source) is not None for source in node.all_input_nodes) < 2


def _on_meta(value: Any) -> Any:
    """The value on the meta device, where nothing is computed; 1 for an unknown number."""
    if isinstance(value, Tensor):
        return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
    if isinstance(value, torch.device):
        return torch.device("meta")
    return 1 if isinstance(value, torch.SymInt | torch.SymFloat | torch.SymBool) else value


def _padding(node: fx.Node) -> int:
    """Pixels that a node pads around a map, both sides together."""
    if operation_name(node) not in _PADDING:
        return 0
    amounts = list(arguments(node)[("padding" if "_pad2d" in operation_name(node) else "pad")])
    return max(min(a + b for a, b in zip(amounts[::2], amounts[1::2], strict=True)), 0) if amounts else 0


def _channels(image: Tensor | None) -> int:
    """The number of channels: the first axis of maps, the last axis of other inputs."""
    if image is None or image.ndim < 2:
        return 1
    return max(image.shape[1] if image.ndim > 3 else image.shape[-1], 1)

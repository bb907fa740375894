"""Whether two modules compute the same: a text that equal computations share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx

from egraph.canonical import Simplified, canonical_form
from egraph.tracing.capture import Program
from egraph.tracing.layers import arguments, leaves_of, operation_name, tensor_of

__all__ = ["identify"]

_COMMUTATIVE = ("add", "mul", "maximum", "minimum")
_NEUTRAL = {"add": 0, "sub": 0, "mul": 1, "div": 1}
"""Numbers that change nothing as the second operand."""

_COPYING = ("alias", "clone", "contiguous", "detach", "lift_fresh", "lift_fresh_copy")
_SHAPING = ("view", "_unsafe_view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze")


def identify(program: Program) -> str:
    """A text that recordings share if, and only if, they compute the same with the same parameters.

    Operations, their arguments, the shapes and the sharing of parameters count, and the values of buffers and
    of parameters that begin with one value. Two parameters with other values are alike if their shapes are.
    The order of independent branches, and of the operands of sums and products, does not count, nor do the
    brackets of a sum, nor what has no effect on the result.
    """
    reading = _Reading(program)
    ops = tuple(reading.labels)
    counts = np.zeros((len(ops), len(ops)), dtype=object)
    for (source, target), label in reading.edges.items():
        counts[source, target] = label
    return blake2b(canonical_form(Simplified(ops, counts)).encode(), digest_size=16).hexdigest()


class _Reading:
    """Vertices and edges of a computation; what depends on no input and is used once is text in a label."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.labels: list[str] = []
        self.edges: Counter[tuple[int, int]] = Counter()
        self._number: dict[fx.Node, int] = {}
        self._texts: dict[fx.Node, str] = {}
        nodes = list(program.graph.nodes)
        self._user: dict[fx.Node, fx.Node] = {}
        self._behind = {node: node for node in nodes}
        for node in nodes:
            if _has_no_effect(node):
                self._behind[node] = self._behind[node.all_input_nodes[0]]
        self._uses = self._count_uses(nodes[-1])
        for node in nodes:
            if node in self._uses and not self._is_term(node):
                self._read(node)

    def _count_uses(self, output: fx.Node) -> Counter[fx.Node]:
        """How often each node that the result depends on is used."""
        uses, waiting = Counter([output]), [output]
        while waiting:
            user = waiting.pop()
            for source in self._sources(user):
                if source not in uses:
                    waiting.append(source)
                uses[source] += 1
                self._user[source] = user
        return uses

    def _sources(self, node: fx.Node) -> Iterator[fx.Node]:
        for leaf in leaves_of(_given(node)):
            if isinstance(leaf, fx.Node):
                yield self._behind[leaf]

    def _read(self, node: fx.Node) -> None:
        name = "output" if node.op == "output" else operation_name(node)
        given = [name, f"to {_shape(node)}"] if name in _SHAPING else [name]
        is_constant = node.op != "output" and node not in self.program.inputs and self._uses[node] == 1
        sources: list[fx.Node] = []
        for leaf in self._terms(node) if name == "add" else leaves_of(_given(node)):
            source = self._behind[leaf] if isinstance(leaf, fx.Node) else None
            if source is None:
                given += [] if name in _SHAPING else [repr(leaf)]
            elif source in self._texts:
                given.append(self._texts[source])
            else:
                given.append("*")
                sources.append(source)
        commutes = name in _COMMUTATIVE and (name != "add" or arguments(node).get("alpha", 1) == 1)
        if commutes:
            given.sort()
        if node.op == "placeholder":
            given = [self._describe(node)]
        text = f"({' '.join(given)})"
        if is_constant and not sources:
            self._texts[node] = text
            return
        self._number[node] = len(self.labels)
        self.labels.append(text)
        for place, source in enumerate(sources):
            label = 1 if commutes else 1 << place
            self.edges[self._number[source], self._number[node]] += label

    def _terms(self, node: fx.Node) -> Iterator[Any]:
        """The arguments of a sum, with the terms of the sums among them that nothing else uses."""
        for leaf in leaves_of(_given(node)):
            source = self._behind[leaf] if isinstance(leaf, fx.Node) else None
            if source is not None and _is_sum(node) and self._is_term(source):
                yield from (term for term in self._terms(source) if isinstance(term, fx.Node))
            else:
                yield leaf

    def _is_term(self, node: fx.Node) -> bool:
        """Whether a sum is used once, by another sum."""
        return _is_sum(node) and self._uses[node] == 1 and _is_sum(self._user[node])

    def _describe(self, node: fx.Node) -> str:
        if node in self.program.inputs:
            return f"input {list(self.program.graph.nodes).index(node)}"
        if (parameter := self.program.parameters.get(node)) is not None:
            return f"parameter {_shape(node)} {parameter.requires_grad} {_common_value(parameter)}"
        value = self.program.buffers.get(node)
        return f"tensor {_shape(node)} {'' if value is None else _digest(value)}"


def _given(node: fx.Node) -> Any:
    """The arguments of a node, defaults included."""
    if isinstance(node.target, torch._ops.OpOverload):
        return list(arguments(node).values())
    return node.args


def _is_sum(node: fx.Node) -> bool:
    """Whether a node adds tensors of one type, each once."""
    if not isinstance(node.target, torch._ops.OpOverload) or operation_name(node) != "add":
        return False
    given, own = arguments(node), tensor_of(node)
    tensors = [tensor_of(each) for each in node.all_input_nodes]
    both = all(isinstance(given[name], fx.Node) for name in ("self", "other"))
    alike = own is not None and all(each is not None and each.dtype == own.dtype for each in tensors)
    return both and alike and given.get("alpha", 1) == 1


def _has_no_effect(node: fx.Node) -> bool:
    if not isinstance(node.target, torch._ops.OpOverload):
        return False
    name, given = operation_name(node), arguments(node)
    if name in ("dropout", "native_dropout"):
        return given["p"] == 0
    if name in _SHAPING:
        return _shape(node) == _shape(node.all_input_nodes[0])
    if name in _NEUTRAL and len(node.all_input_nodes) == 1:
        return _is_neutral(node, given)
    return name in _COPYING


def _is_neutral(node: fx.Node, given: Mapping[str, Any]) -> bool:
    """Whether a number is added, or multiplied by, that changes neither values nor type."""
    own, before = tensor_of(node), tensor_of(node.all_input_nodes[0])
    same = own is not None and before is not None and own.dtype == before.dtype
    return same and given.get("rounding_mode") is None and given["other"] == _NEUTRAL[operation_name(node)]


def _shape(node: fx.Node) -> str:
    tensor = tensor_of(node)
    return "" if tensor is None else "x".join(map(str, tensor.shape))


def _common_value(parameter: Tensor) -> str:
    """The value of a parameter that begins with one value, such as a bias; empty for others."""
    values = parameter.detach()
    if values.device.type == "meta" or not values.numel():
        return ""
    first = values.flatten()[0]
    return f"{first.item():.6g}" if bool((values == first).all()) else ""


def _digest(value: Tensor) -> str:
    if value.device.type == "meta":
        return ""
    return blake2b(value.detach().cpu().contiguous().numpy().tobytes(), digest_size=8).hexdigest()

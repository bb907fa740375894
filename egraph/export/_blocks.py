"""Modules as classes: the attributes that they are made of, and their forward."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn

from egraph.errors import UsageError
from egraph.export._forward import write_forward
from egraph.export._layers import Number, describe, distinct, is_layer, write_layer, write_value
from egraph.export._tracing import trace

__all__ = ["Block", "Code", "flatten", "freeze"]

GENERAL = ("layers", "blocks", "stages", "nodes", "vertices", "operations")
"""Names of containers that do not describe their content."""


class Block:
    """A module as a class, before numbers become arguments.

    Args:
        module: Module that is no layer of PyTorch; its mode and buffers are changed.
        values: Arguments of its forward.

    Attributes:
        name: Name of the class.
        summary: First paragraph of its docstring.
        parts: Code that makes each attribute, by name.
        arguments: Names of the arguments of its forward.
        forward: Lines of the forward in training, then in evaluation; equal where the mode has no effect.
        members: Layers, and tensors that blocks read themselves, by their paths under the new names.
        inputs: Number of channels or features of its input.
        outputs: Number of channels or features of its output.

    Raises:
        UsageError: The forward cannot be written as code.
    """

    def __init__(self, module: nn.Module, values: Sequence[Tensor]) -> None:
        self.name = type(module).__name__
        paragraph = inspect.cleandoc(type(module).__doc__ or "").split("\n\n")[0]
        self.summary = " ".join(paragraph.split())
        self.parts: dict[str, Code] = {}
        self.members: dict[str, nn.Module | Tensor] = {}
        graphs = [trace(module.train(training), values) for training in (True, False)]
        called = _find_called(module, graphs)
        read = list(
            dict.fromkeys(str(one.target) for graph in graphs for one in graph.nodes if one.op == "get_attr")
        )
        names = _name(called, read)
        for path, (part, given) in called.items():
            self.parts[names[path]], members = _write(part, given)
            self.members |= {f"{names[path]}{suffix}": layer for suffix, layer in members.items()}
        own = dict(module.named_parameters()) | dict(module.named_buffers())
        for path in read:
            if path not in own:
                raise UsageError(
                    f"cannot write {self.name} as code: its forward reads a tensor that is neither a "
                    "parameter nor a buffer; register it"
                )
            self.members[names[path]] = own[path]
            self.parts[names[path]] = _write_tensor(own[path])
        self.arguments = [str(node.target) for node in graphs[0].nodes if node.op == "placeholder"]
        self.forward: list[list[Code]] = [
            [[*line] for line in write_forward(graph, names)] for graph in graphs
        ]
        with torch.no_grad():
            self.inputs, self.outputs = values[0].shape[1], module(*values).shape[1]

    @property
    def modes(self) -> list[list[Code]]:
        """The lines of the forward: for both modes where they differ, otherwise once."""
        return self.forward if self.forward[0] != self.forward[1] else self.forward[:1]

    @property
    def lines(self) -> list[Code]:
        """All code in which blocks of one class may differ by numbers."""
        return [*self.parts.values(), *(line for mode in self.modes for line in mode)]


Code = list[str | Number | Block]
"""Text, numbers, and blocks that stand for a call of their class."""


class Called(NamedTuple):
    """A module that a forward calls, and the arguments of the first call."""

    module: nn.Module
    values: tuple[Tensor, ...]


def freeze(code: Iterable[str | Number | Block]) -> tuple[Any, ...]:
    """A hashable value that is equal for two codes if, and only if, they do the same."""
    return tuple(
        (one.name, tuple(one.parts), tuple(map(freeze, one.lines))) if isinstance(one, Block) else one
        for one in code
    )


def _find_called(module: nn.Module, graphs: list[fx.Graph]) -> dict[str, Called]:
    """Called modules by path, in the order of calls; identities are left out."""
    called: dict[str, Called] = {}
    for node in (node for graph in graphs for node in graph.nodes if node.op == "call_module"):
        part = module.get_submodule(node.target)
        if flatten(part):
            called.setdefault(node.target, Called(part, tuple(one.meta["value"] for one in node.args)))
    return called


def _name(called: dict[str, Called], read: list[str]) -> dict[str, str]:
    """A name for each path: that of the attribute, or one that describes the module."""
    wishes = [_wish(path, part) for path, (part, _) in called.items()]
    wishes += [path.rpartition(".")[2] for path in read]
    return dict(zip([*called, *read], distinct(wishes, dir(nn.Module)), strict=True))


def _write_tensor(tensor: Tensor) -> Code:
    """The code that makes a parameter or buffer, whose values come from the file of weights."""
    kind = "Parameter" if isinstance(tensor, nn.Parameter) else "Buffer"
    dtype = "" if tensor.dtype == torch.float32 else f", dtype={tensor.dtype}"
    fixed = ", requires_grad=False" if kind == "Parameter" and not tensor.requires_grad else ""
    return [f"nn.{kind}(torch.zeros(", *write_value(tuple(tensor.shape), "size"), f"{dtype}){fixed})"]


def _wish(path: str, part: nn.Module) -> str:
    *containers, last = path.split(".")
    if not last.isdigit():
        return last
    named = [one for one in containers if not one.isdigit()]
    if named and named[-1] not in GENERAL:
        return named[-1].removesuffix("s")
    return describe(flatten(part))


def flatten(part: nn.Module) -> list[nn.Module]:
    """The modules that are called in sequence, without identities."""
    if type(part) is nn.Sequential:
        return [inner for each in part for inner in flatten(each)]
    return [] if isinstance(part, nn.Identity) else [part]


def _write(part: nn.Module, values: Sequence[Tensor]) -> tuple[Code, dict[str, nn.Module | Tensor]]:
    """The code that makes a module, and its layers by their paths below it."""
    sequence = flatten(part)
    if len(sequence) > 1:
        return _write_sequence(sequence, values[0])
    if is_layer(sequence[0]):
        return list(write_layer(sequence[0])), {"": sequence[0]}
    block = Block(sequence[0], values)
    return [block], {f".{path}": layer for path, layer in block.members.items()}


def _write_sequence(sequence: list[nn.Module], value: Tensor) -> tuple[Code, dict[str, nn.Module | Tensor]]:
    items: list[tuple[Code, int]] = []
    members: dict[str, nn.Module | Tensor] = {}
    for position, module in enumerate(sequence):
        item, below = _write(module, (value,))
        members |= {f".{position}{suffix}": layer for suffix, layer in below.items()}
        with torch.no_grad():
            value = module(value)
        again = items and isinstance(item[0], Block) and freeze(item) == freeze(items[-1][0])
        items = [*items[:-1], (items[-1][0], items[-1][1] + 1)] if again else [*items, (item, 1)]
    code: Code = ["nn.Sequential("]
    for item, times in items:
        code += [", "] if len(code) > 1 else []
        code += item if times == 1 else ["*(", *item, f" for _ in range({times}))"]
    return [*code, ")"], members

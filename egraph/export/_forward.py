"""The graph of a forward as readable lines of code."""

from __future__ import annotations

import contextlib
import inspect
import operator
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx
from torch.nn import functional

from egraph.errors import UsageError
from egraph.export._layers import Number, distinct, write_value

__all__ = ["write_forward"]

Text = list[str | Number]

SIGNS = {
    operator.add: (" + ", 1),
    operator.sub: (" - ", 1),
    operator.mul: (" * ", 2),
    operator.truediv: (" / ", 2),
}
"""Operators and their precedence."""

PURE = (*SIGNS, operator.getitem, torch.cat)
"""Functions whose repeated calls are computed once."""

ATOM = 3

RESULTS = {"add": "total", "cat": "joined", "getitem": "part", "mul": "product"}
"""Names for results of functions; others are named after the function."""

LONGEST = 70
"""Largest number of characters of an expression inside another one."""


class Expression(NamedTuple):
    """Code and the precedence of its outermost operator."""

    text: Text
    strength: int = ATOM


def write_forward(graph: fx.Graph, names: Mapping[str, str]) -> list[Text]:
    """The statements of a forward, whose arguments keep their names.

    Calls of modules and random functions have a line each, in the order of the graph. A function whose result
    is used once is written where it is used. A result that only the next line uses is named ``x``.

    Args:
        graph: Graph of one module, from `trace`.
        names: Names of the modules, and of tensors of the module's own, by path; identities are left out.

    Raises:
        UsageError: The forward calls a function of neither ``torch`` nor ``torch.nn.functional``.
    """
    return _Writer(graph, names).lines


class _Writer:
    def __init__(self, graph: fx.Graph, names: Mapping[str, str]) -> None:
        self.names = names
        self.same: dict[fx.Node, fx.Node] = {}
        self._find_same(graph)
        self.nodes = [node for node in graph.nodes if self.same[node] is node]
        self.inline: set[fx.Node] = set()
        statements = self._choose_statements()
        self.variables = self._name(statements)
        self.lines = [[*self._begin(node), *self._write(node).text] for node in statements]

    def _begin(self, node: fx.Node) -> Text:
        """The beginning of a line; what is not read, such as a head for training, is only called."""
        if node.op == "output":
            return ["return "]
        return [f"{self.variables[node]} = "] if node in self.variables else []

    def _choose_statements(self) -> list[fx.Node]:
        """The nodes that have a line of their own; others are written inside these."""
        uses = Counter(source for node in self.nodes for source in self._sources(node))
        statements: list[fx.Node] = []
        for node in self.nodes:
            if node.op == "placeholder":
                continue
            if node.op == "get_attr":
                self.inline.add(node)
                continue
            if uses[node] == 1 and _is_pure(node) and self._length(node) <= LONGEST:
                self.inline.add(node)
            else:
                statements.append(node)
        results = self._sources(statements[-1])
        if statements[-2:-1] == results and uses[results[0]] == 1:
            self.inline.add(statements.pop(-2))
        return statements

    def _find_same(self, graph: fx.Graph) -> None:
        """Maps each node to the one with its value, if it is an identity or repeats an earlier node."""
        known: dict[Any, fx.Node] = {}
        for node in graph.nodes:
            self.same[node] = _unchanged(node, self.names)
            if self.same[node] is node and node.target in PURE:
                self.same[node] = known.setdefault(
                    (node.target, str(fx.node.map_arg((node.args, node.kwargs), self._origin))), node
                )

    def _sources(self, node: fx.Node) -> list[fx.Node]:
        found: list[fx.Node] = []
        fx.node.map_arg((node.args, node.kwargs), lambda one: found.append(self._origin(one)))
        return found

    def _origin(self, node: fx.Node) -> fx.Node:
        while self.same[node] is not node:
            node = self.same[node]
        return node

    def _read(self, node: fx.Node) -> set[fx.Node]:
        """The variables that a statement reads."""
        found: set[fx.Node] = set()
        for source in self._sources(node):
            found |= self._read(source) if source in self.inline else {source}
        return found

    def _name(self, statements: list[fx.Node]) -> dict[fx.Node, str]:
        read = [self._read(node) for node in statements]
        readers: dict[fx.Node, set[int]] = {}
        for line, sources in enumerate(read):
            for source in sources:
                readers.setdefault(source, set()).add(line)
        named = {node: str(node.target) for node in self.nodes if node.op == "placeholder"}
        # An argument may have that name, too, and be read again.
        free = max(
            (line for node, name in named.items() if name == "x" for line in readers.get(node, ())), default=0
        )
        wanted = {
            node: "x"
            if line >= free and readers[node] == {line + 1} and read[line + 1] == {node}
            else self._wish(node)
            for line, node in enumerate(statements[:-1])
            if node in readers
        }
        others = [node for node, name in wanted.items() if name != "x"]
        names = distinct([wanted[node] for node in others], {"x", *named.values()})
        return named | dict.fromkeys(wanted, "x") | dict(zip(others, names, strict=True))

    def _wish(self, node: fx.Node) -> str:
        if node.op == "call_module":
            return self.names[str(node.target)]
        name = node.target if isinstance(node.target, str) else node.target.__name__
        return RESULTS.get(name, name)

    def _length(self, node: fx.Node) -> int:
        written = self._write(node, short=True).text
        return sum(len(str(one.value)) if isinstance(one, Number) else len(one) for one in written)

    def _argument(self, value: Any, short: bool, role: str = "size") -> Text:
        if isinstance(value, fx.Node):
            return self._refer(value, short).text
        if isinstance(value, list | tuple) and any(isinstance(one, fx.Node) for one in value):
            return ["[", *_join([self._argument(one, short) for one in value]), "]"]
        if isinstance(value, slice):
            ends = [
                [] if end is None else self._argument(end, short, "width")
                for end in (value.start, value.stop)
            ]
            return [*ends[0], ":", *ends[1]]
        return list(write_value(value, role))

    def _refer(self, node: fx.Node, short: bool) -> Expression:
        origin = self._origin(node)
        if origin in self.inline:
            return self._write(origin, short)
        return Expression(["x" * 12 if short else self.variables[origin]])

    def _write(self, node: fx.Node, short: bool = False) -> Expression:
        """The expression of a node; ``short`` uses placeholders for variables that have no names yet."""
        if node.op == "output":
            return self._refer(node.args[0], short)  # type: ignore[arg-type]
        if node.op == "get_attr":
            return Expression([f"self.{self.names[str(node.target)]}"])
        if node.op == "call_module":
            return Expression(
                [f"self.{self.names[str(node.target)]}(", *self._arguments(node.args, {}, short), ")"]
            )
        if node.op == "call_method":
            first = _bracket(self._refer(node.args[0], short), ATOM)  # type: ignore[arg-type]
            return Expression(
                [*first, f".{node.target}(", *self._arguments(node.args[1:], node.kwargs, short), ")"]
            )
        if node.target in SIGNS:
            sign, strength = SIGNS[node.target]
            sides = [
                self._refer(one, short)
                if isinstance(one, fx.Node)
                else Expression(self._argument(one, short))
                for one in node.args
            ]
            return Expression(
                [*_bracket(sides[0], strength), sign, *_bracket(sides[1], strength + 1)], strength
            )
        if node.target is operator.getitem:
            where = node.args[1] if isinstance(node.args[1], tuple) else (node.args[1],)
            inner = _join([self._argument(one, short) for one in where])
            return Expression([*_bracket(self._refer(node.args[0], short), ATOM), "[", *inner, "]"])  # type: ignore[arg-type]
        kwargs = _without_defaults(node.target, node.kwargs)
        return Expression([_qualify(node.target), "(", *self._arguments(node.args, kwargs, short), ")"])

    def _arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], short: bool) -> Text:
        named = [[f"{name}=", *self._argument(value, short)] for name, value in kwargs.items()]
        return _join([*(self._argument(value, short) for value in args), *named])


def _unchanged(node: fx.Node, names: Mapping[str, str]) -> fx.Node:
    """The input of a node that is an identity; otherwise the node itself."""
    source = node.args[0] if node.args else None
    if node.op == "call_module" and str(node.target) not in names:
        return source  # type: ignore[return-value]
    if node.target is torch.cat and isinstance(source, list | tuple) and len(source) == 1:
        return source[0]  # type: ignore[return-value]
    if node.target is operator.getitem and isinstance(source, fx.Node):
        before, after = source.meta["value"], node.meta["value"]
        if isinstance(before, Tensor) and before.shape == after.shape and _cuts_only(node.args[1]):
            return source
    return node


def _is_pure(node: fx.Node) -> bool:
    """Whether the node may be computed later than in the graph."""
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    random = any(word in name for word in ("drop", "rand", "bernoulli"))
    return node.op in ("call_function", "call_method") and not random and not name.endswith("_")


def _cuts_only(where: Any) -> bool:
    return isinstance(where, tuple) and all(isinstance(one, slice) and one.step is None for one in where)


def _bracket(expression: Expression, least: int) -> Text:
    return expression.text if expression.strength >= least else ["(", *expression.text, ")"]


def _join(parts: list[Text]) -> Text:
    joined: Text = []
    for part in parts:
        joined += [*([", "] if joined else []), *part]
    return joined


def _qualify(function: Any) -> str:
    name = getattr(function, "__name__", str(function))
    for prefix, module in (("torch", torch), ("F", functional)):
        if getattr(module, name, None) is function:
            return f"{prefix}.{name}"
    raise UsageError(
        f"cannot write the function {name!r} as code; it belongs to neither torch nor torch.nn.functional"
    )


def _without_defaults(function: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {"return_indices": False}
    with contextlib.suppress(ValueError):  # built-in functions have no signature
        defaults |= {name: each.default for name, each in inspect.signature(function).parameters.items()}
    return {name: value for name, value in kwargs.items() if name not in defaults or value != defaults[name]}

"""The computation of a module as a graph: its own code is traced, calls of other modules stay calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, fx, nn

from egraph.errors import UsageError

__all__ = ["trace"]

FACTS = ("ndim", "dtype", "device")
"""Attributes of a tensor that are the same for each batch."""


def trace(module: nn.Module, values: Sequence[Tensor]) -> fx.Graph:
    """The graph of a module's own forward.

    Modules that are called only with tensors stay calls in the graph; other modules, and functions, are
    traced down to those of PyTorch. Parameters and buffers that the module reads itself are ``get_attr``.
    Branches are those taken for the given tensors, and all sides of a shape but the first are constants. The
    result of a node is in ``node.meta["value"]``.

    Args:
        module: Module; its buffers may change, as by any call.
        values: Arguments of its forward.

    Raises:
        UsageError: The module branches by values, or returns more than one tensor.
    """
    tracer = _Tracer(values)
    try:
        with torch.no_grad():
            graph = tracer.trace(module)
    except fx.proxy.TraceError as error:
        raise UsageError(
            f"cannot write {type(module).__name__} as code: {error}; its forward may depend on shapes, "
            "not on values"
        ) from None
    result = graph.output_node().args[0]
    if not (isinstance(result, fx.Node) and isinstance(result.meta["value"], Tensor)):
        raise UsageError(f"cannot write {type(module).__name__} as code: it returns more than one tensor")
    for node in reversed(graph.nodes):
        if (
            not node.users
            and node.op in ("call_function", "call_method", "get_attr")
            and not str(node.target).endswith("_")
        ):
            graph.erase_node(node)
        elif node.op == "placeholder" and type(module) is nn.Sequential:
            node.target = "images"
    return graph


def _find_tensor(module: nn.Module, path: str) -> Tensor:
    """The parameter or buffer of that path."""
    owner, _, name = path.rpartition(".")
    found: Tensor = getattr(module.get_submodule(owner), name)
    return found


class _Value(fx.Proxy):
    """A result with its value for the given arguments."""

    @property
    def value(self) -> Any:
        return self.node.meta["value"]

    @property
    def shape(self) -> tuple[Any, ...]:
        first = self.tracer.create_proxy("call_method", "size", (self, 0), {})
        return (first, *self.value.shape[1:])

    def __getattr__(self, name: str) -> Any:
        if name in FACTS:
            return getattr(self.value, name)
        return super().__getattr__(name)


class _Tracer(fx.Tracer):
    def __init__(self, values: Sequence[Tensor]) -> None:
        super().__init__()
        self.arguments = iter(values)
        self.computing = False
        self.read: dict[str, fx.Proxy] = {}

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return True

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        plain = args and not kwargs and all(isinstance(one, _Value) for one in args)
        return super().call_module(m, forward, args, kwargs) if plain else forward(*args, **kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        if not isinstance(attr_val, Tensor) or self.computing:
            return attr_val
        own = [*self.root.named_parameters(), *self.root.named_buffers()]
        name = next((name for name, tensor in own if tensor is attr_val), None)
        if name is None:
            return attr_val
        if name not in self.read:
            self.read[name] = self.create_proxy("get_attr", name, (), {})
        return self.read[name]

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Value(node, self)

    def create_proxy(
        self, kind: str, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *rest: Any, **more: Any
    ) -> Any:
        made = super().create_proxy(kind, target, args, kwargs, *rest, **more)
        with self._compute():
            made.node.meta["value"] = self._evaluate(kind, target, *_values((args, kwargs)))
        return made

    @contextmanager
    def _compute(self) -> Iterator[None]:
        self.computing = True
        try:
            yield
        finally:
            self.computing = False

    def _evaluate(self, kind: str, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        match kind:
            case "placeholder":
                return next(self.arguments)
            case "get_attr":
                return _find_tensor(self.root, target)
            case "call_module":
                return self.root.get_submodule(target)(*args)
            case "call_function":
                return target(*args, **kwargs)
            case "call_method":
                return getattr(args[0], target)(*args[1:], **kwargs)
            case _:
                return args[0]


def _values(tree: Any) -> Any:
    return fx.node.map_aggregate(tree, lambda one: one.value if isinstance(one, _Value) else one)

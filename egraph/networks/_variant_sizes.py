"""Which sizes of a module's tensors belong together: one forward pass with symbolic sizes."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.instancenorm import _InstanceNorm

__all__ = ["Piece", "Sizes", "find_sizes", "total"]

Piece = tuple[str, Fraction]
"""A part of a size: so many times the value of a unit; the unit ``""`` is 1."""

Linear = dict[Any, Fraction]
"""A sum of symbols with factors; the key 1 has the constant."""


@dataclass(frozen=True)
class Sizes:
    """The sizes of the tensors of a module, by the units that can change.

    Attributes:
        shapes: The size of each dimension of a parameter or buffer, by its name, in pieces: several where
            results are concatenated, in their order.
        values: Value of each unit in the given module.
        steps: Number that the value of each unit must be a multiple of.
    """

    shapes: Mapping[str, tuple[tuple[Piece, ...], ...]]
    values: Mapping[str, int]
    steps: Mapping[str, int]


def total(pieces: Iterable[Piece], values: Mapping[str, int]) -> Fraction:
    """The size that pieces have together."""
    return sum((factor * values.get(unit, 1) for unit, factor in pieces), Fraction(0))


def find_sizes(module: nn.Module, example: Tensor, blocks: Sequence[tuple[nn.Module, nn.Module]]) -> Sizes:
    """Finds the units of a module.

    Parameters get symbolic sizes. What the forward pass then requires of them, PyTorch notes as equations:
    that of a sum, a concatenation, a convolution, a reshape. Sizes that nothing ties to a number are free.

    Args:
        module: Module on the CPU; not changed.
        example: Its input.
        blocks: First and last module of each part that may be repeated, so that its result needs the shape of
            its input.

    Raises:
        Exception: The forward pass cannot be followed, whatever the reason; then nothing is known.
    """
    from torch._dynamo.source import ConstantSource
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv, StatelessSymbolicContext

    paths = {id(part): path for path, part in module.named_modules()}
    wanted = [(paths[id(first)], paths[id(last)]) for first, last in blocks]
    module = copy.deepcopy(module).train()
    environment = ShapeEnv(duck_shape=False)
    mode = FakeTensorMode(shape_env=environment, allow_non_fake_inputs=True)
    mode.cache_enabled = False  # nothing comes twice
    tensors = _tensors_of(module)
    fakes: dict[int, Tensor] = {}
    ranks: dict[Any, tuple[int, int]] = {}
    units: dict[Any, str] = {}
    for name, tensor in tensors.items():
        if id(tensor) in fakes:
            continue
        kinds = _kinds(module.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2], tensor)
        dynamic = [DimDynamic.STATIC if kind is None else DimDynamic.DYNAMIC for kind in kinds]
        context: Any = StatelessSymbolicContext(dynamic_sizes=dynamic)
        source = ConstantSource(name.replace(".", "__"))
        fake = fakes[id(tensor)] = mode.from_tensor(tensor, source=source, symbolic_context=context)
        for axis, (kind, size) in enumerate(zip(kinds, fake.shape, strict=True)):
            if kind is not None and isinstance(size, torch.SymInt):
                symbol = size.node.expr
                ranks[symbol] = (kind, len(ranks))
                units[symbol] = f"{name}:{axis}"
    _give_symbols(module, fakes)
    given = {name: fakes[id(one)] for name, one in tensors.items()}
    quiet = logging.root.manager.disable
    try:
        logging.disable(logging.CRITICAL)  # PyTorch tells each equation
        seen, result = _follow(module, mode, given, example)
    finally:
        logging.disable(quiet)
    equations, rests = _equations(environment)
    equations += [_linear(_expression(size)) | {1: Fraction(-_hint(size))} for size in result.shape[1:]]
    for first, last in wanted:
        for before, after in zip(seen[first][0], seen[last][1], strict=True):
            equations.append(_minus(_linear(_expression(before)), _linear(_expression(after))))
    solved = _solve(equations, ranks)
    return _name(tensors, fakes, solved, ranks, units, rests, seen[""][2])


def _tensors_of(module: nn.Module) -> dict[str, Tensor]:
    found: dict[str, Tensor] = dict(module.named_parameters(remove_duplicate=False))
    return found | dict(module.named_buffers(remove_duplicate=False))


def _kinds(owner: nn.Module, name: str, tensor: Tensor) -> list[int | None]:
    """For each dimension how willingly its symbol stays: 0 first; None for a fixed size."""
    statistics = isinstance(owner, _BatchNorm | _InstanceNorm) and tensor.ndim == 1
    if not isinstance(tensor, nn.Parameter) and not statistics:
        return [None] * tensor.ndim
    kinds: list[int | None] = []
    for axis, size in enumerate(tensor.shape):
        if size < 2 or (isinstance(owner, _ConvNd) and axis > 1):
            kinds.append(None)
        elif isinstance(owner, nn.RNNBase):
            kinds.append(0 if name.startswith("weight_hh") and axis == 1 else 3)
        elif tensor.ndim > 1 and name.endswith("weight"):
            transposed = isinstance(owner, _ConvNd) and owner.transposed
            kinds.append(2 * (axis if not transposed else 1 - axis))
        else:
            kinds.append(1 if tensor.ndim == 1 else 3)
    return kinds


def _give_symbols(module: nn.Module, fakes: Mapping[int, Tensor]) -> None:
    """Lets numbers that a layer keeps beside its parameters follow their sizes."""

    def shape(tensor: Tensor) -> Any:
        return fakes[id(tensor)].shape

    for part in module.modules():
        if isinstance(part, _ConvNd) and part.groups == part.in_channels == part.out_channels > 1:
            part.groups = shape(part.weight)[0]
        elif isinstance(part, nn.LayerNorm | nn.RMSNorm) and part.weight is not None:
            part.normalized_shape = tuple(shape(part.weight))
        elif isinstance(part, nn.RNNBase) and not part.proj_size:
            part.input_size = shape(part.get_parameter("weight_ih_l0"))[1]
            part.hidden_size = shape(part.get_parameter("weight_hh_l0"))[1]
        elif isinstance(part, nn.MultiheadAttention) and part.in_proj_weight is not None:
            part.embed_dim = shape(part.out_proj.weight)[0]
            part.head_dim = part.embed_dim // part.num_heads


def _follow(
    module: nn.Module, mode: Any, given: Mapping[str, Tensor], example: Tensor
) -> tuple[dict[str, list[Any]], Tensor]:
    """Runs the module; the shapes that each part read and gave, and the operands of concatenations."""
    seen: dict[str, list[Any]] = {"": [None, None, []]}
    joined = seen[""][2]

    class Joins(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func in (torch.cat, torch.concat):
                parts = args[0] if args else (kwargs or {})["tensors"]
                axis = (kwargs or {}).get("dim", args[1] if len(args) > 1 else 0)
                joined.append([_expression(part.shape[axis]) for part in parts])
            if func is nn.functional.batch_norm and _fits(args[0], [*args[1:], *(kwargs or {}).values()], 1):
                return args[0]  # of the same shape, without the time that its parts take
            if func is nn.functional.layer_norm and _fits(args[0], [*args[1:], *(kwargs or {}).values()], -1):
                return args[0]
            if func is nn.functional.interpolate and args:
                one = func(args[0].new_empty(1, 1, *args[0].shape[2:]), *args[1:], **(kwargs or {}))
                return args[0].new_empty(
                    *args[0].shape[:2], *one.shape[2:]
                )  # PyTorch ties the channels to numbers
            if func in _GATES and (found := _recur(_GATES[func], *args)):
                joined.append([_expression(size) for size in found[0]])
                return found[1]
            return func(*args, **(kwargs or {}))

    def note(path: str) -> Any:
        def hook(_: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            read = next((one for one in (*args, *kwargs.values()) if isinstance(one, Tensor)), None)
            if path and read is not None and isinstance(output, Tensor):
                seen[path] = [list(read.shape), list(output.shape)]

        return hook

    hooks = [
        part.register_forward_hook(note(path), with_kwargs=True) for path, part in module.named_modules()
    ]
    with ExitStack() as stack:
        for hook in hooks:
            stack.callback(hook.remove)
        stack.enter_context(mode)
        stack.enter_context(torch.no_grad())
        stack.enter_context(Joins())
        fake = mode.from_tensor(example, static_shapes=True)
        result = torch.func.functional_call(module, dict(given), (fake,))
    return seen, result


def _fits(x: Tensor, others: Iterable[Any], axis: int) -> bool:
    """Requires vectors to be as long as an axis; whether all of them are."""
    vectors = [one for one in others if isinstance(one, Tensor)]
    return all(one.ndim == 1 and bool(one.shape[0] == x.shape[axis]) for one in vectors)


_GATES: dict[Any, int] = {torch.lstm: 4, torch.gru: 3, torch.rnn_tanh: 1, torch.rnn_relu: 1}
"""Recurrent layers by the function that computes them, and how many rows of weights a unit has."""


def _recur(
    gates: int, x: Tensor, start: Any, weights: Any, biases: bool, layers: int, *rest: Any
) -> tuple[list[Any], tuple[Tensor, ...]] | None:
    """What a recurrent layer requires of its weights, and gives; None with projections or packed series.

    Returns:
        The size that each direction gives, and the results.
    """
    if not isinstance(weights, list | tuple):
        return None
    ways, each = 1 + bool(rest[2]), 4 if biases else 2
    if len(weights) != layers * ways * each:
        return None
    hidden, read = weights[1].shape[1], x.shape[-1]
    for number in range(layers * ways):
        own, between, *vectors = weights[number * each : (number + 1) * each]
        fits = own.shape[1] == (read if number < ways else ways * hidden) and between.shape[1] == hidden
        if not (fits and all(one.shape[0] == gates * hidden for one in (own, between, *vectors))):
            return None
    states = start if isinstance(start, tuple | list) else (start,)
    return [hidden] * ways, (x.new_empty(*x.shape[:-1], ways * hidden), *states)


def _expression(size: Any) -> Any:
    import sympy

    return size.node.expr if isinstance(size, torch.SymInt) else sympy.Integer(size)


def _hint(size: Any) -> int:
    return int(size.node.hint) if isinstance(size, torch.SymInt) else int(size)


def _equations(environment: Any) -> tuple[list[Linear], list[tuple[Linear, int]]]:
    """What PyTorch required to be 0, and what it required to be a multiple of a number."""
    import sympy
    from torch.utils._sympy.functions import FloorDiv, Mod

    rests: list[tuple[Linear, int]] = []

    def divide(above: Any, below: Any) -> Any:
        if below.is_Integer:
            rests.append((_linear(above.replace(FloorDiv, lambda a, b: a / b)), int(below)))
        return above / below

    found: list[Linear] = []
    texts = [guard.expr for guard in environment.guards]
    for equation in texts + [sympy.Eq(*pair, evaluate=False) for pair in environment.replacements.items()]:
        if not isinstance(equation, sympy.Eq):
            continue
        left, right = equation.args
        if isinstance(left, Mod) and right == 0 and left.args[1].is_Integer:
            rests.append((_linear(left.args[0].replace(FloorDiv, divide)), int(left.args[1])))
        else:
            found.append(_linear((left - right).replace(FloorDiv, divide)))
    return [one for one in found if one], [rest for rest in rests if rest[0]]


def _linear(expression: Any) -> Linear:
    """A sum of symbols; empty where the expression is none, or 0."""
    import sympy

    found: Linear = {}
    for term, factor in sympy.expand(expression).as_coefficients_dict().items():
        if not (term == 1 or term.is_Symbol) or not factor.is_Rational:
            return {}
        found[1 if term == 1 else term] = Fraction(int(factor.p), int(factor.q))
    return {term: factor for term, factor in found.items() if factor}


def _minus(a: Linear, b: Linear) -> Linear:
    return _put(a, {}, {term: -factor for term, factor in b.items()})


def _put(equation: Linear, solved: Mapping[Any, Linear], more: Linear | None = None) -> Linear:
    """An equation with what is known put in."""
    found: Linear = {}
    for part in (equation, more or {}):
        for term, factor in part.items():
            for own, times in solved.get(term, {term: Fraction(1)}).items():
                found[own] = found.get(own, Fraction(0)) + factor * times
    return {term: factor for term, factor in found.items() if factor}


def _solve(equations: Iterable[Linear], ranks: Mapping[Any, tuple[int, int]]) -> dict[Any, Linear]:
    """Each symbol that equations determine, by those that stay free."""
    solved: dict[Any, Linear] = {}
    for equation in equations:
        known = _put(equation, solved)
        symbols = [term for term in known if term != 1]
        if not symbols:
            continue
        last = max(symbols, key=lambda symbol: ranks.get(symbol, (9, 0)))
        value = {term: -factor / known[last] for term, factor in known.items() if term != last}
        solved = {symbol: _put(one, {last: value}) for symbol, one in solved.items()} | {last: value}
    return solved


def _name(
    tensors: Mapping[str, Tensor],
    fakes: Mapping[int, Tensor],
    solved: Mapping[Any, Linear],
    ranks: Mapping[Any, tuple[int, int]],
    units: Mapping[Any, str],
    rests: Iterable[tuple[Linear, int]],
    joined: Iterable[list[Any]],
) -> Sizes:
    """The sizes by the names of units in place of symbols."""
    orders = [[_put(_linear(part), solved) for part in parts] for parts in joined]

    def pieces(sizes: Linear) -> tuple[Piece, ...]:
        for parts in orders:
            whole: Linear = {}
            for part in parts:
                whole = _put(whole, {}, part)
            if whole == sizes and len(parts) > 1:
                return tuple(piece for part in parts for piece in pieces(part))
        return tuple(("" if term == 1 else units.get(term, "?"), factor) for term, factor in sizes.items())

    shapes = {
        name: tuple(pieces(_put(_linear(_expression(size)), solved)) for size in fakes[id(tensor)].shape)
        for name, tensor in tensors.items()
    }
    used = {unit for shape in shapes.values() for size in shape for unit, _ in size if unit}
    values = {
        units[symbol]: tensors[units[symbol].rpartition(":")[0]].shape[int(units[symbol].rpartition(":")[2])]
        for symbol in ranks
        if units[symbol] in used
    }
    steps = dict.fromkeys(values, 1)
    factors = [(_put(rest, solved), number) for rest, number in rests]
    for sizes, number in factors:
        for term, factor in sizes.items():
            if term != 1 and (unit := units.get(term)) in steps:
                below = number * factor.denominator
                steps[unit] = lcm(steps[unit], below // gcd(below, factor.numerator))
    for shape in shapes.values():
        for size in shape:
            for unit, factor in size:
                if unit in steps:
                    steps[unit] = lcm(steps[unit], factor.denominator)
    return Sizes(shapes, values, steps)

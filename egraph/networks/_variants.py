"""Variants of a given network: what may vary in it, and the network of some answers."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from egraph.errors import Unbuildable
from egraph.networks._variant_activations import ACTIVATIONS, activate, find_activations
from egraph.networks._variant_blocks import Added, Run, find_runs, join, repeat
from egraph.networks._variant_sizes import Sizes, find_sizes
from egraph.networks._variant_tensors import resize

__all__ = ["Plan", "Variant", "Varied", "find_plan", "vary"]

RATIOS = (Fraction(1, 2), Fraction(3, 4), Fraction(3, 2), Fraction(2))
"""Widths that are offered, as parts of the given one."""

_PLACE = "_egraph_given_path"
"""Attribute that holds the path of a module in the given network while this one is changed."""


@dataclass(frozen=True)
class Varied:
    """One thing that may vary.

    Attributes:
        name: Name of the choice, which begins with its kind: depth, width, expansion, kernel, heads
            or activation.
        options: Its options, the given one first.
        kind: Its kind.
        of: What it is about: the number of a run, a unit of widths, the path of a convolution or an
            attention, or the name of an activation.
        places: Paths of the modules that it changes.
    """

    name: str
    options: tuple[Any, ...]
    kind: str
    of: Any
    places: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """All that may vary in a network.

    Attributes:
        varied: The choices, those of depth first.
        runs: Blocks that may be left out or repeated.
        sizes: Sizes of the tensors; None where they are not understood, and no width varies.
        calling: Paths of the modules whose ``forward`` calls activations as functions.
        constants: Value of each parameter that begins with a single one, by its name.
        spreads: Mean and standard deviation of the others.
    """

    varied: tuple[Varied, ...]
    runs: tuple[Run, ...]
    sizes: Sizes | None
    calling: frozenset[str] = frozenset()
    constants: Mapping[str, float] = field(default_factory=dict)
    spreads: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def asked(self, varied: Varied, depths: Mapping[int, int]) -> bool:
        """Whether a choice exists: what it changes is not left out.

        Args:
            varied: The choice.
            depths: Number of blocks of each run, by its number.
        """
        if varied.kind == "depth" or not varied.places:
            return True
        return not all(self._is_out(place, depths) for place in varied.places)

    def _is_out(self, path: str, depths: Mapping[int, int]) -> bool:
        return any(
            self.runs[number].holds(path, block)
            for number, count in depths.items()
            for block in range(count, len(self.runs[number].blocks))
        )


@dataclass(frozen=True)
class Variant:
    """A varied network.

    Attributes:
        module: The network.
        origins: Path in the given network of each module, by its path; of an added block that of its model.
        changed: Paths of the modules whose tensors have other shapes, or that were added.
        added: The blocks that were added.
    """

    module: nn.Module
    origins: Mapping[str, str]
    changed: frozenset[str]
    added: tuple[Added, ...]


def find_plan(module: nn.Module, example: Tensor, runs_on: Callable[[nn.Module], bool]) -> Plan:
    """Finds what may vary in a network, and checks that it may.

    Args:
        module: Network on the CPU that runs on the example; not changed.
        example: Its input.
        runs_on: Whether a variant computes a result of the right shape; may change the variant.
    """
    shapes = _shapes(module, example)
    runs = find_runs(module, shapes)
    ends = [
        tuple(module.get_submodule(path) for path in (run.paths(number)[0], run.paths(number)[-1]))
        for run in runs
        for number in range(len(run.blocks))
    ]
    sizes: Sizes | None
    try:
        sizes = find_sizes(module, example, ends)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - the module may do anything; what is not understood does not vary
        sizes = None
    places, calling = find_activations(module, example)
    inner = (*_kernels(module), *_heads(module), *_activations(places))
    varied = (*_depths(runs), *_widths(module, sizes, runs), *inner)
    tensors = dict(module.named_parameters())
    constants = {
        name: float(one.detach().flatten()[0])
        for name, one in tensors.items()
        if one.numel() and bool((one == one.flatten()[0]).all())
    }
    spreads = {
        name: (float(one.detach().mean()), float(one.detach().std()))
        for name, one in tensors.items()
        if name not in constants and one.numel()
    }
    plan = Plan(varied, tuple(runs), sizes, calling, constants, spreads)
    return replace(plan, varied=_check(module, plan, runs_on))


def vary(module: nn.Module, plan: Plan, answers: Mapping[str, Any]) -> Variant:
    """Changes a network; weights whose shapes change get no values.

    Args:
        module: The given network, or one that was made in the same way; changed in place.
        plan: What may vary in it.
        answers: Answers by the names of the choices; the given ones may be left out.

    Raises:
        Unbuildable: Sizes of the network, or of the heads of an attention, would not be whole.
    """
    given = {one.name: answers.get(one.name, one.options[0]) for one in plan.varied}
    parts = dict(module.named_modules())
    for path, part in parts.items():
        part.__dict__[_PLACE] = path
    changed = [one for one in plan.varied if given[one.name] != one.options[0]]
    kernels = {one.of: int(given[one.name]) for one in changed if one.kind == "kernel"}
    widths = {one.of: int(given[one.name]) for one in changed if one.kind in ("width", "expansion")}
    resized = resize(module, plan.sizes, widths, kernels) if kernels or widths else set()
    for one in changed:
        if one.kind == "heads":
            _set_heads(module.get_submodule(one.of), int(given[one.name]))
    counts = [(plan.runs[one.of], int(given[one.name])) for one in changed if one.kind == "depth"]
    added = repeat(module, counts) if counts else []
    activations = {one.of: given[one.name] for one in changed if one.kind == "activation"}
    if activations:
        calling = [part for part in module.modules() if part.__dict__.get(_PLACE) in plan.calling]
        activate(module, activations, calling)
    news = [join(one.container, name) for one in added for name in one.names]
    origins = {path: part.__dict__.get(_PLACE, "") for path, part in module.named_modules()}
    fresh = {
        path
        for path, origin in origins.items()
        if origin in resized or any(path == new or path.startswith(f"{new}.") for new in news)
    }
    for part in [*parts.values(), *module.modules()]:
        part.__dict__.pop(_PLACE, None)
    return Variant(module, origins, frozenset(fresh), tuple(added))


def _check(module: nn.Module, plan: Plan, runs_on: Callable[[nn.Module], bool]) -> tuple[Varied, ...]:
    """The choices with the options that work; all first, second, ... options at once, or else one by one."""

    def works(answers: Mapping[str, Any]) -> bool:
        try:
            return runs_on(vary(copy.deepcopy(module), plan, answers).module)
        except Unbuildable:
            return False

    most = max((len(one.options) for one in plan.varied), default=0)
    together = [
        works({one.name: one.options[min(number, len(one.options) - 1)] for one in plan.varied})
        for number in range(1, most)
    ]
    found = []
    for one in plan.varied:
        others = [
            option
            for number, option in enumerate(one.options[1:])
            if together[number] or works({one.name: option})
        ]
        if others:
            found.append(replace(one, options=(one.options[0], *others)))
    return tuple(found)


def _shapes(module: nn.Module, example: Tensor) -> dict[str, tuple[list[int], list[int]]]:
    """Shapes that each part reads and gives, of those that are called once."""
    seen: dict[str, list[tuple[list[int], list[int]]]] = {}

    def note(path: str) -> Any:
        def hook(_: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            read = next((one for one in (*args, *kwargs.values()) if isinstance(one, Tensor)), None)
            if read is not None and isinstance(output, Tensor):
                seen.setdefault(path, []).append((list(read.shape), list(output.shape)))

        return hook

    hooks = [
        part.register_forward_hook(note(path), with_kwargs=True) for path, part in module.named_modules()
    ]
    try:
        with torch.no_grad():
            module(example)
    finally:
        for hook in hooks:
            hook.remove()
    return {path: calls[0] for path, calls in seen.items() if len(calls) == 1}


def _depths(runs: list[Run]) -> list[Varied]:
    several = [run.container for run in runs]
    found = []
    for number, run in enumerate(runs):
        count = len(run.blocks)
        counts = (count, count - 1, count + 1, 2 * count, count // 2)
        lone = several.count(run.container) == 1 and run.container
        where = run.container if lone else join(run.container, run.blocks[0][0])
        options = tuple(dict.fromkeys(one for one in counts if one > 0 or count == 1))
        found.append(Varied(f"depth.{where}", options, "depth", number))
    return found


def _widths(module: nn.Module, sizes: Sizes | None, runs: list[Run]) -> list[Varied]:
    found: list[Varied] = []
    if sizes is None:
        return found
    for unit, value in sizes.values.items():
        owners = {
            name.rpartition(".")[0]
            for name, shape in sizes.shapes.items()
            if any(unit == own for size in shape for own, _ in size)
        }
        inside = any(
            all(run.holds(path, number) for path in owners)
            for run in runs
            for number in range(len(run.blocks))
            if len(owners) > 1
        )
        step = sizes.steps[unit]
        fine = next(each for each in (8, 4, 2, 1) if value % each == 0)
        grain = math.lcm(step, fine) if value >= 2 * math.lcm(step, fine) else step
        near = [max(round(value * ratio / grain), 1) * grain for ratio in RATIOS]
        options = tuple(dict.fromkeys([value, *near]))
        kind = "expansion" if inside else "width"
        name = unit.rpartition(":")[0].rpartition(".")[0]
        if any(one.name == f"{kind}.{name}" for one in found):
            name = unit
        if value > 1 and len(options) > 1:
            found.append(Varied(f"{kind}.{name}", options, kind, unit, tuple(sorted(owners))))
    return found


def _kernels(module: nn.Module) -> list[Varied]:
    found = []
    for path, part in module.named_modules():
        if not isinstance(part, _ConvNd) or part.transposed:
            continue
        wide = {size for size in part.kernel_size if size > 1}
        if len(wide) != 1 or (size := wide.pop()) % 2 == 0 or not _keeps_size(part):
            continue
        options = [one for one in (size, size - 2, size + 2) if one > 0]
        found.append(Varied(f"kernel.{path}", tuple(options), "kernel", path, (path,)))
    return found


def _heads(module: nn.Module) -> list[Varied]:
    found = []
    for path, part in module.named_modules():
        if isinstance(part, nn.MultiheadAttention):
            heads = part.num_heads
            fit = [one for one in (heads // 2, 2 * heads) if one and part.embed_dim % one == 0]
            found.append(Varied(f"heads.{path}", (heads, *fit), "heads", path, (path,)))
    return [one for one in found if len(one.options) > 1]


def _set_heads(part: Any, heads: int) -> None:
    if part.embed_dim % heads:
        raise Unbuildable(f"{heads} heads would share {part.embed_dim} channels")
    part.num_heads, part.head_dim = heads, part.embed_dim // heads


def _keeps_size(part: _ConvNd) -> bool:
    """Whether the padding of a convolution is half of its kernel."""
    if isinstance(part.padding, str):
        return part.padding == "same"
    axes = zip(part.padding, part.kernel_size, part.dilation, strict=True)
    return all(padding == dilation * (kernel - 1) // 2 for padding, kernel, dilation in axes)


def _activations(places: Mapping[str, tuple[str, ...]]) -> list[Varied]:
    return [
        Varied(
            "activation" if len(places) == 1 else f"activation.{name}",
            tuple(dict.fromkeys([name, *ACTIVATIONS])),
            "activation",
            name,
            paths,
        )
        for name, paths in places.items()
    ]

"""Parts of a module that may be left out or repeated."""

from __future__ import annotations

import copy
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import nn
from torch.nn.modules import activation
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.dropout import _DropoutNd

__all__ = ["Added", "Run", "copied", "find_runs", "join", "repeat"]

_NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
_ACTIVATIONS = tuple(getattr(activation, name) for name in activation.__all__ if name != "MultiheadAttention")
_BEHIND = (*_NORMS, _DropoutNd, nn.Identity, *_ACTIVATIONS)
"""Layers that belong to the layer before them."""


_Module = TypeVar("_Module", bound=nn.Module)


@dataclass(frozen=True)
class Run:
    """Equal blocks one behind the other, each of which gives what it gets in another form.

    Attributes:
        container: Path of the `torch.nn.Sequential` or `torch.nn.ModuleList`.
        blocks: Names in the container of the parts of each block.
    """

    container: str
    blocks: tuple[tuple[str, ...], ...]

    def paths(self, number: int) -> tuple[str, ...]:
        """Paths of the parts of a block."""
        return tuple(join(self.container, name) for name in self.blocks[number])

    def holds(self, path: str, number: int) -> bool:
        """Whether a module or tensor is in a block."""
        return any(path == own or path.startswith(f"{own}.") for own in self.paths(number))


@dataclass(frozen=True)
class Added:
    """A block that was added.

    Attributes:
        container: Path of its container.
        names: Names of its parts there.
    """

    container: str
    names: tuple[str, ...]


def join(container: str, name: str) -> str:
    """The path of a part."""
    return f"{container}.{name}" if container else name


def find_runs(module: nn.Module, shapes: Mapping[str, tuple[list[int], list[int]]]) -> list[Run]:
    """The runs of a module, outer ones before those inside of their blocks.

    Args:
        module: Module.
        shapes: Shapes of the first input and of the output of each part, by its path, of those that are
            called once.
    """
    owners: Counter[int] = Counter(id(one) for _, one in module.named_parameters(remove_duplicate=False))
    found: list[Run] = []
    closed: list[str] = []
    for path, part in module.named_modules():
        if any(path == one or path.startswith(f"{one}.") for one in closed):
            continue
        for blocks in _runs_of(part, path, shapes, owners):
            first = part._modules[blocks[0][0]]
            if len(blocks) == 1 and len(blocks[0]) == 1 and type(first) is nn.Sequential:
                continue  # its parts may be blocks; it is none itself
            found.append(Run(path, tuple(blocks)))
            closed += [join(path, name) for block in blocks for name in block]
    return found


def _runs_of(
    part: nn.Module, path: str, shapes: Mapping[str, tuple[list[int], list[int]]], owners: Counter[int]
) -> Iterator[list[tuple[str, ...]]]:
    """Runs of equal blocks in a container."""
    run: list[tuple[str, ...]] = []
    before = ""
    for block in _blocks_of(part):
        first, last = (shapes.get(join(path, name)) for name in (block[0], block[-1]))
        own = nn.ModuleList(part._modules[name] for name in block)  # type: ignore[misc]
        inside = Counter(id(one) for _, one in own.named_parameters(remove_duplicate=False))
        fits = first is not None and last is not None and first[0] == last[1]
        if not fits or any(owners[key] != count for key, count in inside.items()):
            text = ""
        else:
            text = f"{own} {[tuple(one.shape) for one in own.parameters()]}"
        if run and text != before:
            yield run
            run = []
        if text:
            run.append(block)
        before = text
    if run:
        yield run


def _blocks_of(part: nn.Module) -> Iterator[tuple[str, ...]]:
    """Names of the children of a container that belong together; one that is no block begins a new one."""
    children = {name: child for name, child in part._modules.items() if child is not None}
    if isinstance(part, nn.ModuleList):
        yield from ((name,) for name, child in children.items() if _has_parameters(child))
    if not isinstance(part, nn.Sequential):
        return
    block: list[str] = []
    for name, child in children.items():
        if block and isinstance(child, _BEHIND):
            block.append(name)
            continue
        if block:
            yield tuple(block)
        begins = _has_parameters(child) and not isinstance(child, _NORMS)
        block = [name] if begins else []
        if begins and not isinstance(child, _ConvNd | nn.Linear):
            yield (name,)
            block = []
    if block:
        yield tuple(block)


def _has_parameters(part: nn.Module) -> bool:
    return next(part.parameters(), None) is not None


def repeat(module: nn.Module, counts: Sequence[tuple[Run, int]]) -> list[Added]:
    """Leaves the last blocks of runs out, or adds copies of the last one behind it.

    Args:
        module: Module; changed in place.
        counts: Runs with the number of blocks that they shall have.

    Returns:
        The blocks that were added.
    """
    added: list[Added] = []
    for path in dict.fromkeys(run.container for run, _ in counts):
        container = module.get_submodule(path)
        here = [(run, count) for run, count in counts if run.container == path]
        gone = {name for run, count in here for block in run.blocks[count:] for name in block}
        more = {run.blocks[-1]: count - len(run.blocks) for run, count in here if count > len(run.blocks)}
        children = dict(container._modules)
        kept: list[tuple[str, nn.Module | None, int]] = []  # a number for the parts of each added block
        number = 0
        for name, child in children.items():
            if name not in gone:
                kept.append((name, child, 0))
            for block, count in more.items():
                if name != block[-1]:
                    continue
                for _ in range(count):
                    number += 1
                    copies = copied(nn.ModuleList(children[own] for own in block))  # type: ignore[misc]
                    kept += [(own, part, number) for own, part in zip(block, copies, strict=True)]
        numbered = all(name.isdecimal() for name in children)
        container._modules.clear()
        names: dict[int, list[str]] = {}
        for position, (name, child, origin) in enumerate(kept):
            new = str(position) if numbered else f"{name}_{origin}" if origin else name
            container._modules[new] = child
            names.setdefault(origin, []).append(new)
        added += [Added(path, tuple(own)) for origin, own in names.items() if origin]
    return added


def copied(module: _Module) -> _Module:
    """A deep copy of a module, in half of the time that the hooks of its parts, mostly none, would take."""
    empty: dict[int, Any] = {
        id(value): OrderedDict()
        for part in module.modules()
        for value in vars(part).values()
        if type(value) is OrderedDict and not value
    }
    return copy.deepcopy(module, empty)

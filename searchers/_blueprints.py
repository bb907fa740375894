"""Blueprints, and their assembly from modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from egraph.architecture import Architecture
from egraph.searchers._innovations import LAYERS_WEIGHT, Genome, distance, read_genome, write_genome
from egraph.spaces import SearchSpace

__all__ = [
    "OWN",
    "Blueprint",
    "Module",
    "assemble",
    "blueprint_distance",
    "module_distance",
    "read_blueprint",
    "write_blueprint",
]

Module = tuple[str, ...]
"""Operations of consecutive vertices."""

OWN = -1
"""Pointer to no species of modules: the blueprint's own layers stay."""


class Blueprint(NamedTuple):
    """A graph with a species of modules for each run of vertices.

    Attributes:
        genome: Connections, and the layers where no module fits.
        pointers: Numbers of species of modules, one for each ``layers`` vertices between input and output.
    """

    genome: Genome
    pointers: tuple[int, ...]


def assemble(
    space: SearchSpace, architecture: Architecture, modules: Sequence[Module | None]
) -> Architecture:
    """The architecture with modules in its runs of vertices; operations that do not fit are skipped.

    Args:
        space: Space of the result.
        architecture: Architecture of the space.
        modules: Modules of one length, in order; None keeps a run. The last one is cut off at the output.
    """
    width = max((len(module) for module in modules if module), default=0)
    wanted = dict(enumerate(architecture.ops))
    for run, module in enumerate(modules):
        wanted |= dict(enumerate(module or (), 1 + run * width))
    ops = [architecture.ops[0], *(wanted[v] for v in range(1, architecture.num_vertices - 1)), "output"]
    if (whole := _valid(space, architecture, ops)) is not None:
        return whole
    for vertex in range(1, architecture.num_vertices - 1):
        changed = [*architecture.ops[:vertex], ops[vertex], *architecture.ops[vertex + 1 :]]
        architecture = _valid(space, architecture, changed) or architecture
    return architecture


def blueprint_distance(a: Blueprint, b: Blueprint) -> float:
    """Number of genes that only one has, plus `LAYERS_WEIGHT` times the share of pointers that differ."""
    differing = sum(p != q for p, q in zip(a.pointers, b.pointers, strict=False))
    share = differing / max(min(len(a.pointers), len(b.pointers)), 1)
    return distance(a.genome, b.genome, 0.0) + LAYERS_WEIGHT * share


def module_distance(a: Module, b: Module) -> float:
    """`LAYERS_WEIGHT` times the share of operations that differ."""
    return LAYERS_WEIGHT * sum(op != other for op, other in zip(a, b, strict=True)) / len(a)


def write_blueprint(blueprint: Blueprint) -> list[Any]:
    """A blueprint as JSON-ready values."""
    return [write_genome(blueprint.genome), list(blueprint.pointers)]


def read_blueprint(content: Any) -> Blueprint:
    """Reads what `write_blueprint` returned."""
    return Blueprint(read_genome(content[0]), tuple(content[1]))


def _valid(space: SearchSpace, architecture: Architecture, ops: Sequence[str]) -> Architecture | None:
    changed = Architecture(ops, architecture.edges, architecture.disabled)
    return changed if changed in space else None

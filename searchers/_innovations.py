"""Innovation numbers: genes of common origin in two genomes."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any, NamedTuple

import numpy as np

from egraph.architecture import Architecture

__all__ = [
    "LAYERS_WEIGHT",
    "Genome",
    "Innovations",
    "cross",
    "distance",
    "read_genome",
    "write_genome",
]

LAYERS_WEIGHT = 5.0
"""Distance, in genes, if all homologous layers of two genomes differ."""

STAYS_DISABLED = 0.75
"""Probability that a gene is disabled in the child if it is enabled in one parent only."""


class Genome(NamedTuple):
    """An architecture with innovation numbers.

    Vertices are genes, and so are connections, enabled or disabled. Vertices of two genomes are homologous if
    their marks are equal, connections if both their ends are homologous.

    Attributes:
        architecture: Architecture of the space.
        marks: Innovation number of each vertex; all differ.
    """

    architecture: Architecture
    marks: tuple[int, ...]


class Innovations:
    """Assigns innovation numbers.

    Marks of a genome without ancestors are negative and count from the output, so that vertices at equal
    distances from the output are homologous; the mark of the input is 0. A vertex that a mutation inserts
    gets the next positive number or, within one generation, the number of a vertex that another mutation
    inserted between the same neighbors.
    """

    def __init__(self) -> None:
        self._last = 0
        self._recent: dict[str, int] = {}

    def found(self, architecture: Architecture) -> Genome:
        """A genome without ancestors."""
        return Genome(architecture, (0, *range(1 - architecture.num_vertices, 0)))

    def descend(self, parent: Genome, child: Architecture) -> Genome:
        """The genome of a mutant of a parent."""
        origins = _trace(parent.architecture, child)
        marks = [None if origin is None else parent.marks[origin] for origin in origins]
        for vertex, mark in enumerate(marks):
            if mark is None:
                marks[vertex] = self._number(child, vertex, marks)
        return Genome(child, tuple(mark for mark in marks if mark is not None))

    def forget(self) -> None:
        """Starts a new generation."""
        self._recent = {}

    def state_dict(self) -> dict[str, Any]:
        """Assigned numbers, as JSON-ready values."""
        return {"last": self._last, "recent": self._recent}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` returned."""
        self._last, self._recent = state["last"], dict(state["recent"])

    def _number(self, child: Architecture, vertex: int, marks: list[int | None]) -> int:
        sources = [marks[i] for i, j in child.edges if j == vertex]
        targets = [marks[j] for i, j in child.edges if i == vertex]
        neighbors = f"{sources}>{targets}"
        number = self._recent.get(neighbors)
        if number is None or number in marks:
            self._last = number = self._last + 1
            self._recent[neighbors] = number
        return number


def distance(a: Genome, b: Genome, weight: float) -> float:
    """Number of genes that only one genome has, plus ``weight`` times the share of layers that differ.

    Layers are compared where vertices between input and output are homologous.
    """
    layers_a, layers_b = _layers(a), _layers(b)
    common = layers_a.keys() & layers_b.keys()
    differing = sum(layers_a[mark] != layers_b[mark] for mark in common)
    disjoint = len(layers_a) + len(layers_b) - 2 * len(common) + len(set(_states(a)) ^ set(_states(b)))
    return disjoint + weight * differing / max(len(common), 1)


def cross(fitter: Genome, other: Genome, rng: np.random.Generator) -> Genome:
    """The genes of the fitter parent; layers and states of homologous genes come from either parent.

    Genes of the other parent alone are lost. A connection that only one parent has enabled is disabled with
    probability `STAYS_DISABLED`. The child may lie outside the space.
    """
    layers, states = _layers(other), _states(other)
    a, marks = fitter.architecture, fitter.marks
    ops = [
        layers[mark] if mark in layers and rng.random() < 0.5 else op
        for op, mark in zip(a.ops[1:-1], marks[1:-1], strict=True)
    ]
    enabled: list[tuple[int, int]] = []
    disabled: list[tuple[int, int]] = []
    for edges, state in ((a.edges, True), (a.disabled, False)):
        for i, j in edges:
            differs = states.get((marks[i], marks[j]), state) != state
            is_enabled = rng.random() >= STAYS_DISABLED if differs else state
            (enabled if is_enabled else disabled).append((i, j))
    return Genome(Architecture((a.ops[0], *ops, a.ops[-1]), enabled, disabled), marks)


def write_genome(genome: Genome) -> dict[str, Any]:
    """A genome as JSON-ready values."""
    return {**genome.architecture.to_dict(), "marks": list(genome.marks)}


def read_genome(content: dict[str, Any]) -> Genome:
    """Reads what `write_genome` returned."""
    fields = {name: value for name, value in content.items() if name != "marks"}
    return Genome(Architecture.from_dict(fields), tuple(content["marks"]))


def _layers(genome: Genome) -> dict[int, str]:
    return dict(zip(genome.marks[1:-1], genome.architecture.ops[1:-1], strict=True))


def _states(genome: Genome) -> dict[tuple[int, int], bool]:
    marks = genome.marks
    states = {(marks[i], marks[j]): True for i, j in genome.architecture.edges}
    return states | {(marks[i], marks[j]): False for i, j in genome.architecture.disabled}


def _trace(parent: Architecture, child: Architecture) -> list[int | None]:
    """The vertex of the parent for each vertex of a mutant; None for a new one."""
    grown = child.num_vertices - parent.num_vertices
    if grown == 0:
        return list(range(child.num_vertices))
    if grown == 1:
        connections = {*child.edges, *child.disabled}
        for new in range(1, child.num_vertices - 1):
            here = [v + (v >= new) for v in range(parent.num_vertices)]
            kept = {(here[i], here[j]) for i, j in parent.edges + parent.disabled}
            if child.ops[:new] + child.ops[new + 1 :] == parent.ops and kept <= connections:
                return [*range(new), None, *range(new, parent.num_vertices)]
    origins: list[int | None] = [None] * child.num_vertices
    matcher = SequenceMatcher(None, parent.ops, child.ops, autojunk=False)
    for _, start, stop, new_start, new_stop in matcher.get_opcodes():
        for step in range(min(stop - start, new_stop - new_start)):
            origins[new_start + step] = start + step
    return origins

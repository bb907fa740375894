"""Connection genes: enabled and disabled edges, and the moves of evolution between them.

Spaces whose graphs grow by node insertion share these operators. A gene is an edge ``(i, j)`` with ``i <
j``; the enabled ones are `Architecture.edges`, the disabled ones `Architecture.disabled`. Every function
keeps the numbering topological.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, shorten
from egraph.spaces._checks import list_names

__all__ = [
    "Gene",
    "check_genome",
    "format_genes",
    "genes",
    "insert_vertex",
    "is_joined",
    "parse_genes",
    "recombine",
    "replace_op",
    "toggle",
    "toggleable",
]

Gene = tuple[int, int]
Column = tuple[int | None, int | None]

STAYS_DISABLED = 0.75
"""Probability that a gene disabled in one parent and enabled in the other is disabled in the child (NEAT)."""

_REDRAWS = 16
_GENE = re.compile(r"(!?) *([0-9]{1,4}) *> *([0-9]{1,4})")


def genes(architecture: Architecture) -> list[Gene]:
    """All connection genes, enabled or not, in order."""
    return sorted(architecture.edges + architecture.disabled)


def is_joined(num_vertices: int, edges: Iterable[Gene]) -> bool:
    """Whether a path leads from the first vertex to the last; edges must point to higher numbers."""
    reached = {0}
    for i, j in sorted(edges):
        if i in reached:
            reached.add(j)
    return num_vertices - 1 in reached


def replace_op(architecture: Architecture, vertex: int, op: str) -> Architecture:
    """The architecture with another operation at one vertex."""
    ops = (*architecture.ops[:vertex], op, *architecture.ops[vertex + 1 :])
    return Architecture(ops, architecture.edges, architecture.disabled)


def insert_vertex(architecture: Architecture, gene: Gene, op: str) -> Architecture:
    """Inserts a new vertex between the ends of a gene.

    Enabled genes connect the new vertex to both ends; it is numbered directly after the source. The gene
    itself stays, disabled.
    """
    source, target = gene
    new = source + 1

    def renumber(edges: Iterable[Gene]) -> list[Gene]:
        return [(i + (i >= new), j + (j >= new)) for i, j in edges]

    enabled = [*renumber(e for e in architecture.edges if e != gene), (source, new), (new, target + 1)]
    disabled = [*renumber(e for e in architecture.disabled if e != gene), *renumber([gene])]
    return Architecture((*architecture.ops[:new], op, *architecture.ops[new:]), enabled, disabled)


def toggle(architecture: Architecture, gene: Gene) -> Architecture:
    """Disables an enabled gene, enables a disabled one."""
    enabled = set(architecture.edges) ^ {gene}
    return Architecture(architecture.ops, enabled, set(architecture.disabled) ^ {gene})


def toggleable(architecture: Architecture) -> list[Gene]:
    """The genes that can be toggled without cutting the output off from the input."""
    n, enabled = architecture.num_vertices, set(architecture.edges)
    return [gene for gene in genes(architecture) if gene not in enabled or is_joined(n, enabled - {gene})]


def parse_genes(text: str) -> tuple[list[Gene], list[Gene]]:
    """Reads enabled and disabled genes from the notation ``0>1,1>2,!0>2``.

    Raises:
        ArchitectureError: A word is not a gene.
    """
    enabled: list[Gene] = []
    disabled: list[Gene] = []
    for word in text.split(","):
        gene = _GENE.fullmatch(word.strip())
        if gene is None:
            raise ArchitectureError(
                f"expected a connection such as '0>1' or '!0>1', got {word.strip()[:40]!r}"
            )
        (disabled if gene[1] else enabled).append((int(gene[2]), int(gene[3])))
    return enabled, disabled


def format_genes(architecture: Architecture) -> str:
    """Writes what `parse_genes` reads: enabled genes first, then disabled ones."""
    connections = [f"{i}>{j}" for i, j in architecture.edges]
    return ",".join(connections + [f"!{i}>{j}" for i, j in architecture.disabled])


def check_genome(
    architecture: Architecture, name: str, layers: Collection[str], *, max_vertices: int, max_edges: int
) -> None:
    """Checks that a genome consists of known layers and keeps the bounds of a space.

    Raises:
        ArchitectureError: Too many vertices or edges, an unknown operation, an edge that points
            backward or is both enabled and disabled, or no path from input to output.
    """
    n, connections = architecture.num_vertices, genes(architecture)
    if n > max_vertices:
        raise ArchitectureError(f"{name} has at most {max_vertices} vertices, got {n}")
    if len(connections) > max_edges:
        raise ArchitectureError(
            f"{name} has at most {max_edges} edges, disabled ones included, got {len(connections)}"
        )
    for vertex, op in enumerate(architecture.ops[1:-1], 1):
        if op not in layers:
            raise ArchitectureError(
                f"{name} has no operation {shorten(op)} (vertex {vertex}); known: {list_names(layers)}"
            )
    for i, j in connections:
        if i >= j:
            raise ArchitectureError(f"edge ({i}, {j}) points backward; {name} numbers vertices topologically")
    if twice := set(architecture.edges) & set(architecture.disabled):
        raise ArchitectureError(f"edge {min(twice)} is both enabled and disabled; leave one of the two out")
    if not is_joined(n, architecture.edges):
        raise ArchitectureError(
            "no path of enabled edges leads from input to output; "
            f"enabled: {shorten(list(architecture.edges))}"
        )


def recombine(
    a: Architecture, b: Architecture, rng: np.random.Generator, *, max_vertices: int, max_edges: int
) -> Architecture:
    """Crosses two genomes gene by gene.

    Vertices of the parents are homologous if the alignment of their operation sequences pairs them (most
    equal operations first, then most pairs); connection genes are homologous if both their ends are. A
    homologous vertex takes its operation from either parent; a homologous gene that only one parent has
    enabled is disabled with probability `STAYS_DISABLED`. Since it is not known which parent is fitter, the
    disjoint genes come all from ``a``, all from ``b``, or, if the bounds allow it, from both, with equal
    probability. If the drawn states leave no path from input to output they are drawn again, and finally
    taken from the parent that gave the structure.
    """
    columns = _align(a.ops, b.ops)
    states_a = _states(a, {i: position for position, (i, _) in enumerate(columns) if i is not None})
    states_b = _states(b, {j: position for position, (_, j) in enumerate(columns) if j is not None})
    fits = len(columns) <= max_vertices and len(states_a.keys() | states_b.keys()) <= max_edges
    structure = ("a", "b", "both")[rng.integers(3 if fits else 2)]
    kept = [
        position
        for position, (i, j) in enumerate(columns)
        if (i is not None or structure != "a") and (j is not None or structure != "b")
    ]
    ops = [_choose_op(columns[position], a, b, rng) for position in kept]
    fallback = {"a": states_a, "b": states_b, "both": _either(states_a, states_b)}[structure]
    inherited = sorted(fallback)
    states = fallback
    for _ in range(_REDRAWS):
        drawn = {gene: _choose_state(states_a.get(gene), states_b.get(gene), rng) for gene in inherited}
        if is_joined(len(columns), (gene for gene in inherited if drawn[gene])):
            states = drawn
            break
    number = {position: vertex for vertex, position in enumerate(kept)}
    renumbered = {(number[i], number[j]): enabled for (i, j), enabled in states.items()}
    return Architecture(
        ops,
        (gene for gene, enabled in renumbered.items() if enabled),
        (gene for gene, enabled in renumbered.items() if not enabled),
    )


def _align(ops_a: Sequence[str], ops_b: Sequence[str]) -> list[Column]:
    """Aligns two sequences: two points for equal operations, one for unequal ones, none for a gap."""
    inner_a, inner_b = ops_a[1:-1], ops_b[1:-1]
    best = np.zeros((len(inner_a) + 1, len(inner_b) + 1), dtype=int)
    for i, op_a in enumerate(inner_a, 1):
        for j, op_b in enumerate(inner_b, 1):
            pair = best[i - 1, j - 1] + 1 + (op_a == op_b)
            best[i, j] = max(pair, best[i - 1, j], best[i, j - 1])
    columns: list[Column] = [(len(ops_a) - 1, len(ops_b) - 1)]
    i, j = len(inner_a), len(inner_b)
    while i or j:
        if i and j and best[i, j] == best[i - 1, j - 1] + 1 + (inner_a[i - 1] == inner_b[j - 1]):
            columns.append((i, j))
            i, j = i - 1, j - 1
        elif i and best[i, j] == best[i - 1, j]:
            columns.append((i, None))
            i -= 1
        else:
            columns.append((None, j))
            j -= 1
    return [(0, 0), *reversed(columns)]


def _states(architecture: Architecture, position: dict[int, int]) -> dict[Gene, bool]:
    """The genes of one parent in the numbering of the alignment, with their states."""
    states = {(position[i], position[j]): True for i, j in architecture.edges}
    return states | {(position[i], position[j]): False for i, j in architecture.disabled}


def _either(a: dict[Gene, bool], b: dict[Gene, bool]) -> dict[Gene, bool]:
    return {gene: a.get(gene, False) or b.get(gene, False) for gene in a.keys() | b.keys()}


def _choose_op(column: Column, a: Architecture, b: Architecture, rng: np.random.Generator) -> str:
    i, j = column
    if i is None or (j is not None and rng.random() < 0.5):
        assert j is not None
        return b.ops[j]
    return a.ops[i]


def _choose_state(in_a: bool | None, in_b: bool | None, rng: np.random.Generator) -> bool:
    if in_a is None or in_b is None or in_a == in_b:
        return bool(in_b if in_a is None else in_a)
    return bool(rng.random() >= STAYS_DISABLED)

"""A normal and a reduction cell of DARTS as one graph, and back."""

from __future__ import annotations

from functools import lru_cache

from egraph import operations
from egraph.architecture import Architecture
from egraph.operations import Operation
from egraph.spaces._darts_notation import LAYERS, Cell

__all__ = ["OPERATIONS", "VERTICES", "build", "find_cells"]

BEFORE_LAST, LAST, NODE = "c_{k-2}", "c_{k-1}", "node"
STRIDED = "-s2"

OPERATIONS = (*LAYERS, *(layer + STRIDED for layer in LAYERS), BEFORE_LAST, LAST, NODE)
"""Operations of interior vertices."""

_CELL = 14

VERTICES = 2 * _CELL + 2
"""Number of vertices of every architecture: both cells, input and output."""

for _stride, _suffix in ((1, ""), (2, STRIDED)):
    for _operation in (
        Operation("max_pool_3x3" + _suffix, "max-pool", kernel=3, stride=_stride, shareable=True),
        Operation("avg_pool_3x3" + _suffix, "avg-pool", kernel=3, stride=_stride, shareable=True),
        Operation("sep_conv_3x3" + _suffix, "separable-conv", kernel=3, stride=_stride),
        Operation("sep_conv_5x5" + _suffix, "separable-conv", kernel=5, stride=_stride),
        Operation("dil_conv_3x3" + _suffix, "separable-conv", kernel=3, stride=_stride),
        Operation("dil_conv_5x5" + _suffix, "separable-conv", kernel=5, stride=_stride),
    ):
        operations.register(_operation)
for _operation in (
    Operation("skip_connect", "identity"),
    Operation("skip_connect" + STRIDED, "conv", kernel=1, stride=2),
    Operation(BEFORE_LAST, "conv", kernel=1),
    Operation(LAST, "conv", kernel=1),
    # Neither an identity nor shareable, so that the terms of each concatenated node stay together.
    Operation(NODE, "aggregation"),
):
    operations.register(_operation)


def build(normal: Cell, reduction: Cell) -> Architecture:
    """The graph of two cells."""
    ops, edges = ["input"], []
    last = [0]  # vertices that a cell reads as c_{k-1}; both cells read the input as c_{k-2}
    for cell, suffix in ((normal, ""), (reduction, STRIDED)):
        terms = []  # for the cells before and each node, the vertices whose sum it is
        for name, sources in ((BEFORE_LAST, [0]), (LAST, last)):
            edges += [(source, len(ops)) for source in sources]
            terms.append([len(ops)])
            ops.append(name)
        last = []
        for node in cell:
            joined = len(ops) + 2
            for op, source in node:
                edges += [(term, len(ops)) for term in terms[source]] + [(len(ops), joined)]
                ops.append(op + suffix if source < 2 else op)
            terms.append([joined - 2, joined - 1])
            last.append(joined)
            ops.append(NODE)
    edges += [(node, len(ops)) for node in last]
    return Architecture([*ops, "output"], edges)


# The same architectures occur again and again in a search; the bound keeps the cache at a few megabytes.
@lru_cache(maxsize=2**12)
def find_cells(architecture: Architecture) -> tuple[Cell, Cell] | None:
    """The cells of an architecture with `VERTICES` vertices; None if it is not their graph."""
    ops = architecture.ops
    least = [VERTICES] * VERTICES  # first vertex that each vertex reads
    for i, j in architecture.edges:
        least[j] = min(least[j], i)
    cells = []
    for first in (1, 1 + _CELL):  # its vertex c_{k-2}
        number = {first: 0, first + 1: 1} | {first + 2 + 3 * position: 2 + position for position in range(4)}
        cell = []
        for position, vertex in enumerate(range(first + 2, first + _CELL, 3)):
            one, other = (
                (ops[v].removesuffix(STRIDED), number.get(least[v], -1)) for v in (vertex, vertex + 1)
            )
            if not (0 <= one[1] < other[1] < position + 2 and one[0] in LAYERS and other[0] in LAYERS):
                return None
            cell.append((one, other))
        cells.append(tuple(cell))
    normal, reduction = cells
    return (normal, reduction) if build(normal, reduction) == architecture else None

"""How alike architectures are: graph edit distances, within groups and between them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize, sparse, stats

from egraph.architecture import Architecture
from egraph.errors import EvaluationError

__all__ = ["Distances", "cells_of", "compare_curves", "edit_distance", "measure_distances"]

SECONDS = 5.0
"""Time after which the search for a smaller edit distance ends."""

_FIRST = "c_{k-2}"
"""The vertex with which a cell of two inputs begins."""


def edit_distance(a: Architecture, b: Architecture, seconds: float = SECONDS) -> int:
    """The smallest number of insertions and removals of vertices and edges that turn one graph into another.

    Another operation at the same place counts two: one is removed and one inserted. The number is the optimum
    of an integer program: which vertex becomes which, and which edges are kept thereby.

    Args:
        a: One graph.
        b: The other one.
        seconds: Time after which the smallest number so far counts.

    Raises:
        EvaluationError: There is none after that time.

    References:
        Lerouge et al., "New binary linear programming formulation to compute the graph edit distance",
        Pattern Recognition, 2017
    """
    rows, columns = a.num_vertices, b.num_vertices
    become = {(i, k): i * columns + k for i in range(rows) for k in range(columns)}
    pairs = list(itertools.product(a.edges, b.edges))
    count = len(become) + len(pairs)
    gains = np.zeros(count)
    for (i, k), variable in become.items():
        gains[variable] = 2.0 if a.ops[i] == b.ops[k] else 0.0
    gains[len(become) :] = 2.0
    # Each vertex becomes at most one; an edge is kept only where both of its ends become those of one edge.
    limits: dict[tuple[Any, ...], dict[int, float]] = {}
    for (i, k), variable in become.items():
        limits.setdefault(("from", i), {})[variable] = 1
        limits.setdefault(("to", k), {})[variable] = 1
    for variable, (edge, other) in enumerate(pairs, len(become)):
        for end in (0, 1):
            line = limits.setdefault((end, edge, other[end]), {become[edge[end], other[end]]: -1})
            line[variable] = 1
    matrix = sparse.lil_array((len(limits), count))
    for row, line in enumerate(limits.values()):
        for variable, factor in line.items():
            matrix[row, variable] = factor
    most = [1.0 if name[0] in ("from", "to") else 0.0 for name in limits]
    found = optimize.milp(
        -gains,
        integrality=np.ones(count),
        bounds=optimize.Bounds(0, 1),
        constraints=optimize.LinearConstraint(matrix.tocsr(), -np.inf, most),
        options={"time_limit": seconds},
    )
    if found.x is None:
        raise EvaluationError(f"no edit distance was found within {seconds:g} s; allow more time")
    everything = rows + columns + len(a.edges) + len(b.edges)
    return round(everything - float(gains @ np.round(found.x)))


def cells_of(architecture: Architecture) -> dict[str, Architecture]:
    """The cells of an architecture by name: ``cell``, or ``normal`` and ``reduction``."""
    starts = [vertex for vertex, op in enumerate(architecture.ops) if op == _FIRST]
    if len(starts) != 2:
        return {"cell": architecture}
    bounds = [*starts, architecture.num_vertices - 1]
    return {
        name: _cut(architecture, *bounds[number : number + 2])
        for number, name in enumerate(("normal", "reduction"))
    }


def _cut(architecture: Architecture, start: int, stop: int) -> Architecture:
    """The vertices of one cell between an input and an output."""
    ops = ("input", *architecture.ops[start:stop], "output")
    inner = [
        (i - start + 1, j - start + 1)
        for i, j in architecture.edges
        if start <= i < stop and start <= j < stop
    ]
    sources = {i for i, _ in inner}
    targets = {j for _, j in inner}
    count = stop - start
    begins = [(0, vertex) for vertex in range(1, count + 1) if vertex not in targets]
    ends = [(vertex, count + 1) for vertex in range(1, count + 1) if vertex not in sources]
    return Architecture(ops, [*begins, *inner, *ends])


@dataclass(frozen=True)
class Distances:
    """Edit distances of all pairs of architectures.

    Attributes:
        within: Distances inside of each group, by its name.
        between: Distances of pairs of two groups, by both names.
        p_value: Of the Kruskal-Wallis test that all groups of distances are alike; NaN with fewer than two.
    """

    within: Mapping[str, list[int]]
    between: Mapping[tuple[str, str], list[int]]
    p_value: float


def measure_distances(groups: Mapping[str, Sequence[Architecture]]) -> Distances:
    """Edit distances inside of groups and between them, and whether they differ.

    Args:
        groups: Architectures, or cells, by the name of the group.

    References:
        W. Kruskal and W. Wallis, "Use of Ranks in One-Criterion Variance Analysis", JASA, 1952
    """
    within = {
        name: [edit_distance(a, b) for a, b in itertools.combinations(each, 2)]
        for name, each in groups.items()
    }
    between = {
        (one, two): [edit_distance(a, b) for a, b in itertools.product(groups[one], groups[two])]
        for one, two in itertools.combinations(groups, 2)
    }
    samples = [each for each in (*within.values(), *between.values()) if each]
    differ = len(samples) > 1 and len({value for each in samples for value in each}) > 1
    p_value = float(stats.kruskal(*samples).pvalue) if differ else np.nan
    return Distances(within, between, p_value)


def compare_curves(curves: Mapping[str, Sequence[float]]) -> list[tuple[str, str, float, float]]:
    """Whether the accuracies of two trainings, without the first tenth of the epochs, have one distribution.

    Args:
        curves: Accuracies after each epoch by name.

    Returns:
        For each pair both names, the p-value of the Kolmogorov-Smirnov test, and that value corrected for all
        pairs by Benjamini and Hochberg.

    References:
        Y. Benjamini and Y. Hochberg, "Controlling the False Discovery Rate", JRSS B, 1995
    """
    later = {name: curve[len(curve) // 10 :] for name, curve in curves.items() if len(curve)}
    pairs = list(itertools.combinations(later, 2))
    if not pairs:
        return []
    values = [float(stats.ks_2samp(later[one], later[two]).pvalue) for one, two in pairs]
    corrected = stats.false_discovery_control(values)
    return [
        (one, two, value, float(better))
        for (one, two), value, better in zip(pairs, values, corrected, strict=True)
    ]

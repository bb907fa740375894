"""All cells of NAS-Bench-101, one for each isomorphism class."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["enumerate_cells", "pair_bit"]

Permutation = tuple[int, ...]


def pair_bit(i: int, j: int) -> int:
    """The number of the bit that stands for the edge ``i -> j``, ``i < j``, in an adjacency."""
    return j * (j - 1) // 2 + i


def enumerate_cells(
    num_vertices: int, max_edges: int, num_operations: int
) -> Iterator[tuple[int, NDArray[np.int8]]]:
    """Yields the graphs of ``num_vertices`` vertices without dead ones, with their labelings.

    There is exactly one graph for each isomorphism class of labelled graphs: the one with the smallest
    adjacency, and among these the one with the first labels. That is the published order of vertices.

    Yields:
        The adjacency, in the bits of `pair_bit`, and the labels ``(labelings, num_vertices - 2)`` of the
        interior vertices; both ascending.
    """
    interior = num_vertices - 2
    labels = np.array(list(itertools.product(range(num_operations), repeat=interior)), dtype=np.int8)
    weights = num_operations ** np.arange(interior - 1, -1, -1)
    for adjacency, automorphisms in _unlabelled_graphs(num_vertices, max_edges):
        first = np.ones(len(labels), dtype=bool)
        for permutation in automorphisms:
            first &= np.arange(len(labels)) <= labels[:, permutation] @ weights
        yield adjacency, labels[first]


def _unlabelled_graphs(num_vertices: int, max_edges: int) -> Iterator[tuple[int, list[list[int]]]]:
    """Smallest adjacency of each class, and the permutations of the interior that do not change it."""
    adjacencies = _live_adjacencies(num_vertices, max_edges)
    permutations = [p for p in itertools.permutations(range(1, num_vertices - 1)) if list(p) != sorted(p)]
    for permutation in permutations:
        adjacencies = adjacencies[_permuted(adjacencies, permutation) >= adjacencies]
    fixed = [_permuted(adjacencies, permutation) == adjacencies for permutation in permutations]
    for index, adjacency in enumerate(adjacencies.tolist()):
        # Automorphisms are a group: each comes with its inverse, so either may move the labels.
        kept = [p for p, same in zip(permutations, fixed, strict=True) if same[index]]
        yield adjacency, [[vertex - 1 for vertex in permutation] for permutation in kept]


def _live_adjacencies(num_vertices: int, max_edges: int) -> NDArray[np.int64]:
    """Adjacencies, ascending, in which every vertex has a source (but input) and a target (but output)."""
    pairs = num_vertices * (num_vertices - 1) // 2
    bits = np.arange(2**pairs, dtype=np.int64)
    for vertex in range(num_vertices):
        if vertex > 0:
            bits = bits[bits & sum(1 << pair_bit(i, vertex) for i in range(vertex)) != 0]
        if vertex < num_vertices - 1:
            bits = bits[bits & sum(1 << pair_bit(vertex, j) for j in range(vertex + 1, num_vertices)) != 0]
    num_edges = sum(((bits >> pair & 1) for pair in range(pairs)), np.zeros_like(bits))
    return bits[num_edges <= max_edges]


def _permuted(adjacencies: NDArray[np.int64], permutation: Permutation) -> NDArray[np.int64]:
    """Adjacencies with interior vertex ``v`` renumbered to ``permutation[v - 1]``.

    If an edge would then point backwards, which has no adjacency, the result is larger than all of them.
    """
    num_vertices = len(permutation) + 2
    position = (0, *permutation, num_vertices - 1)
    moved = np.zeros_like(adjacencies)
    for j in range(1, num_vertices):
        for i in range(j):
            edge = adjacencies >> pair_bit(i, j) & 1
            target = pair_bit(position[i], position[j]) if position[i] < position[j] else 62
            moved |= edge << target
    return moved

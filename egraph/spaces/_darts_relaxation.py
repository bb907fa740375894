"""The relaxation of DARTS cells: operations on all edges of two cells, two inputs a node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.errors import UsageError
from egraph.spaces._darts_graph import build
from egraph.spaces._darts_notation import KINDS, LAYERS, Cell, Node, read_genotype
from egraph.spaces.relaxation import (
    Derivation,
    Position,
    Probabilities,
    Relaxation,
    admit,
    draw_one,
    limit_skips,
)

if TYPE_CHECKING:
    import torch

    from egraph.networks import Mix
    from egraph.spaces.darts import Darts

__all__ = ["DartsRelaxation"]

OPTIONS = ("none", *LAYERS)
NODES = range(2, 6)
"""Numbers of the nodes; 0 and 1 are the cells before."""

Weights = Mapping[str, NDArray[np.float64]]
Select = Callable[[list[NDArray[np.float64]]], dict[int, int]]
"""Selects two inputs of a node, of the weights of the operations on all of them: operations by input."""


class DartsRelaxation(Relaxation):
    """Probabilities of eight operations, ``none`` among them, on the 14 edges of both cells.

    Positions are named by the kind of the cell and the edge, such as ``normal/0->2``.

    `derive` takes the strongest inputs of each node. The strength of an input is its largest probability of
    an operation other than ``none``, and this operation is taken. `Derivation.ranks` counts

    - with ``distinct`` the inputs, by their strength (DARTS). A node with fewer inputs takes its weakest;
    - without ``distinct`` all pairs of an input and an operation, by their probability (GDAS). Where two
      pairs share an input, the next pair on another one replaces the second: a genotype has no such node.

    `draw` draws two inputs of a node without replacement, in proportion to their strength, and their
    operations by the probabilities; ranks have no part in it. ``none`` is never taken, as a genotype has
    none, and ``most_skips`` holds for each cell. Strided skip connections are convolutions and not counted.

    Args:
        space: The space.
        normal: Architecture whose normal cell all derived ones have, in the supernet too; None searches it.
        reduction: Architecture whose reduction cell all derived ones have, in the supernet too; None searches
            it.

    Raises:
        ArchitectureError: One of them is no architecture of the space.

    References:
        Liu et al., https://arxiv.org/abs/1806.09055; Dong and Yang, "Searching for a Robust Neural
        Architecture in Four GPU Hours", CVPR 2019, https://arxiv.org/abs/1910.04465
    """

    selects = True
    fewest_cells = 3  # a normal one and two reductions

    def __init__(
        self, space: Darts, normal: Architecture | None = None, reduction: Architecture | None = None
    ) -> None:
        self.space, self.options = space, {"channels": 16, "cells": 8}
        self._normal, self._reduction = normal, reduction
        self._fixed = {
            kind: read_genotype(space.to_genotype(given))[number]
            for number, (kind, given) in enumerate(zip(KINDS, (normal, reduction), strict=True))
            if given is not None
        }
        self._kinds = [kind for kind in KINDS if kind not in self._fixed]
        self.positions = {
            position.name: position
            for kind in self._kinds
            for node in NODES
            for source in range(node)
            for position in [_position(kind, source, node)]
        }

    def network(
        self, mix: Mix, input_shape: tuple[int, ...], num_classes: int, *, seed: int = 0, **options: Any
    ) -> torch.nn.Module:
        """The network of the paper's search: see `egraph.networks.mix_darts`."""
        from egraph.networks import mix_darts

        options = {**self.options, "normal": self._normal, "reduction": self._reduction, **options}
        return mix_darts(mix, input_shape, num_classes, seed=seed, **options)

    def derive(self, probabilities: Probabilities, rules: Derivation | None = None) -> Architecture:
        """Both cells, with the strongest inputs of each node.

        Raises:
            UsageError: There are not two ranks.
        """
        rules = rules or Derivation()
        if len(rules.ranks) != 2:
            raise UsageError(f"a node of darts has two inputs, so ranks are two numbers; got {rules.ranks}")
        one, other = sorted(rules.ranks)
        select = _strongest_inputs if rules.distinct else _strongest_pairs
        return self._make(lambda edges: select(edges, one, other), probabilities, rules)

    def draw(
        self, probabilities: Probabilities, rng: np.random.Generator, rules: Derivation | None = None
    ) -> Architecture:
        """Both cells, with random inputs and operations."""
        return self._make(lambda edges: _random_inputs(edges, rng), probabilities, rules or Derivation())

    def chosen(self, architecture: Architecture) -> dict[str, int]:
        """The operations of the two inputs of each node."""
        genotype = self.space.to_genotype(architecture)
        return {
            _name(kind, source, 2 + number // 2): OPTIONS.index(op)
            for kind in self._kinds
            for number, (op, source) in enumerate(genotype[kind])
        }

    def _make(self, select: Select, probabilities: Probabilities, rules: Derivation) -> Architecture:
        weights = admit(self.positions, probabilities)
        cells = {kind: self._cell(kind, select, weights, rules.most_skips) for kind in self._kinds}
        return build(*({**self._fixed, **cells}[kind] for kind in KINDS))

    def _cell(self, kind: str, select: Select, weights: Weights, most_skips: int | None) -> Cell:
        def pick(left: Weights) -> dict[str, int]:
            return {
                _name(kind, source, node): op
                for node in NODES
                for source, op in select([left[_name(kind, each, node)] for each in range(node)]).items()
            }

        chosen = limit_skips(self.positions, weights, pick, most_skips)
        return tuple(_node(kind, node, chosen) for node in NODES)


def _position(kind: str, source: int, node: int) -> Position:
    position = Position.of(_name(kind, source, node), OPTIONS, f"{kind}/{node}")
    if kind == "reduce" and source < 2:
        return replace(position, skips=(False,) * len(OPTIONS))
    return position


def _name(kind: str, source: int, node: int) -> str:
    return f"{kind}/{source}->{node}"


def _node(kind: str, node: int, chosen: Mapping[str, int]) -> Node:
    steps = [
        (OPTIONS[chosen[name]], source)
        for source in range(node)
        if (name := _name(kind, source, node)) in chosen
    ]
    return steps[0], steps[1]


def _strongest_inputs(edges: list[NDArray[np.float64]], one: int, other: int) -> dict[int, int]:
    order = np.argsort([-edge.max() for edge in edges], kind="stable").tolist()
    last = len(order)
    taken = order[min(one, last - 1) - 1], order[min(other, last) - 1]
    return {source: int(np.argmax(edges[source])) for source in taken}


def _strongest_pairs(edges: list[NDArray[np.float64]], one: int, other: int) -> dict[int, int]:
    pairs = [(source, op) for source, edge in enumerate(edges) for op in range(len(edge)) if edge[op] >= 0]
    pairs.sort(key=lambda pair: -edges[pair[0]][pair[1]])
    source, op = pairs[one - 1]
    rest = [pair for pair in pairs[other - 1 :] + pairs if pair[0] != source]
    return {source: op, rest[0][0]: rest[0][1]}


def _random_inputs(edges: list[NDArray[np.float64]], rng: np.random.Generator) -> dict[int, int]:
    strengths = np.array([max(edge.max(), 1e-12) for edge in edges])
    taken = rng.choice(len(edges), 2, replace=False, p=strengths / strengths.sum())
    return {int(source): draw_one(edges[source], rng) for source in taken}

"""The cells of DARTS, which are those of NAS-Bench-301: a normal and a reduction cell, stacked many times."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, UsageError
from egraph.spaces._checks import check_text, check_value, read_options
from egraph.spaces._darts_graph import OPERATIONS, VERTICES, build, find_cells
from egraph.spaces._darts_notation import (
    HAND_MADE,
    HAND_MADE_CELL,
    KINDS,
    LAYERS,
    Cell,
    Node,
    read_cell,
    read_genotype,
    read_text,
    to_genotype,
    to_text,
)
from egraph.spaces._darts_relaxation import DartsRelaxation
from egraph.spaces._registry import register
from egraph.spaces.base import Builder, Fixer, SearchSpace

__all__ = ["LAYERS", "Darts"]


class Darts(SearchSpace):
    """Pairs of a normal and a reduction cell; 1,037,664,180 genotypes of each, equal networks included.

    A cell reads the two cells before it, ``c_{k-2}`` and ``c_{k-1}``, each through a 1x1 convolution. Each of
    its four nodes is the sum of two operations on two of the earlier results; the result of the cell is the
    concatenation of the four nodes. In the reduction cell operations on the two cells before have stride 2,
    all others stride 1.

    **As an architecture**, of 30 vertices: the network of one normal and one reduction cell. The vertices of
    a cell are ``c_{k-2}``, ``c_{k-1}``, then for each node its two operations, the one on the earlier input
    first, and a ``node``. The operations lead to the ``node`` and to every operation that reads it; the nodes
    lead to the readers of the cell. The input is ``c_{k-2}`` of both cells and ``c_{k-1}`` of the normal one,
    whose result is ``c_{k-1}`` of the reduction cell, whose result is the output. Names of operations with
    stride 2 end in ``-s2``.

    **The key** distinguishes trained networks:

    - The order of a node's inputs and that of the nodes themselves make no difference; ``c_{k-2}`` and
      ``c_{k-1}`` are not interchangeable.
    - ``skip_connect`` with stride 1 is an identity and vanishes in its sum, with its multiplicity: nodes with
      equal sums are equal. On an input of the reduction cell it has stride 2 and is a factorised reduction,
      two convolutions with weights of their own.
    - Equal pools of one input are the same, unlike convolutions. That holds for networks without drop path,
      which would drop the copies separately.
    - The vertices ``node`` keep the terms that are summed before the concatenation.

    Other algebraic identities are not used: the average of a sum and the sum of averages are two networks.

    References:
        Liu, Simonyan and Yang, "DARTS: Differentiable Architecture Search", ICLR 2019,
        https://arxiv.org/abs/1806.09055
        Zela et al., "Surrogate NAS Benchmarks: Going Beyond the Limited Search Spaces of Tabular NAS
        Benchmarks", ICLR 2022, https://arxiv.org/abs/2008.09777
    """

    name = "darts"
    operations = OPERATIONS

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Both cells with inputs and operations drawn independently and uniformly."""
        return _decode(tuple(rng.integers(self.choices).tolist()))

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """Another operation at one of 16 positions, or another input; each kind with probability one half.

        The result is always another genotype; it can have the same key.
        """
        cells = self._read(architecture)
        replace = (_other_ops, _other_inputs)[rng.integers(2)]
        which = int(rng.integers(2))
        found = replace(cells[which])
        cell = found[rng.integers(len(found))]
        return build(cell, cells[1]) if which == 0 else build(cells[0], cell)

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """Each node of each cell, inputs and operations, from one of the parents, with equal probability."""
        parents = self._read(a), self._read(b)
        normal, reduction = (
            tuple(parents[parent][which][node] for node, parent in enumerate(row))
            for which, row in enumerate(rng.integers(2, size=(2, 4)).tolist())
        )
        return build(normal, reduction)

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """Architectures that differ in one operation or one input, one for each key except the given one."""
        normal, reduction = self._read(architecture)
        candidates = [build(cell, reduction) for cell in _other_ops(normal) + _other_inputs(normal)]
        candidates += [build(normal, cell) for cell in _other_ops(reduction) + _other_inputs(reduction)]
        found = {self.key(architecture): architecture}
        for candidate in candidates:
            found.setdefault(self.key(candidate), candidate)
        return list(found.values())[1:]

    def parse(self, text: str) -> Architecture:
        """Reads the published notation, or a JSON object with its fields.

        It is ``Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=[2, 3, 4, 5], reduce=[...],
        reduce_concat=[2, 3, 4, 5])``. A concatenation may also be ``range(2, 6)``, or absent.

        Raises:
            ArchitectureError: The text is not of this form, or describes no architecture of this space.
        """
        return build(*read_text(check_text(text, self.name)))

    def format(self, architecture: Architecture) -> str:
        """Writes the published notation on one line; of the two inputs of a node the earlier comes first."""
        return to_text(*self._read(architecture))

    def from_genotype(self, genotype: Mapping[str, Any]) -> Architecture:
        """The architecture of ``{"normal": [["sep_conv_3x3", 0], ...], "reduce": [...], ...}``.

        Args:
            genotype: Fields of the published notation, such as ``Genotype._asdict()`` of the original.

        Raises:
            ArchitectureError: A field is missing, unknown, or not what it should be.
        """
        return build(*read_genotype(genotype))

    def to_genotype(self, architecture: Architecture) -> dict[str, Any]:
        """The fields of the published notation as JSON-ready values."""
        return to_genotype(*self._read(architecture))

    def validate(self, architecture: Architecture) -> None:
        """Checks that an architecture is the graph of a genotype, in its numbering.

        Raises:
            ArchitectureError: It is not; the error text says why.
        """
        self._read(architecture)

    @property
    def choices(self) -> tuple[int, ...]:
        """For each node of each cell, its pair of inputs, then the operation on each of them.

        The first node of a cell has no choice of its inputs.
        """
        return _CHOICES

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """Pairs of inputs count up in the order 0-1, 0-2, 1-2, 0-3 and so on, operations as in `LAYERS`."""
        options = []
        for cell in self._read(architecture):
            for position, ((op, source), (other_op, other)) in enumerate(cell):
                which = (_PAIRS[position].index((source, other)),) if position else ()
                options += [*which, LAYERS.index(op), LAYERS.index(other_op)]
        return tuple(options)

    def decode(self, options: Sequence[int]) -> Architecture:
        """The architecture of any options."""
        return _decode(read_options(options, self.choices, self.name))

    @property
    def builder(self) -> Builder:
        """The network of the paper, smaller by default: see `egraph.networks.build_darts`."""
        from egraph.networks import build_darts

        options = {"channels": 16, "cells": 8, "auxiliary": False, "drop_path": False, "seed": 0}
        return Builder(build_darts, options)

    def relaxation(
        self, *, normal: Architecture | None = None, reduction: Architecture | None = None
    ) -> DartsRelaxation:
        """Probabilities of the operations on all edges: see `DartsRelaxation`.

        Args:
            normal: Architecture whose normal cell all derived ones have; None searches it.
            reduction: Architecture whose reduction cell all derived ones have; None searches it.
        """
        return DartsRelaxation(self, normal, reduction)

    def fixer(self, answers: Mapping[str, Any]) -> Fixer:
        """The ``normal`` or the ``reduce`` cell.

        An answer is an architecture or a genotype that has the cell, its eight pairs of operation and input,
        or the text of one of them. ``hand-made`` is a cell of max pools and separable convolutions, close to
        the fixed reduction cell of GDAS.
        """
        if unknown := [name for name in answers if name not in KINDS]:
            raise UsageError(f"darts has no choice {unknown[0]!r} to fix; known: {', '.join(KINDS)}")
        cells: dict[str, Cell] = {}
        for name, answer in answers.items():
            whole = isinstance(answer, Architecture)
            cells[name] = read_cell(self.to_genotype(answer) if whole else answer, name)

        def put(architecture: Architecture) -> Architecture:
            normal, reduction = self._read(architecture)
            return build(cells.get("normal", normal), cells.get("reduce", reduction))

        return Fixer(put, {name: _show(cell) for name, cell in cells.items()})

    def fixed_relaxation(self, answers: Mapping[str, Any]) -> DartsRelaxation:
        """The relaxation of the other cell; that of an answer is as it is in the supernet."""
        filled = self.fixer(answers).put(_decode((0,) * len(_CHOICES)))
        normal, reduction = (filled if name in answers else None for name in KINDS)
        return self.relaxation(normal=normal, reduction=reduction)

    def _read(self, architecture: Architecture) -> tuple[Cell, Cell]:
        """The cells of an architecture of this space."""
        check_value(architecture, self.name, _OPERATIONS)
        if architecture.num_vertices != VERTICES:
            raise ArchitectureError(
                f"a {self.name} architecture has {VERTICES} vertices, input, output and 14 of each cell; "
                f"got {architecture.num_vertices}"
            )
        if (cells := find_cells(architecture)) is None:
            raise ArchitectureError(
                f"a {self.name} architecture has vertices and edges in the order of its genotype; "
                "make it with parse, from_genotype, decode or sample"
            )
        return cells


_OPERATIONS = frozenset(OPERATIONS)
_PAIRS = [
    sorted(itertools.combinations(range(node + 2), 2), key=lambda pair: pair[::-1]) for node in range(4)
]
_CHOICES = tuple(
    size
    for pairs in _PAIRS * 2
    for size in ((len(pairs),) if len(pairs) > 1 else ()) + (len(LAYERS), len(LAYERS))
)


def _show(cell: Cell) -> str:
    return HAND_MADE if cell == HAND_MADE_CELL else str([step for node in cell for step in node])


def _decode(options: Sequence[int]) -> Architecture:
    left = iter(options)
    normal, reduction = (tuple(_decode_node(position, left) for position in range(4)) for _ in range(2))
    return build(normal, reduction)


def _decode_node(position: int, left: Iterator[int]) -> Node:
    one, other = _PAIRS[position][next(left) if position else 0]
    return (LAYERS[next(left)], one), (LAYERS[next(left)], other)


def _other_ops(cell: Cell) -> list[Cell]:
    """The cells with another operation at one position."""
    return [
        (*cell[:position], node, *cell[position + 1 :])
        for position, ((op, source), (other_op, other)) in enumerate(cell)
        for node in (
            *(((new, source), (other_op, other)) for new in LAYERS if new != op),
            *(((op, source), (new, other)) for new in LAYERS if new != other_op),
        )
    ]


def _other_inputs(cell: Cell) -> list[Cell]:
    """The cells with another input of one operation; the first node has no other."""
    found = []
    for position, node in enumerate(cell):
        for (op, source), kept in (node, node[::-1]):
            for new in range(position + 2):
                if new not in (source, kept[1]):
                    changed = ((op, new), kept) if new < kept[1] else (kept, (op, new))
                    found.append((*cell[:position], changed, *cell[position + 1 :]))
    return found


register(Darts())

"""Cells whose nodes concatenate channels: the genotype has the number of channels of each operation."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from egraph import operations
from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, UsageError
from egraph.operations import Operation
from egraph.spaces import _channel_genes as channel_genes
from egraph.spaces._channel_genes import CHANNELS, Genotype
from egraph.spaces._checks import check_text, check_value, read_options
from egraph.spaces._concat_relaxation import ConcatCellRelaxation
from egraph.spaces._registry import register
from egraph.spaces.base import Builder, Crossover, SearchSpace

if TYPE_CHECKING:
    import torch

__all__ = ["LAYERS", "ConcatCellSpace"]

_DESCRIPTIONS: Mapping[str, tuple[str, int]] = {
    "sep_conv_3x3": ("separable-conv", 3),
    "sep_conv_5x5": ("separable-conv", 5),
    "sep_conv_7x7": ("separable-conv", 7),
    "conv_1x1": ("conv", 1),
    "avg_pool_3x3": ("avg-pool", 3),
    "max_pool_3x3": ("max-pool", 3),
    "gate_3x3": ("attention", 3),
    "gate_7x7": ("attention", 7),
}

LAYERS = tuple(_DESCRIPTIONS)
"""The eight operations, in the order of their genes in a block."""

_WIDE = 16  # channels of an operation of width 1

for _layer, (_kind, _kernel) in _DESCRIPTIONS.items():
    for _channels in CHANNELS[1:]:
        operations.register(
            Operation(f"{_layer}.{_channels}", _kind, kernel=_kernel, width=_channels / _WIDE)
        )
# Concatenates its inputs. An identity for `simplify`: its readers read all inputs.
_JOIN = operations.register(Operation("concat", "identity")).name


class ConcatCellSpace(SearchSpace):
    """Cells of up to ``max_depth`` nodes after the input, connected by operations of 1 to 32 channels.

    Any of the eight operations `LAYERS` can lead from each node to each later one, each with its own number
    of channels. A node is the concatenation of its inputs; nothing is summed. The last node is the output.

    **Genotype.** One integer for each operation: its channels, 0 if it is absent. The integers between two
    nodes form a block, separated by ``|``; blocks are in the order 0-1, 0-2, 1-2, 0-3 and so on. In this cell
    of two nodes two operations lead to the first, and further ones from there and the input to the second:
    ``0|0|2|0|0|2|0|0 1|0|0|1|1|0|0|0 0|1|0|0|0|0|0|2``. Every node must have an input. A node without reader
    is dead and does not count for the key.

    **As an architecture.** A vertex for each operation, such as ``sep_conv_3x3.16``, and one called
    ``concat`` for each node between input and output, in the order of the genotype.

    **Mutation** does several things at once: it thins the first block if that is crowded, gives an operation
    more channels in some block, swaps the first block with another (``p_swap``), and adds or drops the last
    node (``p_resize``). Operations are drawn by their ``odds``; a cell smaller than ``size`` is more likely
    to gain a node, a larger one to lose it. A search can learn both: see `egraph.searchers.ParetoEvolution`.
    **Crossover** takes each integer from either parent, or with `minimum` the smaller one. Nodes without
    input are then **repaired**. **Samples** are a cell of one operation after 1 to ``walk`` mutations.

    Differences from the source: Channels are powers of two everywhere. The position of an operation in its
    block decides which of all eight it is; the source's own run has seven names and so builds others than
    named. Depth is bounded; the source has a penalty with the wrong sign, and its cells of three and more
    nodes never shrink. Two more integers of the genotype are left out: one is never read, the other names a
    part of the data. The searcher has one probability of mutation; the source draws one for each step.

    Args:
        name: Name in the registry.
        max_depth: Largest number of nodes after the input.
        p_swap: Probability that a mutation swaps blocks.
        p_resize: Factor of the probability of adding or dropping a node: times ``size / (0.75 n + size)`` a
            node is added to a cell of n channels; otherwise, times ``0.75 n / (n + size)``, one is dropped.
        walk: Largest number of mutations from one operation to a sample.

    Raises:
        UsageError: ``max_depth`` or ``walk`` is below 1, or a probability is out of range.

    References:
        T. Reolon, "Neural Architecture Search with genetic algorithms and DARTS", 2021,
        https://github.com/thomasreolon/Evolutive-NAS
    """

    concatenates = True
    weighted_operations = LAYERS
    operations = (*(f"{name}.{channels}" for name in LAYERS for channels in CHANNELS[1:]), _JOIN)

    def __init__(
        self,
        name: str = "concat-cell",
        *,
        max_depth: int = 3,
        p_swap: float = 0.2,
        p_resize: float = 0.55,
        walk: int = 8,
    ) -> None:
        if max_depth < 1 or walk < 1:
            raise UsageError(
                f"max_depth and walk must be at least 1, got max_depth={max_depth} and walk={walk}"
            )
        if not (0 <= p_swap <= 1 and 0 <= p_resize <= 1):
            raise UsageError(f"p_swap and p_resize must be probabilities, got {p_swap} and {p_resize}")
        self.name = name
        self.max_depth, self.walk = max_depth, walk
        self.p_swap, self.p_resize = p_swap, p_resize

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A cell of one operation after 1 to ``walk`` mutations."""
        genotype = [[0] * len(LAYERS)]
        channel_genes.repair(genotype, rng)
        architecture = _build(genotype)
        for _ in range(rng.integers(1, self.walk + 1)):
            architecture = self.mutate(architecture, rng)
        return architecture

    def mutate(
        self,
        architecture: Architecture,
        rng: np.random.Generator,
        *,
        odds: Sequence[float] | None = None,
        size: float | None = None,
    ) -> Architecture:
        """A cell with a new or wider operation, sometimes with other nodes; rarely the same one.

        Args:
            architecture: Architecture of this space.
            rng: Source of randomness.
            odds: ``(operations,)``, relative odds that each of `LAYERS` grows; equal by default.
            size: Desired total number of channels; by default that of the architecture.
        """
        genotype = self._read(architecture)
        channel_genes.thin(genotype)
        channel_genes.grow(genotype, (1.0,) * len(LAYERS) if odds is None else odds, rng)
        if rng.random() < self.p_swap:
            channel_genes.swap(genotype, rng)
        self._resize(genotype, size, rng)
        channel_genes.repair(genotype, rng)
        return _build(genotype)

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """A cell with each integer, and the depth, of either parent, repaired."""
        child = channel_genes.uniform(self._read(a), self._read(b), rng)
        channel_genes.repair(child, rng)
        return _build(child)

    def minimum(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """A cell with the smaller of each two integers, as deep as the shallower parent, repaired."""
        child = channel_genes.minimum(self._read(a), self._read(b))
        channel_genes.repair(child, rng)
        return _build(child)

    @property
    def crossovers(self) -> Mapping[str, Crossover]:
        """The uniform crossover and `minimum`."""
        return {"crossover": self.crossover, "minimum": self.minimum}

    def mutate_weighted(
        self, architecture: Architecture, rng: np.random.Generator, *, odds: Sequence[float], size: float
    ) -> Architecture:
        """A mutant in which each of `LAYERS` grows with its odds, towards ``size`` channels in all."""
        return self.mutate(architecture, rng, odds=odds, size=size)

    def amounts(self, architecture: Architecture) -> Mapping[str, int]:
        """Channels of each of `LAYERS`: see `channels`."""
        return self.channels(architecture)

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """Cells with other channels at one position, then with one node more, then with one less."""
        genotype = self._read(architecture)
        found = {self.key(architecture): architecture}
        for candidate in self._candidates(genotype):
            if not _empty_nodes(candidate):
                other = _build(candidate)
                found.setdefault(self.key(other), other)
        return list(found.values())[1:]

    def channels(self, architecture: Architecture) -> dict[str, int]:
        """Total number of channels of each of `LAYERS`."""
        blocks = self._read(architecture)
        return {name: sum(block[position] for block in blocks) for position, name in enumerate(LAYERS)}

    def parse(self, text: str) -> Architecture:
        """Reads a genotype, such as ``0|0|2|0|0|2|0|0 1|0|0|1|1|0|0|0 0|1|0|0|0|0|0|2``.

        Raises:
            ArchitectureError: The text is not of this form, or describes no cell of this space.
        """
        if not _GENOTYPE.fullmatch(check_text(text, self.name).strip()):
            raise ArchitectureError(
                f"not a genotype of {self.name}: {text[:80]!r}; expected blocks of {len(LAYERS)} "
                f"numbers, each of {', '.join(map(str, CHANNELS))}, such as '0|0|2|0|0|2|0|0'"
            )
        genotype = [[int(gene) for gene in block.split("|")] for block in text.split()]
        self._check(genotype)
        return _build(genotype)

    def format(self, architecture: Architecture) -> str:
        """Writes the genotype."""
        return " ".join("|".join(map(str, block)) for block in self._read(architecture))

    def validate(self, architecture: Architecture) -> None:
        """Checks that an architecture is the graph of a genotype of this space, in its numbering.

        Raises:
            ArchitectureError: It is not; the error text says why.
        """
        self._read(architecture)

    @property
    def choices(self) -> tuple[int, ...]:
        """Seven numbers of channels for each operation of each block of the deepest cell."""
        blocks = self.max_depth * (self.max_depth + 1) // 2
        return (len(CHANNELS),) * (blocks * len(LAYERS))

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """The genotype; blocks of absent nodes are empty."""
        genes = [CHANNELS.index(gene) for block in self._read(architecture) for gene in block]
        return (*genes, *(0,) * (len(self.choices) - len(genes)))

    def decode(self, options: Sequence[int]) -> Architecture:
        """The cell of this genotype, without the empty nodes at its end.

        Raises:
            ArchitectureError: Another node is empty.
        """
        genes = [CHANNELS[option] for option in read_options(options, self.choices, self.name)]
        genotype = [genes[start : start + len(LAYERS)] for start in range(0, len(genes), len(LAYERS))]
        while len(genotype) > 1 and (depth := channel_genes.depth_of(genotype)) in _empty_nodes(genotype):
            del genotype[-depth:]
        self._check(genotype)
        return _build(genotype)

    @property
    def builder(self) -> Builder:
        """A stack of equal cells: see `egraph.networks.build_concat_cells`."""
        return Builder(_build_stack, {"channels": _WIDE, "cells": 3, "seed": 0})

    def relaxation(self) -> ConcatCellRelaxation:
        """Probabilities of one operation between each two nodes: see `ConcatCellRelaxation`."""
        return ConcatCellRelaxation(self)

    def _resize(self, genotype: Genotype, size: float | None, rng: np.random.Generator) -> None:
        n = channel_genes.size_of(genotype)
        wanted = n if size is None else size
        depth = channel_genes.depth_of(genotype)
        if rng.random() < self.p_resize * wanted / (0.75 * n + wanted):
            if depth < self.max_depth:
                channel_genes.add_layer(genotype, int(rng.integers(len(LAYERS))))
        elif rng.random() < self.p_resize * 0.75 * n / (n + wanted):
            channel_genes.drop_layer(genotype, rng)

    def _candidates(self, genotype: Genotype) -> list[Genotype]:
        found: list[Genotype] = []
        for block, position in itertools.product(range(len(genotype)), range(len(LAYERS))):
            for channels in CHANNELS:
                found.append(channel_genes.copied(genotype))
                found[-1][block][position] = channels
        depth = channel_genes.depth_of(genotype)
        for position in range(len(LAYERS) if depth < self.max_depth else 0):
            found.append(channel_genes.copied(genotype))
            channel_genes.add_layer(found[-1], position)
        return [*found, genotype[:-depth]] if depth > 1 else found

    def _check(self, genotype: Genotype) -> None:
        depth = channel_genes.depth_of(genotype)
        if depth * (depth + 1) // 2 != len(genotype) or depth > self.max_depth:
            sizes = [str(d * (d + 1) // 2) for d in range(1, self.max_depth + 1)]
            raise ArchitectureError(f"a {self.name} has {', '.join(sizes)} blocks, got {len(genotype)}")
        if empty := _empty_nodes(genotype):
            raise ArchitectureError(f"node {empty[0]} of the {self.name} has no input; give it an operation")

    def _read(self, architecture: Architecture) -> Genotype:
        """The genotype of an architecture of this space."""
        check_value(architecture, self.name, _OPERATIONS)
        ops = architecture.ops
        nodes = [0, *(vertex for vertex, op in enumerate(ops) if op == _JOIN), len(ops) - 1]
        if len(nodes) - 1 > self.max_depth:
            raise ArchitectureError(
                f"a {self.name} has at most {self.max_depth} nodes after the input, got {len(nodes) - 1}"
            )
        number = {vertex: node for node, vertex in enumerate(nodes)}
        blocks = len(nodes) * (len(nodes) - 1) // 2
        genotype = [[0] * len(LAYERS) for _ in range(blocks)]
        ends = {vertex: [0, 0] for vertex in range(len(ops))}
        for i, j in architecture.edges:
            ends[i][1], ends[j][0] = number.get(j, 0), number.get(i, 0)
        for vertex, op in enumerate(ops[1:-1], 1):
            if op != _JOIN and (block := _block(*ends[vertex])) is not None:
                name, _, channels = op.partition(".")
                genotype[block][LAYERS.index(name)] = int(channels)
        self._check(genotype)
        if _build(genotype) != architecture:
            raise ArchitectureError(
                f"a {self.name} has vertices and edges in the order of its genotype; "
                "make it with parse, decode or sample"
            )
        return genotype


def _build_stack(
    architecture: Architecture,
    input_shape: tuple[int, ...],
    num_classes: int,
    *,
    cells: int,
    **options: int,
) -> torch.nn.Module:
    from egraph.networks import build_concat_cells

    return build_concat_cells([architecture] * cells, input_shape, num_classes, **options)


def _block(source: int, target: int) -> int | None:
    """The number of the block between two nodes; None if the target is not a later one."""
    return target * (target - 1) // 2 + source if source < target else None


def _empty_nodes(genotype: Genotype) -> list[int]:
    depth = channel_genes.depth_of(genotype)
    return [n for n in range(1, depth + 1) if not any(map(any, channel_genes.layer(genotype, n)))]


def _build(genotype: Genotype) -> Architecture:
    """The graph of a genotype in which no node is empty."""
    ops, edges = ["input"], []
    nodes = [0]
    depth = channel_genes.depth_of(genotype)
    for node in range(1, depth + 1):
        incoming = []
        for source, block in zip(nodes, channel_genes.layer(genotype, node), strict=True):
            for name, channels in zip(LAYERS, block, strict=True):
                if channels:
                    incoming.append(len(ops))
                    edges.append((source, len(ops)))
                    ops.append(f"{name}.{channels}")
        nodes.append(len(ops))
        edges += [(vertex, len(ops)) for vertex in incoming]
        ops.append(_JOIN if node < depth else "output")
    return Architecture(ops, edges)


_OPERATIONS = frozenset(ConcatCellSpace.operations)
_COUNT = "(?:" + "|".join(map(str, CHANNELS)) + ")"
_GENOTYPE = re.compile(rf"(?:{_COUNT}(?:\|{_COUNT}){{{len(LAYERS) - 1}}}(?: +|$))+")

register(ConcatCellSpace())

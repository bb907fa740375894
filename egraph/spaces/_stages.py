"""Chains of convolutions in stages: split into their stages, and joined from them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from egraph import operations
from egraph.architecture import Architecture
from egraph.operations import Operation

__all__ = [
    "CONVOLUTIONS",
    "DEPTH",
    "KERNELS",
    "POOL",
    "STAGES",
    "WIDTHS",
    "Stage",
    "join",
    "levels_of",
    "make",
    "possible_skips",
    "skip_positions",
    "split",
]

KERNELS = (3, 5)
WIDTHS = (1, 2, 4, 8)
CONVOLUTIONS = tuple(
    operations.register(Operation(f"CONV_{kernel}.W{width}", "conv", kernel=kernel, width=width)).name
    for kernel in KERNELS
    for width in WIDTHS
)
POOL = operations.register(Operation("POOL_2", "max-pool", kernel=2, stride=2)).name

STAGES = 3
DEPTH = 4
"""Largest number of convolutions of a stage."""


class Stage(NamedTuple):
    """The layers between two pools.

    Attributes:
        layers: Convolutions of the stage.
        skips: Pairs of numbers; 0 is the input of the stage, its layers count from 1, and in the last stage
            the output has the number after them.
    """

    layers: tuple[str, ...]
    skips: tuple[tuple[int, int], ...]


def make(layers: Sequence[str], skips: Iterable[tuple[int, int]]) -> Architecture:
    """The chain of these layers, numbered from 1, with these skips."""
    chain = {(v, v + 1) for v in range(len(layers) + 1)}
    return Architecture(("input", *layers, "output"), chain | set(skips))


def join(stages: Sequence[Stage]) -> Architecture:
    """The chain of these stages, with pools between."""
    layers: list[str] = []
    skips: list[tuple[int, int]] = []
    for number, stage in enumerate(stages):
        layers += [POOL] if number else []
        skips += [(len(layers) + i, len(layers) + j) for i, j in stage.skips]
        layers += stage.layers
    return make(layers, skips)


def split(architecture: Architecture) -> list[Stage]:
    """The stages of a chain of the space."""
    levels = levels_of(architecture)
    skips = [edge for edge in architecture.edges if edge[1] > edge[0] + 1]
    stages = []
    for level in range(STAGES):
        begin = levels.index(level)
        end = levels.index(level + 1) if level < STAGES - 1 else len(levels) - 1
        own = tuple((i - begin, j - begin) for i, j in skips if levels[i] == level)
        stages.append(Stage(architecture.ops[begin + 1 : end], own))
    return stages


def levels_of(architecture: Architecture) -> list[int]:
    """Number of pools up to each vertex."""
    return list(itertools.accumulate(int(op == POOL) for op in architecture.ops))


def possible_skips(architecture: Architecture) -> list[tuple[int, int]]:
    """All possible skips within stages, present or not."""
    levels = levels_of(architecture)
    return [
        (i, j)
        for j in range(2, len(levels))
        for i in range(j - 1)
        if levels[i] == levels[j] and architecture.ops[j] != POOL
    ]


def skip_positions(stage: int) -> list[tuple[int, int]]:
    """All skips of a stage of full depth; in the last one also those to the output."""
    last = DEPTH + 1 if stage == STAGES - 1 else DEPTH
    return [(i, j) for j in range(2, last + 1) for i in range(j - 1)]

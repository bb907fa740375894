"""Genes that count channels: growth, shrinkage and crossover of the cells of `egraph.spaces.concat_cell`.

A genotype is a list of blocks, one for each pair of nodes: block ``i * (i - 1) // 2 + j`` leads from node j
to node i, and has the channels of each operation between the two, 0 if it is absent. Layer i consists of the
blocks that lead to node i; a cell of depth d has d layers. The functions change their genotype in place.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = [
    "CHANNELS",
    "Genotype",
    "add_layer",
    "copied",
    "depth_of",
    "drop_layer",
    "grow",
    "layer",
    "minimum",
    "repair",
    "size_of",
    "swap",
    "thin",
    "uniform",
]

Genotype = list[list[int]]

CHANNELS = (0, 1, 2, 4, 8, 16, 32)
"""Numbers of channels that an operation can contribute."""

NEW = 16
"""Channels of the operation of a new layer."""

ATTRACTION = 0.7
"""Probability that growth moves to another block that has the operation already."""

ABSORPTION = 0.3
"""Probability that a block is merged with one of a layer that is dropped."""


def copied(genotype: Genotype) -> Genotype:
    """A copy of the genes."""
    return [block.copy() for block in genotype]


def depth_of(genotype: Genotype) -> int:
    """Number of nodes after the input; the number of blocks must be triangular."""
    return round((2 * len(genotype) + 0.25) ** 0.5 - 0.5)


def layer(genotype: Genotype, node: int) -> Genotype:
    """The blocks that lead to a node; node 1 is the first."""
    first = node * (node - 1) // 2
    return genotype[first : first + node]


def size_of(genotype: Genotype) -> int:
    """Total number of channels."""
    return sum(map(sum, genotype))


def thin(genotype: Genotype) -> None:
    """Removes the narrowest operation of the first block, if more than half of all operations are there."""
    block = genotype[0]
    if 2 * sum(channels > 0 for channels in block) > len(block):
        block[block.index(min(channels for channels in block if channels))] = 0


def grow(genotype: Genotype, odds: Sequence[float], rng: np.random.Generator) -> None:
    """Adds an operation to a block, or widens it there.

    The operation is drawn with the given odds. The block is drawn uniformly or, half the time, among those
    from one node to the next. Then each block that has the operation already replaces it with probability
    `ATTRACTION`; the last one counts. The channels become 1, 2, 4, 8, 16 or 32, unless they were more.
    """
    weights = np.asarray(odds, dtype=np.float64)
    op = int(rng.choice(len(weights), p=weights / weights.sum()))
    if rng.random() < 0.5:
        block = int(rng.integers(len(genotype)))
    else:
        node = int(rng.integers(1, depth_of(genotype) + 1))
        block = node * (node + 1) // 2 - 1
    for other, genes in enumerate(genotype):
        if genes[op] and rng.random() < ATTRACTION:
            block = other
    genotype[block][op] = max(genotype[block][op], CHANNELS[rng.integers(1, len(CHANNELS))])


def swap(genotype: Genotype, rng: np.random.Generator) -> None:
    """Swaps the first block with another, if there is one."""
    if len(genotype) > 1:
        other = int(rng.integers(1, len(genotype)))
        genotype[0], genotype[other] = genotype[other], genotype[0]


def add_layer(genotype: Genotype, op: int) -> None:
    """Adds a node that reads the last one through one operation of `NEW` channels."""
    width = len(genotype[0])
    genotype += [[0] * width for _ in range(depth_of(genotype) + 1)]
    genotype[-1][op] = NEW


def drop_layer(genotype: Genotype, rng: np.random.Generator) -> None:
    """Removes the last node, if it is not the only one.

    With probability `ABSORPTION` a block that stays becomes half the sum of itself and a removed one, rounded
    down to `CHANNELS`.
    """
    if (depth := depth_of(genotype)) == 1:
        return
    dropped = layer(genotype, depth)
    del genotype[-depth:]
    for block in genotype:
        if rng.random() < ABSORPTION:
            other = dropped[rng.integers(depth)]
            halves = [(a + b) // 2 for a, b in zip(block, other, strict=True)]
            block[:] = [max(known for known in CHANNELS if known <= half) for half in halves]


def uniform(a: Genotype, b: Genotype, rng: np.random.Generator) -> Genotype:
    """A child that takes each gene, and its depth, from either parent; not repaired yet.

    If it is deeper than one parent, the additional genes come from the other.
    """
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    child = [
        [x if rng.random() < 0.5 else y for x, y in zip(*blocks, strict=True)]
        for blocks in zip(longer, shorter, strict=False)
    ]
    return child + copied(longer[len(shorter) :]) if rng.random() < 0.5 else child


def minimum(a: Genotype, b: Genotype) -> Genotype:
    """A child with the smaller of each two genes, as deep as the shallower parent; not repaired yet."""
    return [list(map(min, *blocks)) for blocks in zip(a, b, strict=False)]


def repair(genotype: Genotype, rng: np.random.Generator) -> None:
    """Removes empty layers at the end; gives other empty ones a random operation of 1, 2 or 4 channels."""
    while len(genotype) > 1 and not any(map(any, layer(genotype, depth := depth_of(genotype)))):
        del genotype[-depth:]
    for node in range(1, depth_of(genotype) + 1):
        blocks = layer(genotype, node)
        if not any(map(any, blocks)):
            blocks[-1][rng.integers(len(blocks[-1]))] = CHANNELS[rng.integers(1, 4)]

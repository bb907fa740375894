"""Chains of convolutions that grow by network morphisms: deeper, wider, skip."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, shorten
from egraph.spaces._checks import check_text, check_value, read_options
from egraph.spaces._genes import parse_genes
from egraph.spaces._registry import register
from egraph.spaces._stages import (
    CONVOLUTIONS,
    DEPTH,
    KERNELS,
    POOL,
    STAGES,
    WIDTHS,
    Stage,
    join,
    levels_of,
    make,
    possible_skips,
    skip_positions,
    split,
)
from egraph.spaces.base import Builder, SearchSpace

if TYPE_CHECKING:
    import torch

__all__ = ["Nash"]

WALK = 12
"""Largest number of morphisms between the smallest networks and a sample."""


class Nash(SearchSpace):
    """Three stages of one to four convolutions, with pools between and skips within.

    A convolution has the kernel 3 or 5 and 1, 2, 4 or 8 times the channels of the space; batch normalisation
    and ReLU follow. It reads the layer before it, concatenated with the sources of its skips; so does the
    dense layer at the output.

    **Mutation is a network morphism**: a larger network with the same function (`inherit`). *Deeper* inserts
    a convolution, as wide as its input, after any layer; *wider* multiplies the channels of one by two or
    four; *skip* connects a layer to a later one of its stage. The kind of morphism is drawn first, then its
    position. So networks never shrink, and the largest ones have no mutants.

    **A sample** has one convolution of width 1 in each stage, with random kernels, and up to twelve
    morphisms. **Crossover** takes each stage from one of the parents.

    Differences from the paper: all skips are concatenated, while half of the paper's are added; depth and
    width have a bound; the paper starts with kernel 3.

    References:
        Elsken, Metzen and Hutter, "Simple and Efficient Architecture Search for Convolutional Neural
        Networks", 2017, https://arxiv.org/abs/1711.04528
    """

    name = "nash"
    operations = (*CONVOLUTIONS, POOL)

    def sample(self, rng: np.random.Generator) -> Architecture:
        """One of the smallest networks after 0 to 12 random morphisms, each number with equal probability."""
        kernels = rng.integers(len(KERNELS), size=STAGES)
        architecture = join([Stage((f"CONV_{KERNELS[k]}.W1",), ()) for k in kernels])
        for _ in range(rng.integers(WALK + 1)):
            architecture = self.mutate(architecture, rng)
        return architecture

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """The architecture after one random morphism; the same one if none is left."""
        self.validate(architecture)
        kinds = [found for find in (_deeper, _wider, _joined) if (found := find(architecture))]
        if not kinds:
            return architecture
        children = kinds[rng.integers(len(kinds))]
        return children[rng.integers(len(children))]

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """Each stage from one of the parents, with equal probability."""
        pairs = zip(self._stages(a), self._stages(b), strict=True)
        return join([pair[rng.integers(2)] for pair in pairs])

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """All networks one morphism away: deeper, then wider, then skips; none for the largest."""
        self.validate(architecture)
        return list(dict.fromkeys([*_deeper(architecture), *_wider(architecture), *_joined(architecture)]))

    def parse(self, text: str) -> Architecture:
        """Reads layers and skips, such as ``CONV_3.W2,CONV_5.W2,POOL_2,CONV_3.W2,POOL_2,CONV_3.W4;0>2``.

        Vertex 0 is the input, the layers follow in order, the next number is the output.

        Raises:
            ArchitectureError: The text does not describe an architecture of this space.
        """
        layers, semicolon, skips = check_text(text, self.name).partition(";")
        names = [name.strip() for name in layers.split(",")]
        if unknown := set(names) - set(self.operations):
            raise ArchitectureError(
                f"expected LAYER,LAYER,...;0>2,... with layers such as {', '.join(self.operations[::4])}, "
                f"got {min(unknown)[:40]!r} in {text[:80]!r}"
            )
        enabled, disabled = parse_genes(skips) if semicolon else ([], [])
        chain = make(names, enabled)
        architecture = Architecture(chain.ops, chain.edges, disabled)
        self.validate(architecture)
        return architecture

    def format(self, architecture: Architecture) -> str:
        """Writes what `parse` reads."""
        self.validate(architecture)
        skips = ",".join(f"{i}>{j}" for i, j in architecture.edges if j > i + 1)
        return ",".join(architecture.ops[1:-1]) + (f";{skips}" if skips else "")

    def validate(self, architecture: Architecture) -> None:
        """Checks that an architecture belongs to this space.

        Raises:
            ArchitectureError: An operation is unknown, a stage has no or too many convolutions, or the
                edges are not a chain with skips within stages.
        """
        check_value(architecture, self.name, self.operations)
        levels = levels_of(architecture)
        counts = [levels.count(level) - 1 for level in range(min(levels[-1], STAGES) + 1)]
        counts[-1] -= 1  # the output is in the last stage, too
        if len(counts) != STAGES or not all(1 <= count <= DEPTH for count in counts):
            raise ArchitectureError(
                f"a {self.name} architecture has {STAGES} stages of 1 to {DEPTH} convolutions each, "
                f"with {POOL} between; got {', '.join(architecture.ops[1:20])[:160]}"
            )
        chain = {(v, v + 1) for v in range(len(levels) - 1)}
        possible = chain | set(possible_skips(architecture))
        if not chain <= set(architecture.edges) <= possible:
            raise ArchitectureError(
                f"the edges of a {self.name} architecture are the chain 0 -> 1 -> ... -> {len(levels) - 1} "
                f"and skips to convolutions or the output from earlier in their stage, "
                f"got {shorten(sorted(set(architecture.edges) ^ chain))}"
            )

    @property
    def choices(self) -> tuple[int, ...]:
        """For each stage the layers, of which all but the first can be absent, then its possible skips."""
        return tuple(
            size
            for stage in range(STAGES)
            for size in (
                len(CONVOLUTIONS),
                *(len(CONVOLUTIONS) + 1,) * (DEPTH - 1),
                *(2,) * len(skip_positions(stage)),
            )
        )

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """The layers of a stage take its first positions."""
        options: list[int] = []
        for number, (layers, skips) in enumerate(self._stages(architecture)):
            first, *others = (CONVOLUTIONS.index(layer) for layer in layers)
            options += [first, *(other + 1 for other in others), *(0,) * (DEPTH - len(layers))]
            positions = {(i, DEPTH + 1 if j > len(layers) else j) for i, j in skips}
            options += [int(position in positions) for position in skip_positions(number)]
        return tuple(options)

    def decode(self, options: Sequence[int]) -> Architecture:
        """The architecture of any options; skips that start or end at an absent layer are left out."""
        read = iter(read_options(options, self.choices, self.name))
        stages = []
        for number in range(STAGES):
            first, *others = itertools.islice(read, DEPTH)
            there = [0, 1, *(position for position, option in enumerate(others, 2) if option), DEPTH + 1]
            layers = [CONVOLUTIONS[first], *(CONVOLUTIONS[option - 1] for option in others if option)]
            numbers = {position: new for new, position in enumerate(there)}
            skips = [position for position in skip_positions(number) if next(read)]
            stages.append(
                Stage(
                    tuple(layers),
                    tuple((numbers[i], numbers[j]) for i, j in skips if i in numbers and j in numbers),
                )
            )
        return join(stages)

    @property
    def builder(self) -> Builder:
        """The network of an architecture: see `egraph.networks.build_nash`."""
        from egraph.networks import build_nash

        return Builder(build_nash, {"channels": 16, "seed": 0})

    def inherit(self, network: torch.nn.Module, trained: torch.nn.Module) -> bool:
        """Gives a network the function of a trained one: see `egraph.networks.inherit`.

        Returns:
            False if morphisms do not lead from ``trained`` to ``network``, or one of them is a network of
            another space; then nothing is changed.
        """
        from egraph.networks import NashNetwork, inherit

        if not isinstance(network, NashNetwork) or not isinstance(trained, NashNetwork):
            return False
        return inherit(network, trained)

    def _stages(self, architecture: Architecture) -> list[Stage]:
        self.validate(architecture)
        return split(architecture)


def _deeper(architecture: Architecture) -> list[Architecture]:
    """All architectures with one more convolution after a layer, as wide as its input."""
    levels, ops = levels_of(architecture), architecture.ops
    children = []
    for vertex in range(1, len(ops) - 1):
        if levels[:-1].count(levels[vertex]) - 1 == DEPTH:
            continue
        width = next(op for op in ops[vertex::-1] if op != POOL).partition(".")[2]
        edges = [(i + (i > vertex), j + (j > vertex)) for i, j in architecture.edges]
        edges.remove((vertex, vertex + 2))
        for kernel in KERNELS:
            layers = (*ops[1 : vertex + 1], f"CONV_{kernel}.{width}", *ops[vertex + 1 : -1])
            children.append(make(layers, edges))
    return children


def _wider(architecture: Architecture) -> list[Architecture]:
    """All architectures with one convolution of two or four times its channels."""
    children = []
    for vertex, op in enumerate(architecture.ops):
        if op not in CONVOLUTIONS:
            continue
        kernel, _, width = op.partition(".W")
        for wide in (2 * int(width), 4 * int(width)):
            if wide in WIDTHS:
                ops = list(architecture.ops)
                ops[vertex] = f"{kernel}.W{wide}"
                children.append(Architecture(ops, architecture.edges))
    return children


def _joined(architecture: Architecture) -> list[Architecture]:
    """All architectures with one more skip."""
    return [
        Architecture(architecture.ops, [*architecture.edges, skip])
        for skip in possible_skips(architecture)
        if skip not in architecture.edges
    ]


register(Nash())

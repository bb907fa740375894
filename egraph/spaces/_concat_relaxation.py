"""The relaxation of cells that concatenate channels: one operation between each two nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.operations import Operation, register
from egraph.spaces._channel_genes import CHANNELS
from egraph.spaces.relaxation import (
    BARRED,
    Derivation,
    Position,
    Probabilities,
    Relaxation,
    admit,
    draw_one,
    nodes_of,
)

if TYPE_CHECKING:
    import torch

    from egraph.networks import Mix
    from egraph.spaces.concat_cell import ConcatCellSpace

__all__ = ["ConcatCellRelaxation"]

NONE = register(Operation("none", "zero")).name
WIDE = 16
"""Channels of an operation in derived genotypes; in networks, as many as their option ``channels``."""


class ConcatCellRelaxation(Relaxation):
    """One operation, or ``none``, between each two nodes of the deepest cell, each with the same channels.

    Widths cannot be mixed, so the supernet has one. The results of the operations between two nodes, scaled
    by their weights, are added up to this width; as in the space, a node is the concatenation of what leads
    to it. A block that is ``none`` gives zeros. A network of the space without that block lacks these
    channels; everything else is as there.

    Derived and drawn genotypes have one operation of 16 channels in each block, or none where the rules admit
    that. A node whose blocks are all ``none`` gets its strongest operation, as every node has an input. The
    space has no skip connections, so ``most_skips`` has no effect, and nodes keep all inputs.

    Positions are named ``0->1``, ``0->2``, ``1->2`` and so on.

    Args:
        space: The space.
    """

    def __init__(self, space: ConcatCellSpace) -> None:
        self.space, self.options = space, {"channels": WIDE, "cells": 3}
        options = (NONE, *(f"{layer}.{WIDE}" for layer in space.weighted_operations))
        self.positions = {
            name: Position.of(name, options, str(node))
            for node in range(1, space.max_depth + 1)
            for source in range(node)
            for name in [f"{source}->{node}"]
        }

    def network(
        self, mix: Mix, input_shape: tuple[int, ...], num_classes: int, *, seed: int = 0, **options: Any
    ) -> torch.nn.Module:
        """The network of the space with mixed layers: see `egraph.networks.mix_concat_cells`."""
        from egraph.networks import mix_concat_cells

        options = {**self.options, **options}
        return mix_concat_cells(mix, input_shape, num_classes, self.space.max_depth, seed=seed, **options)

    def derive(self, probabilities: Probabilities, rules: Derivation | None = None) -> Architecture:
        """The most probable operation of each block."""
        return self._make(lambda weights: int(np.argmax(weights)), probabilities, rules)

    def draw(
        self, probabilities: Probabilities, rng: np.random.Generator, rules: Derivation | None = None
    ) -> Architecture:
        """An operation of each block, drawn independently."""
        return self._make(lambda weights: draw_one(weights, rng), probabilities, rules)

    def chosen(self, architecture: Architecture) -> dict[str, int]:
        """The operation of each block, the widest where there are several; ``none`` where there is none."""
        size = len(self.space.weighted_operations)
        genes = self.space.encode(architecture)
        blocks = [genes[start : start + size] for start in range(0, len(genes), size)]
        return {
            name: 1 + int(np.argmax(block)) if any(block) else 0
            for name, block in zip(self.positions, blocks, strict=True)
        }

    def _make(
        self,
        take: Callable[[NDArray[np.float64]], int],
        probabilities: Probabilities,
        rules: Derivation | None,
    ) -> Architecture:
        weights = admit(self.positions, probabilities, (rules or Derivation()).empties)
        chosen = {name: take(each) for name, each in weights.items()}
        for names in nodes_of(self.positions):
            if not any(chosen[name] for name in names):
                self._fill(names, chosen, weights, take)
        gene = CHANNELS.index(WIDE)
        size = len(self.space.weighted_operations)
        return self.space.decode(
            [gene * (number == 1 + op) for number in chosen.values() for op in range(size)]
        )

    def _fill(
        self,
        names: list[str],
        chosen: dict[str, int],
        weights: Mapping[str, NDArray[np.float64]],
        take: Callable[[NDArray[np.float64]], int],
    ) -> None:
        """Gives a node without input an operation in the block where one is strongest."""
        best = max(names, key=lambda name: weights[name][1:].max())
        chosen[best] = take(np.concatenate([[BARRED], weights[best][1:]]))

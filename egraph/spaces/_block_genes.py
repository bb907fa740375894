"""The genes of DeepNEAT: blocks, and the training of their networks."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from egraph import operations
from egraph.operations import Operation

if TYPE_CHECKING:
    from egraph.networks.parts import Part

__all__ = ["BLOCKS", "HYPERPARAMETERS", "PARAMETERS", "PLAIN", "WIDTH", "Block"]


class Block(NamedTuple):
    """One block: a convolution, ReLU, dropout and an optional max pool that halves the resolution.

    Attributes:
        filters: Number of filters of the convolution.
        kernel: Side of its kernel in pixels.
        dropout: Probability of dropout.
        scale: Factor of its initial weights.
        pool: Whether a max pool follows.
    """

    filters: int
    kernel: int
    dropout: float
    scale: float
    pool: bool

    @property
    def name(self) -> str:
        """Such as ``BLOCK_64.K3.D35.S100.M``: dropout and scale in percent; ``M`` with a pool, else ``N``."""
        dropout, scale = round(100 * self.dropout), round(100 * self.scale)
        return f"BLOCK_{self.filters}.K{self.kernel}.D{dropout}.S{scale}.{'M' if self.pool else 'N'}"

    def parts(self) -> list[Part]:
        """The layers of the block in order."""
        from egraph.networks import parts

        made = [parts.conv(self.filters, self.kernel, scale=self.scale), parts.activation("relu")]
        if self.dropout:
            made.append(parts.dropout(self.dropout))
        if self.pool:
            made.append(parts.max_pool(2))
        return made


WIDTH = 64
"""Filters of a block of width 1."""

PARAMETERS: Mapping[str, Sequence[Any]] = {
    "filters": (32, 64, 128, 256),
    "kernel": (1, 3),
    "dropout": (0.0, 0.35, 0.7),
    "scale": (0.5, 1.0, 2.0),
    "pool": (False, True),
}
"""The genes of a block, each with its options in order."""

BLOCKS = {block.name: block for block in itertools.starmap(Block, itertools.product(*PARAMETERS.values()))}
"""The 144 blocks by name."""

PLAIN = tuple(b.name for b in BLOCKS.values() if (b.dropout, b.scale, b.pool) == (0.0, 1.0, False))
"""New blocks: without dropout, scaled weights and pool."""

for _name, _block in BLOCKS.items():
    _stride, _width = (2 if _block.pool else 1), _block.filters / WIDTH
    operations.register(Operation(_name, "conv", kernel=_block.kernel, stride=_stride, width=_width))

HYPERPARAMETERS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "LR": {
        f"LR_{text}": {"learning_rate": float(text)}
        for text in ("1E-4", "3E-4", "1E-3", "3E-3", "1E-2", "3E-2", "1E-1")
    },
    "MOMENTUM": {f"MOMENTUM_{value}": {"momentum": value} for value in (0.68, 0.8, 0.9, 0.95, 0.99)},
    "NESTEROV": {"NESTEROV_OFF": {"nesterov": False}, "NESTEROV_ON": {"nesterov": True}},
    "HUE": {f"HUE_{value}": {"hue": value} for value in (0, 15, 30, 45)},
    "SHIFT": {f"SHIFT_{value}": {"color_shift": value} for value in (0.0, 0.25, 0.5)},
    "SCALE": {f"SCALE_{value}": {"color_scale": value} for value in (0.0, 0.25, 0.5)},
    "CROP": {f"CROP_{value}": {"crop": value / 32} for value in (26, 28, 30, 32)},
    "ZOOM": {f"ZOOM_{value}": {"zoom": value} for value in (0.0, 0.1, 0.2, 0.3)},
    "FLIP": {"FLIP_OFF": {"flip": False}, "FLIP_ON": {"flip": True}},
    "VARIANCE": {"VARIANCE_OFF": {"unit_variance": False}, "VARIANCE_ON": {"unit_variance": True}},
}
"""Each global gene, its options in order, and the values they set: hue in degrees, crop as a share of a side.

Those from ``HUE`` to ``FLIP`` are fields of `egraph.evaluation.Augmentation`.
"""

for _options in HYPERPARAMETERS.values():
    for _option in _options:
        operations.register(Operation(_option, "other"))

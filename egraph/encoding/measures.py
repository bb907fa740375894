"""Numbers from what tracing measured: channels, pixels, parameters, FLOPs, activations and repeats.

Networks of one search space differ in their operations, and real networks also in their sizes. All numbers
are logarithms or shares, so that networks of a thousand and of a billion parameters have one scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from egraph.encoding.sweeps import sweep_max
from egraph.operations import Operation

__all__ = [
    "MEASURE_GROUPS",
    "MEASURE_NAMES",
    "VERTEX_MEASURES",
    "is_measured",
    "measure_graphs",
    "measure_vertex",
]

Floats = NDArray[np.float64]

VERTEX_MEASURES = (
    "log channels",
    "log pixels",
    "log parameters",
    "log multiply-adds",
    "log activations",
    "log repeats",
)
"""Names of the numbers of `measure_vertex`."""

_KINDS = (
    *("conv", "separable-conv", "inverted-residual", "max-pool", "avg-pool"),
    *("linear", "graph-conv", "attention", "aggregation", "other"),
)
_LEVELS = 6
"""Number of levels for operations at the whole, half, ... of the resolution; the last holds all below."""

_NAMES = {
    "size": ["log parameters", "log multiply-adds", "log activations"],
    "ratio": [
        "log multiply-adds a parameter",
        "log multiply-adds an activation",
        "log activations a parameter",
    ],
    "extent": ["log depth with repeats", "log operations with repeats", "log depthwise", "log grouped"],
    "resolution": ["log pixels of the input", "log least pixels", "mean log pixels"],
    "channels": ["log most channels", "mean log channels"],
    "kernel": ["mean kernel", "kernel at the input", "log stride at the input"],
    "measured kind": [f"log {kind} with repeats" for kind in _KINDS],
    "measured share": [
        f"{kind}'s share of {what}" for what in ("parameters", "multiply-adds") for kind in _KINDS
    ],
    "measured level": [
        f"share of {what} at 1/{2**level} of the resolution"
        for what in ("parameters", "multiply-adds")
        for level in range(_LEVELS)
    ],
}
MEASURE_NAMES = tuple(name for names in _NAMES.values() for name in names)
"""Names of the columns of `measure_graphs`; means are over the multiply-adds."""

MEASURE_GROUPS = tuple(group for group, names in _NAMES.items() for _ in names)
"""The group of each of these columns, as of `features.feature_groups`."""


def is_measured(operation: Operation) -> bool:
    """Whether an operation was measured, as tracing does, and not only described."""
    return operation.channels > 0


@lru_cache(maxsize=4096)
def measure_vertex(operation: Operation) -> NDArray[np.float32]:
    """The measured attributes of an operation as numbers of order one, ``(len(VERTEX_MEASURES),)``."""
    amounts = (
        operation.channels,
        operation.pixels,
        operation.parameters,
        operation.flops,
        operation.activations,
    )
    return np.array(
        [*np.log1p(np.array(amounts, np.float64)) / 8, np.log2(operation.repeats) / 4], np.float32
    )


def measure_graphs(
    operations: Sequence[Operation], codes: NDArray[np.int64], counts: Floats, sizes: NDArray[np.int64]
) -> Floats:
    """Numbers that describe the sizes of each graph, ``(graphs, len(MEASURE_NAMES))``.

    Args:
        operations: Operations in the batch.
        codes: Position of each vertex in ``operations``, -1 where padded, ``(graphs, vertices)``.
        counts: Edge multiplicities in topological order, ``(graphs, vertices, vertices)``.
        sizes: Number of vertices, ``(graphs,)``.
    """

    def look_up(amounts: Sequence[float]) -> Floats:
        """The amount of each vertex, ``(graphs, vertices)``; the last row of a table is for padding."""
        return np.array([*amounts, 0.0])[codes]

    interior = look_up([float(op.kind in _KINDS) for op in operations]) > 0
    parameters, multiply_adds, activations, channels, pixels = (
        look_up([float(getattr(op, name)) for op in operations])
        for name in ("parameters", "flops", "activations", "channels", "pixels")
    )
    repeats = look_up([float(op.repeats) for op in operations]) * interior
    stride = look_up([float(op.stride) for op in operations])
    kernel = look_up([float(op.kernel) for op in operations])
    depthwise = look_up([float(op.kind == "conv" and op.groups == 0) for op in operations])
    grouped = look_up([float(op.kind == "conv" and op.groups > 1) for op in operations])
    members = np.stack([look_up([float(op.kind == kind) for op in operations]) for kind in _KINDS])

    whole = np.maximum(np.stack([x.sum(axis=1) for x in (parameters, multiply_adds, activations)]), 1.0)
    share = np.stack([parameters / whole[0][:, None], multiply_adds / whole[1][:, None]])
    size = np.log(whole)
    area = np.maximum((pixels * stride**2 * interior).max(axis=1), 1.0)
    maps = np.where(interior & (pixels > 1), pixels, np.inf).min(axis=1)
    halvings = np.log2(area[:, None] / np.maximum(pixels, 1.0)) / 2
    level = np.clip(np.floor(halvings + 0.25), 0, _LEVELS - 1).astype(np.int64)
    depth = sweep_max(counts.transpose(1, 2, 0) > 0, repeats.T)[sizes - 1, np.arange(len(sizes))]
    first = (counts[:, 0] > 0) & interior
    kinds = np.log1p((members * repeats).sum(axis=2))
    columns = [  # in the order of `_NAMES`
        *size,
        *(size[1] - size[0], size[1] - size[2], size[2] - size[0]),
        *(np.log1p(x) for x in (depth, *((repeats * x).sum(axis=1) for x in (1.0, depthwise, grouped)))),
        np.log(area),
        np.log(np.where(np.isinf(maps), 1.0, maps)),
        (share[1] * np.log1p(pixels)).sum(axis=1),
        np.log1p(channels.max(axis=1)),
        (share[1] * np.log1p(channels)).sum(axis=1),
        (share[1] * kernel).sum(axis=1),
        (first * kernel).max(axis=1),
        np.log2(np.maximum((first * stride).max(axis=1), 1.0)),
        *kinds,
        *(part for x in share for part in (members * x).sum(axis=2)),
        *((x * (level == one)).sum(axis=1) for x in share for one in range(_LEVELS)),
    ]
    return np.ascontiguousarray(np.stack(columns, axis=1))

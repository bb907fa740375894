"""Read-outs as ONNX operators: the counterpart of `egraph.ranker.READOUTS`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import spox.opset.ai.onnx.v20 as op
from spox import Var

from egraph.export._operators import integers
from egraph.registry import Registry

__all__ = ["ONNX_READOUTS", "Vertices"]


class Vertices:
    """Which vertices of the padded batch exist.

    Args:
        sizes: Number of vertices of each graph, ``(graphs,)``.
        shape: Shape of the edge counts, ``(3,)``.

    Attributes:
        exist: Which vertices exist, ``(graphs, vertices, 1)``.
        mask: The same as 0 and 1, in single precision.
        sizes: As given.
    """

    def __init__(self, sizes: Var, shape: Var) -> None:
        count = op.reshape(op.slice(shape, integers(1), integers(2)), integers())
        exist = op.less(op.range(op.const(0), count, op.const(1)), op.unsqueeze(sizes, integers(1)))
        self.exist = op.unsqueeze(exist, integers(2))
        self.mask = op.cast(self.exist, to=np.float32)
        self.sizes = sizes


ONNX_READOUTS: Registry[Callable[[Var, Vertices], Var]] = Registry("ONNX read-out")
"""Writers of read-outs by name.

A writer is a function of the vectors of the vertices, ``(graphs, vertices, width)``, which are arbitrary for
padding, and of the `Vertices`. It returns one summary for each graph, ``(graphs, parts * width)``.
"""


def _max(x: Var, vertices: Vertices) -> Var:
    outside = op.where(vertices.exist, x, op.const(np.float32(-np.inf)))
    return op.reduce_max(outside, integers(1), keepdims=0)


def _sum(x: Var, vertices: Vertices) -> Var:
    return op.reduce_sum(op.mul(x, vertices.mask), integers(1), keepdims=0)


def _mean(x: Var, vertices: Vertices) -> Var:
    count = op.unsqueeze(op.cast(vertices.sizes, to=np.float32), integers(1))
    return op.div(_sum(x, vertices), count)


def _output(x: Var, vertices: Vertices) -> Var:
    last = op.unsqueeze(op.sub(vertices.sizes, op.const(np.int64(1))), integers(1))
    return op.gather_nd(x, last, batch_dims=1)


def _sort(k: int, x: Var, vertices: Vertices) -> Var:
    """The ``k`` vertices whose last feature is largest, concatenated; zeros where there are fewer."""
    shape = op.shape(x)
    count, width = (op.slice(shape, integers(axis), integers(axis + 1)) for axis in (1, 2))
    key = op.where(vertices.exist, op.gather(x, integers(-1), axis=-1), op.const(np.float32(-np.inf)))
    many = op.min([count, integers(k)])
    _, index = op.top_k(key, many, axis=1)  # (graphs, many, 1)
    index = op.expand(index, op.concat([integers(1, 1), width], axis=0))
    chosen = op.gather_elements(op.mul(x, vertices.mask), index, axis=1)
    ends = op.concat([integers(0, 0, 0, 0), op.sub(integers(k), many), integers(0)], axis=0)
    padded = op.pad(chosen, ends, op.const(np.float32(0)))
    return op.reshape(padded, op.concat([integers(0), op.mul(width, integers(k))], axis=0))


ONNX_READOUTS.register("max", _max)
ONNX_READOUTS.register("mean", _mean)
ONNX_READOUTS.register("sum", _sum)
ONNX_READOUTS.register("output", _output)
for _count in (1, 2, 3):
    ONNX_READOUTS.register(f"sort{_count}", partial(_sort, _count))

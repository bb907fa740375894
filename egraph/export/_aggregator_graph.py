"""Aggregators as ONNX operators: the counterpart of `egraph.ranker.AGGREGATORS`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import spox.opset.ai.onnx.v20 as op
from numpy.typing import NDArray
from spox import Var

from egraph.export._operators import dense, integers, weights_of
from egraph.ranker.sage import Linear, LSTMWeights
from egraph.registry import Registry

__all__ = ["ONNX_AGGREGATORS", "Edges", "Neighbours"]


class Neighbours(NamedTuple):
    """The edges along which vertices aggregate, in one direction.

    Attributes:
        counts: Edge multiplicities, ``(graphs, targets, sources)``.
        shape: Number of graphs and of vertices, ``(2,)``.
    """

    counts: Var
    shape: Var

    def by_graph(self, rows: Var, width: int) -> Var:
        """``(graphs x vertices, width)`` as ``(graphs, vertices, width)``."""
        return op.reshape(rows, op.concat([self.shape, integers(width)], axis=0))


ONNX_AGGREGATORS: Registry[Callable[[Any, int, Var, Neighbours], Var]] = Registry("ONNX aggregator")
"""Writers of aggregators by name; those of `egraph.ranker.sage.LINEAR` need none.

A writer is a function of the weights of one direction, as `egraph.ranker.Aggregator.weights` made them, of
the number of the network whose weights it writes, of the vectors of the vertices,
``(graphs, vertices, features)``, and of the `Neighbours`. It returns one vector for each vertex,
``(graphs, vertices, features)`` or ``(graphs x vertices, features)``. Padded vertices have no edges.
"""


class Edges:
    """The edges of each graph, in both directions.

    Args:
        counts: Edge multiplicities, ``(graphs, sources, targets)``.
    """

    def __init__(self, counts: Var) -> None:
        self._counts = (op.transpose(counts, perm=[0, 2, 1]), counts)  # (graphs, targets, sources)
        self._shape = op.slice(op.shape(counts), integers(0), integers(2))  # graphs, vertices
        vertices = op.slice(self._shape, integers(1), integers(2))
        self._itself = op.eye_like(
            op.constant_of_shape(op.concat([vertices, vertices], axis=0)), dtype=np.float32
        )
        self._shares: dict[tuple[str, int], Var] = {}
        self._gathered: dict[tuple[str, int, Var], Var] = {}

    def by_graph(self, rows: Var, width: int) -> Var:
        """``(graphs x vertices, width)`` as ``(graphs, vertices, width)``."""
        return self.neighbours(0).by_graph(rows, width)

    def neighbours(self, direction: int) -> Neighbours:
        """The sources of each vertex along the edges (0) or against them (1)."""
        return Neighbours(self._counts[direction], self._shape)

    def gather(self, aggregator: str, directions: int, x: Var, width: int) -> Var:
        """Each vertex and the mean or sum of its neighbours in each direction, concatenated.

        ``(graphs x vertices, (1 + directions) * width)``
        """
        key = aggregator, directions, x
        if key not in self._gathered:  # all networks share what is gathered from the input
            sums = op.matmul(self._weights(aggregator, directions), x)
            self._gathered[key] = op.reshape(sums, integers(-1, (1 + directions) * width))
        return self._gathered[key]

    def _weights(self, aggregator: str, directions: int) -> Var:
        """Weight of each source in each sum, ``(graphs, targets x (1 + directions), sources)``."""
        key = aggregator, directions
        if key not in self._shares:
            counts, one = self._counts[:directions], op.const(np.float32(1))
            if aggregator == "mean":
                degrees = [op.reduce_sum(c, integers(2), keepdims=1) for c in counts]
                counts = tuple(op.div(c, op.max([d, one])) for c, d in zip(counts, degrees, strict=True))
            itself = op.expand(self._itself, op.shape(self._counts[0]))
            terms = op.concat([op.unsqueeze(part, integers(2)) for part in (itself, *counts)], axis=2)
            graphs, vertices = (op.slice(self._shape, integers(k), integers(k + 1)) for k in (0, 1))
            rows = op.concat([graphs, integers(-1), vertices], axis=0)
            self._shares[key] = op.reshape(terms, rows)
        return self._shares[key]


def _pool(pool: Linear, member: int, x: Var, edges: Neighbours) -> Var:
    width = pool.weight.shape[1]
    exists = op.cast(op.greater(edges.counts, op.const(np.float32(0))), to=np.float32)
    found = op.relu(dense(pool, member, op.reshape(x, integers(-1, width))))
    found = op.unsqueeze(edges.by_graph(found, width), integers(1))  # (graphs, 1, sources, width)
    # After ReLU nothing is below zero, so a factor of zero leaves a source out of the maximum.
    return op.reduce_max(op.mul(found, op.unsqueeze(exists, integers(3))), integers(2), keepdims=0)


def _lstm(gates: LSTMWeights, member: int, x: Var, edges: Neighbours) -> Var:
    """The last state of an LSTM, ``(graphs x vertices, width)``."""
    width = gates.input.weight.shape[1]
    exists = op.greater(edges.counts, op.const(np.float32(0)))
    many = op.reduce_sum(op.cast(exists, to=np.int64), integers(2), keepdims=0)
    longest = op.max([op.reshape(op.reduce_max(many, keepdims=0), integers(1)), integers(1)])
    # Existing sources come first and in their order: of two equal values, TopK returns the earlier first.
    _, index = op.top_k(op.cast(exists, to=np.float32), longest, axis=-1)
    index = op.expand(op.reshape(index, integers(0, -1, 1)), integers(1, 1, width))
    read = op.gather_elements(x, index, axis=1)  # (graphs, targets x longest, width)
    read = op.reshape(read, op.concat([integers(-1), longest, integers(width)], axis=0))
    lengths = op.reshape(op.max([many, op.const(np.int64(1))]), integers(-1))
    into, back = (_by_gate(weights_of(part, "weight", member).T)[None] for part in (gates.input, gates.state))
    biases = [_by_gate(weights_of(part, "bias", member)[0]) for part in (gates.input, gates.state)]
    _, last, _ = op.lstm(
        op.transpose(read, perm=[1, 0, 2]),
        op.const(into),
        op.const(back),
        op.const(np.concatenate(biases)[None]),
        op.cast(lengths, to=np.int32),
        hidden_size=width,
    )
    filled = op.cast(op.reshape(op.greater(many, op.const(np.int64(0))), integers(-1, 1)), to=np.float32)
    return op.mul(op.squeeze(last, integers(0)), filled)


def _by_gate(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Reorders rows of the gates input, forget, cell, output to the order of ONNX."""
    into, forget, cell, out = np.split(rows, 4)
    return np.concatenate([into, out, forget, cell])


ONNX_AGGREGATORS.register("pool", _pool)
ONNX_AGGREGATORS.register("lstm", _lstm)

"""The graph neural networks of a ranker as ONNX operators: what `RankerNetwork.embed` does, step by step.

Each network of the ensemble is written out by itself, since a dense layer with its bias, and a normalisation
with its scale, are single operators for one network and several for a stack of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import spox.opset.ai.onnx.v20 as op
import torch
from numpy.typing import NDArray
from spox import Var

from egraph.ranker.heads import PairHead
from egraph.ranker.network import Join, RankerNetwork
from egraph.ranker.sage import Linear, LSTMWeights, SAGELayer

__all__ = ["Graphs", "embed", "integers", "linear", "pair_logits"]


class Graphs(NamedTuple):
    """The inputs of the networks.

    Attributes:
        vertices: ``(graphs, vertices, vertex features)``
        counts: ``(graphs, vertices, vertices)``
        sizes: ``(graphs,)``
        features: ``(graphs, features)``, standardised, in single precision.
    """

    vertices: Var
    counts: Var
    sizes: Var
    features: Var


def embed(network: RankerNetwork, graphs: Graphs) -> Var:
    """Embeddings, ``(members, graphs, width)``."""
    edges, vertices = _Edges(graphs.counts), _Vertices(graphs.sizes, op.shape(graphs.counts))
    members = [_embed(network, member, graphs, edges, vertices) for member in range(network.shape.members)]
    return op.concat([op.unsqueeze(one, integers(0)) for one in members], axis=0)


def pair_logits(head: PairHead, a: Var, b: Var, *, all_pairs: bool = False) -> Var:
    """What `PairHead` gives for ``(members, pairs, width)`` twice.

    With ``all_pairs`` each of ``(members, n, width)`` meets each of ``(members, m, width)``.
    """

    def one(first: Var, second: Var, axes: tuple[int, int]) -> Var:
        first, second = linear(head.first, first), linear(head.second, second)
        last = [op.const(head.out.get_parameter(name).detach().numpy()) for name in ("weight", "bias")]
        if all_pairs:
            first, second = op.unsqueeze(first, integers(axes[0])), op.unsqueeze(second, integers(axes[1]))
            last = [op.unsqueeze(part, integers(1)) for part in last]
        return op.add(op.matmul(op.relu(op.add(first, second)), last[0]), last[1])

    back = op.gather(one(b, a, (1, 2)), integers(2, 1, 0), axis=-1)
    return op.mul(op.add(one(a, b, (2, 1)), back), op.const(np.float32(0.5)))


def linear(layer: Linear, x: Var) -> Var:
    """What `Linear` gives for all members at once, ``(members, rows, in_features)``."""
    y = op.matmul(x, op.const(layer.weight.detach().numpy()))
    return y if layer.bias is None else op.add(y, op.const(layer.bias.detach().numpy()))


def integers(*values: int) -> Var:
    """Whole numbers as a constant, ``(values,)``."""
    return op.const(np.array(values, dtype=np.int64))


# Below, x is what one network says of the vertices of each graph, (graphs, vertices, width). What it says of
# padding is arbitrary: no vertex reads it, and read-outs leave it out.


def _embed(network: RankerNetwork, member: int, graphs: Graphs, edges: _Edges, vertices: _Vertices) -> Var:
    """Embeddings by one network, ``(graphs, width)``."""
    shape = network.shape
    results = [graphs.vertices]
    for number, layer in enumerate(network.layers):
        assert isinstance(layer, SAGELayer)
        x = _join(network.joins[number], member, results)
        y = _sage(layer, member, x, edges)  # (graphs x vertices, width)
        _, wide, narrow = layer.own.weight.shape
        if network.norms is not None:
            norm = network.norms[number]
            scale, shift = (op.const(_of(norm, name, member).reshape(-1)) for name in ("weight", "bias"))
            y, _, _ = op.layer_normalization(y, scale, shift, epsilon=1e-5)
        y = edges.by_graph(op.gelu(y), narrow)
        results.append(op.add(x, y) if shape.residual and wide == narrow else y)
    x = _join(network.joins[len(network.layers)], member, results)
    parts = [_read_out(name, x, vertices) for name in shape.readout]
    if network.feature_layer is not None:
        parts.append(op.gelu(_dense(network.feature_layer, member, graphs.features)))
    return op.gelu(_dense(network.embedding, member, op.concat(parts, axis=-1)))


class _Vertices:
    """Which vertices of the padded batch exist.

    Args:
        sizes: ``(graphs,)``
        shape: of the edge counts.
    """

    def __init__(self, sizes: Var, shape: Var) -> None:
        count = op.reshape(op.slice(shape, integers(1), integers(2)), integers())
        there = op.less(op.range(op.const(0), count, op.const(1)), op.unsqueeze(sizes, integers(1)))
        self.there = op.unsqueeze(there, integers(2))  # (graphs, vertices, 1)
        self.mask = op.cast(self.there, to=np.float32)
        self.sizes = sizes


class _Edges:
    """Who reads whom in each graph.

    Args:
        counts: ``(graphs, sources, targets)``
    """

    def __init__(self, counts: Var) -> None:
        self.counts = (op.transpose(counts, perm=[0, 2, 1]), counts)  # (graphs, targets, sources)
        self.place = op.slice(op.shape(counts), integers(0), integers(2))  # graphs, vertices
        vertices = op.slice(self.place, integers(1), integers(2))
        self._itself = op.eye_like(
            op.constant_of_shape(op.concat([vertices, vertices], axis=0)), dtype=np.float32
        )
        self._shares: dict[tuple[str, int], Var] = {}
        self._gathered: dict[tuple[str, int, Var], Var] = {}

    def by_graph(self, rows: Var, width: int) -> Var:
        """``(graphs x vertices, width)`` as ``(graphs, vertices, width)``."""
        return op.reshape(rows, op.concat([self.place, integers(width)], axis=0))

    def gather(self, aggregator: str, directions: int, x: Var, width: int) -> Var:
        """Each vertex, and the mean or sum of its neighbours a direction, side by side.

        ``(graphs x vertices, (1 + directions) * width)``
        """
        key = aggregator, directions, x
        if key not in self._gathered:  # of the input, all networks gather the same
            sums = op.matmul(self._weights(aggregator, directions), x)
            self._gathered[key] = op.reshape(sums, integers(-1, (1 + directions) * width))
        return self._gathered[key]

    def _weights(self, aggregator: str, directions: int) -> Var:
        """What each vertex takes of each, ``(graphs, targets x (1 + directions), sources)``."""
        key = aggregator, directions
        if key not in self._shares:
            counts, one = self.counts[:directions], op.const(np.float32(1))
            if aggregator == "mean":
                degrees = [op.reduce_sum(c, integers(2), keepdims=1) for c in counts]
                counts = tuple(op.div(c, op.max([d, one])) for c, d in zip(counts, degrees, strict=True))
            itself = op.expand(self._itself, op.shape(self.counts[0]))
            terms = op.concat([op.unsqueeze(part, integers(2)) for part in (itself, *counts)], axis=2)
            graphs, vertices = (op.slice(self.place, integers(k), integers(k + 1)) for k in (0, 1))
            rows = op.concat([graphs, integers(-1), vertices], axis=0)
            self._shares[key] = op.reshape(terms, rows)
        return self._shares[key]


def _sage(layer: SAGELayer, member: int, x: Var, edges: _Edges) -> Var:
    """What the layer gives, ``(graphs x vertices, out_features)``."""
    wide = layer.own.weight.shape[1]
    directions = len(layer.neighbours)
    if layer.aggregator in ("mean", "sum"):
        rows = edges.gather(layer.aggregator, directions, x, wide)
    else:
        aggregate = _pool if layer.aggregator == "pool" else _lstm
        around = [aggregate(layer, direction, member, x, edges) for direction in range(directions)]
        rows = op.concat([op.reshape(part, integers(-1, wide)) for part in (x, *around)], axis=1)
    weights = np.concatenate([_of(part, "weight", member) for part in (layer.own, *layer.neighbours)])
    return op.gemm(rows, op.const(weights), op.const(_of(layer.own, "bias", member)[0]))


def _pool(layer: SAGELayer, direction: int, member: int, x: Var, edges: _Edges) -> Var:
    width = layer.own.weight.shape[1]
    there = op.cast(op.greater(edges.counts[direction], op.const(np.float32(0))), to=np.float32)
    found = op.relu(_dense(layer.pool[direction], member, op.reshape(x, integers(-1, width))))
    found = op.unsqueeze(edges.by_graph(found, width), integers(1))  # (graphs, 1, sources, width)
    # After ReLU nothing is below zero, so a factor of zero leaves a source out of the maximum.
    return op.reduce_max(op.mul(found, op.unsqueeze(there, integers(3))), integers(2), keepdims=0)


def _lstm(layer: SAGELayer, direction: int, member: int, x: Var, edges: _Edges) -> Var:
    """The last state of an LSTM, ``(graphs x vertices, width)``."""
    gates = layer.gates[direction]
    assert isinstance(gates, LSTMWeights)
    width = gates.input.weight.shape[1]
    there = op.greater(edges.counts[direction], op.const(np.float32(0)))
    many = op.reduce_sum(op.cast(there, to=np.int64), integers(2), keepdims=0)
    longest = op.max([op.reshape(op.reduce_max(many, keepdims=0), integers(1)), integers(1)])
    # Sources that exist come first, in their order: of equal numbers TopK gives the earlier first.
    _, index = op.top_k(op.cast(there, to=np.float32), longest, axis=-1)
    index = op.expand(op.reshape(index, integers(0, -1, 1)), integers(1, 1, width))
    read = op.gather_elements(x, index, axis=1)  # (graphs, targets x longest, width)
    read = op.reshape(read, op.concat([integers(-1), longest, integers(width)], axis=0))
    lengths = op.reshape(op.max([many, op.const(np.int64(1))]), integers(-1))
    into, back = (_by_gate(_of(part, "weight", member).T)[None] for part in (gates.input, gates.state))
    biases = [_by_gate(_of(part, "bias", member)[0]) for part in (gates.input, gates.state)]
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
    """Rows of input, forget, cell and output gate, in the order of ONNX."""
    into, forget, cell, out = np.split(rows, 4)
    return np.concatenate([into, out, forget, cell])


def _join(join: torch.nn.Module, member: int, results: Sequence[Var]) -> Var:
    assert isinstance(join, Join)
    total: Var | None = None
    for source in join.sources:
        x = results[source]
        if str(source) in join.projections:
            x = op.matmul(x, op.const(_of(join.projections[str(source)], "weight", member)))
        total = x if total is None else op.add(total, x)
    assert total is not None
    return total


def _read_out(name: str, x: Var, vertices: _Vertices) -> Var:
    """One summary of each graph, ``(graphs, width)``, as `readout.read_out` makes it."""
    match name:
        case "max":
            outside = op.where(vertices.there, x, op.const(np.float32(-np.inf)))
            return op.reduce_max(outside, integers(1), keepdims=0)
        case "sum" | "mean":
            total = op.reduce_sum(op.mul(x, vertices.mask), integers(1), keepdims=0)
            count = op.unsqueeze(op.cast(vertices.sizes, to=np.float32), integers(1))
            return total if name == "sum" else op.div(total, count)
        case "output":
            last = op.unsqueeze(op.sub(vertices.sizes, op.const(np.int64(1))), integers(1))
            return op.gather_nd(x, last, batch_dims=1)
        case _:
            return _first_sorted(int(name[4:]), x, vertices)


def _first_sorted(k: int, x: Var, vertices: _Vertices) -> Var:
    """The ``k`` vertices whose last feature is largest, side by side; zeros where there are fewer."""
    shape = op.shape(x)
    count, width = (op.slice(shape, integers(axis), integers(axis + 1)) for axis in (1, 2))
    key = op.where(vertices.there, op.gather(x, integers(-1), axis=-1), op.const(np.float32(-np.inf)))
    many = op.min([count, integers(k)])
    _, index = op.top_k(key, many, axis=1)  # (graphs, many, 1)
    index = op.expand(index, op.concat([integers(1, 1), width], axis=0))
    chosen = op.gather_elements(op.mul(x, vertices.mask), index, axis=1)
    ends = op.concat([integers(0, 0, 0, 0), op.sub(integers(k), many), integers(0)], axis=0)
    padded = op.pad(chosen, ends, op.const(np.float32(0)))
    return op.reshape(padded, op.concat([integers(0), op.mul(width, integers(k))], axis=0))


def _dense(layer: torch.nn.Module, member: int, x: Var) -> Var:
    """What `Linear` with a bias gives for one member, ``(rows, in_features)`` to ``(rows, out_features)``."""
    return op.gemm(x, op.const(_of(layer, "weight", member)), op.const(_of(layer, "bias", member)[0]))


def _of(layer: torch.nn.Module, name: str, member: int) -> NDArray[np.float32]:
    """The weights of one member."""
    return layer.get_parameter(name)[member].detach().numpy()

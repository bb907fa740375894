"""The graph neural networks of a ranker as ONNX operators: what `RankerNetwork.embed` does, step by step."""

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

__all__ = ["Graphs", "embed", "integers", "linear", "pair_logits", "weights"]


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
    shape = network.shape
    place = op.slice(op.shape(graphs.counts), integers(1), integers(2), integers(0))  # (vertices,)
    number = op.range(op.const(0), op.reshape(place, integers()), op.const(1))
    there = op.less(number, op.unsqueeze(graphs.sizes, integers(1)))  # (graphs, vertices)
    mask = op.unsqueeze(op.cast(there, to=np.float32), integers(0, 3))  # (1, graphs, vertices, 1)
    edges = _Edges(graphs.counts)
    results = [op.unsqueeze(graphs.vertices, integers(0))]
    for layer, norm, join in zip(
        network.layers, network.norms or [None] * len(shape.layers), network.joins, strict=False
    ):
        assert isinstance(layer, SAGELayer)
        x, width = _join(join, results, edges), layer.own.weight.shape[2]
        y = _sage(layer, x, edges)
        if norm is not None:
            one = op.const(np.ones(width, np.float32))
            y, _, _ = op.layer_normalization(y, one, None, epsilon=1e-5)
            y = op.add(op.mul(y, weights(norm.get_parameter("weight"))), weights(norm.get_parameter("bias")))
        y = op.mul(op.gelu(y), mask)
        results.append(op.add(x, y) if shape.residual and layer.own.weight.shape[1] == width else y)
    x = _join(network.joins[len(shape.layers)], results, edges)
    parts = [_read_out(name, x, mask, graphs.sizes) for name in shape.readout]
    summary = op.concat(parts, axis=-1) if len(parts) > 1 else parts[0]
    if network.feature_layer is not None:
        analytic = op.gelu(linear(network.feature_layer, op.unsqueeze(graphs.features, integers(0))))
        if shape.read_sources == (0,):  # the input, which members share
            summary = op.mul(summary, op.const(np.ones((shape.members, 1, 1), np.float32)))
        summary = op.concat([summary, analytic], axis=-1)
    return op.gelu(linear(network.embedding, summary))


def pair_logits(head: PairHead, a: Var, b: Var, *, all_pairs: bool = False) -> Var:
    """What `PairHead` gives for ``(members, pairs, width)`` twice.

    With ``all_pairs`` each of ``(members, n, width)`` meets each of ``(members, m, width)``.
    """

    def one(first: Var, second: Var, axes: tuple[int, int]) -> Var:
        first, second = linear(head.first, first), linear(head.second, second)
        if all_pairs:
            first, second = op.unsqueeze(first, integers(axes[0])), op.unsqueeze(second, integers(axes[1]))
        inner = op.relu(op.add(first, second))
        last = [weights(head.out.get_parameter(name)) for name in ("weight", "bias")]
        if all_pairs:
            last = [op.unsqueeze(part, integers(1)) for part in last]
        return op.add(op.matmul(inner, last[0]), last[1])

    back = op.gather(one(b, a, (1, 2)), integers(2, 1, 0), axis=-1)
    return op.mul(op.add(one(a, b, (2, 1)), back), op.const(np.float32(0.5)))


def linear(layer: Linear, x: Var) -> Var:
    """What `Linear` gives for ``(members or 1, rows, in_features)``."""
    y = op.matmul(x, weights(layer.weight))
    return y if layer.bias is None else op.add(y, weights(layer.bias))


def weights(tensor: torch.Tensor) -> Var:
    """Trained numbers as a constant."""
    return op.const(tensor.detach().numpy())


def integers(*values: int) -> Var:
    """Whole numbers as a constant, ``(values,)``."""
    return op.const(np.array(values, dtype=np.int64))


def _shared(x: Var) -> bool:
    """Whether all members read the same."""
    shape = x.unwrap_tensor().shape
    return shape is not None and shape[0] == 1


class _Edges:
    """Edge counts in both directions, ``(graphs, targets, sources)``."""

    def __init__(self, counts: Var) -> None:
        self.counts = (op.transpose(counts, perm=[0, 2, 1]), counts)
        self.place = op.slice(op.shape(counts), integers(0), integers(2))  # graphs, vertices
        self._shares: tuple[Var, ...] | None = None

    def shares(self, aggregator: str) -> tuple[Var, ...]:
        """What each target takes of each source."""
        if aggregator == "sum":
            return self.counts
        if self._shares is None:
            one = op.const(np.float32(1))
            self._shares = tuple(
                op.div(c, op.max([op.reduce_sum(c, integers(2), keepdims=1), one])) for c in self.counts
            )
        return self._shares


def _of_vertices(layer: Linear, x: Var, edges: _Edges) -> Var:
    """What `Linear` gives for ``(members or 1, graphs, vertices, in_features)``."""
    members, wide, narrow = layer.weight.shape
    flat = op.reshape(x, integers(0, -1, wide))  # one product a member, not one a graph
    whole = op.concat([integers(members), edges.place, integers(narrow)], axis=0)
    return op.reshape(linear(layer, flat), whole)


def _sage(layer: SAGELayer, x: Var, edges: _Edges) -> Var:
    y = _of_vertices(layer.own, x, edges)
    for direction, transform in enumerate(layer.neighbours):
        assert isinstance(transform, Linear)
        match layer.aggregator:
            case "mean" | "sum":  # linear: the narrower of input and result is summed
                share = edges.shares(layer.aggregator)[direction]
                z = op.matmul(share, _of_vertices(transform, x, edges))
            case "pool":
                z = _of_vertices(transform, _pool(layer, direction, x, edges), edges)
            case _:
                z = _of_vertices(transform, _lstm(layer, direction, x, edges), edges)
        y = op.add(y, z)
    return y


def _pool(layer: SAGELayer, direction: int, x: Var, edges: _Edges) -> Var:
    rows = layer.pool[direction]
    assert isinstance(rows, Linear)
    there = op.cast(op.greater(edges.counts[direction], op.const(np.float32(0))), to=np.float32)
    there = op.unsqueeze(there, integers(0, 4))  # (1, graphs, targets, sources, 1)
    found = op.unsqueeze(
        op.relu(_of_vertices(rows, x, edges)), integers(2)
    )  # (members, graphs, 1, sources, width)
    # After ReLU nothing is below zero, so a factor of zero leaves a source out of the maximum.
    return op.reduce_max(op.mul(found, there), integers(3), keepdims=0)


def _lstm(layer: SAGELayer, direction: int, x: Var, edges: _Edges) -> Var:
    """The last state of an LSTM for each member."""
    gates = layer.gates[direction]
    assert isinstance(gates, LSTMWeights)
    members, width, _ = gates.input.weight.shape
    there = op.greater(edges.counts[direction], op.const(np.float32(0)))
    many = op.reduce_sum(op.cast(there, to=np.int64), integers(2), keepdims=0)
    longest = op.max([op.reshape(op.reduce_max(many, keepdims=0), integers(1)), integers(1)])
    # Sources that exist come first, in their order: of equal numbers TopK gives the earlier first.
    _, index = op.top_k(op.cast(there, to=np.float32), longest, axis=-1)
    flat = op.reshape(index, integers(0, -1, 1))  # (graphs, targets x longest, 1)
    lengths = op.cast(op.reshape(op.max([many, op.const(np.int64(1))]), integers(-1)), to=np.int32)
    filled = op.reshape(op.greater(many, op.const(np.int64(0))), integers(-1, 1))
    states = []
    for member in range(members):
        own = op.squeeze(op.gather(x, integers(0 if _shared(x) else member), axis=0), integers(0))
        wide = op.expand(flat, integers(1, 1, width))
        read = op.reshape(
            op.gather_elements(own, wide, axis=1), op.concat([integers(-1), longest, integers(width)], axis=0)
        )
        into, back = (_by_gate(part.weight[member].T) for part in (gates.input, gates.state))
        biases = [_by_gate(part.get_parameter("bias")[member, 0]) for part in (gates.input, gates.state)]
        _, last, _ = op.lstm(
            op.transpose(read, perm=[1, 0, 2]),
            op.const(into[None]),
            op.const(back[None]),
            op.const(np.concatenate(biases)[None]),
            lengths,
            hidden_size=width,
        )
        states.append(op.mul(op.squeeze(last, integers(0)), op.cast(filled, to=np.float32)))
    joined = op.concat([op.unsqueeze(state, integers(0)) for state in states], axis=0)
    return op.reshape(joined, op.concat([integers(members), edges.place, integers(width)], axis=0))


def _by_gate(numbers: torch.Tensor) -> NDArray[np.float32]:
    """Rows of input, forget, cell and output gate, in the order of ONNX."""
    into, forget, cell, out = np.split(numbers.detach().numpy(), 4)
    return np.concatenate([into, out, forget, cell])


def _join(join: torch.nn.Module, results: Sequence[Var], edges: _Edges) -> Var:
    assert isinstance(join, Join)
    total: Var | None = None
    for source in join.sources:
        x = results[source]
        if str(source) in join.projections:
            projection = join.projections[str(source)]
            assert isinstance(projection, Linear)
            x = _of_vertices(projection, x, edges)
        total = x if total is None else op.add(total, x)
    assert total is not None
    return total


def _read_out(name: str, x: Var, mask: Var, sizes: Var) -> Var:
    """One summary of ``(members, graphs, vertices, width)``, as `readout.read_out` makes it."""
    match name:
        case "max":
            outside = op.where(op.cast(mask, to=np.bool_), x, op.const(np.float32(-np.inf)))
            return op.reduce_max(outside, integers(2), keepdims=0)
        case "sum":
            return op.reduce_sum(op.mul(x, mask), integers(2), keepdims=0)
        case "mean":
            count = op.unsqueeze(op.cast(sizes, to=np.float32), integers(0, 2))
            return op.div(op.reduce_sum(op.mul(x, mask), integers(2), keepdims=0), count)
        case "output":
            last = op.sub(sizes, op.const(np.int64(1)))
            by_graph = op.transpose(x, perm=[1, 2, 0, 3])  # (graphs, vertices, members, width)
            chosen = op.gather_nd(by_graph, op.unsqueeze(last, integers(1)), batch_dims=1)
            return op.transpose(chosen, perm=[1, 0, 2])
        case _:
            return _first_sorted(int(name[4:]), x, mask)


def _first_sorted(k: int, x: Var, mask: Var) -> Var:
    """The ``k`` vertices whose last feature is largest, side by side; zeros where there are fewer."""
    shape = op.shape(x)
    members, graphs, vertices, width = (
        op.slice(shape, integers(axis), integers(axis + 1)) for axis in range(4)
    )
    last = op.squeeze(op.gather(x, integers(-1), axis=-1), integers(3))
    there = op.squeeze(op.cast(mask, to=np.bool_), integers(3))
    key = op.where(there, last, op.const(np.float32(-np.inf)))
    many = op.min([vertices, integers(k)])
    _, index = op.top_k(key, many, axis=-1)
    index = op.expand(op.unsqueeze(index, integers(3)), op.concat([members, graphs, many, width], axis=0))
    chosen = op.gather_elements(op.mul(x, mask), index, axis=2)
    missing = op.sub(integers(k), many)
    ends = op.concat([integers(0, 0, 0, 0, 0, 0), missing, integers(0)], axis=0)
    padded = op.pad(chosen, ends, op.const(np.float32(0)))
    return op.reshape(padded, op.concat([members, graphs, op.mul(width, integers(k))], axis=0))

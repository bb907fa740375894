"""The graph neural networks of a ranker as ONNX operators, in the steps of `RankerNetwork.embed`.

Each network of the ensemble is written separately: a dense layer with bias, or a normalisation with scale, is
one operator for a single network, but several for a stack of networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import spox.opset.ai.onnx.v20 as op
import torch
from spox import Var

from egraph.errors import UsageError
from egraph.export._aggregator_graph import ONNX_AGGREGATORS, Edges
from egraph.export._operators import dense, integers, linear, weights_of
from egraph.export._readout_graph import ONNX_READOUTS, Vertices
from egraph.ranker.heads import PairHead
from egraph.ranker.network import Join, NetworkShape, RankerNetwork
from egraph.ranker.sage import LINEAR, SAGELayer

__all__ = ["Graphs", "embed", "pair_logits"]


class Graphs(NamedTuple):
    """The inputs of the networks.

    Attributes:
        vertices: Vertex features, ``(graphs, vertices, vertex features)``.
        counts: Edge multiplicities, ``(graphs, vertices, vertices)``.
        sizes: Number of vertices, ``(graphs,)``.
        features: Standardised features in single precision, ``(graphs, features)``.
    """

    vertices: Var
    counts: Var
    sizes: Var
    features: Var


def embed(network: RankerNetwork, graphs: Graphs) -> Var:
    """Embeddings, ``(members, graphs, width)``.

    Raises:
        UsageError: An aggregator or a read-out has no ONNX writer.
    """
    _check_writers(network.shape)
    edges, vertices = Edges(graphs.counts), Vertices(graphs.sizes, op.shape(graphs.counts))
    members = [_embed(network, member, graphs, edges, vertices) for member in range(network.shape.members)]
    return op.concat([op.unsqueeze(one, integers(0)) for one in members], axis=0)


def pair_logits(head: PairHead, a: Var, b: Var, *, all_pairs: bool = False) -> Var:
    """Logits of `PairHead` for ``(members, pairs, width)`` twice.

    With ``all_pairs``, each of ``(members, n, width)`` is compared with each of ``(members, m, width)``.
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


# Below, x are the vectors of the vertices in one network, (graphs, vertices, width). Those of padded vertices
# are arbitrary: no vertex reads them, and read-outs leave them out.


def _embed(network: RankerNetwork, member: int, graphs: Graphs, edges: Edges, vertices: Vertices) -> Var:
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
            scale, shift = (
                op.const(weights_of(norm, name, member).reshape(-1)) for name in ("weight", "bias")
            )
            y, _, _ = op.layer_normalization(y, scale, shift, epsilon=1e-5)
        y = edges.by_graph(op.gelu(y), narrow)
        results.append(op.add(x, y) if shape.residual and wide == narrow else y)
    x = _join(network.joins[len(network.layers)], member, results)
    parts = [ONNX_READOUTS[name](x, vertices) for name in shape.readout]
    if network.feature_layer is not None:
        parts.append(op.gelu(dense(network.feature_layer, member, graphs.features)))
    return op.gelu(dense(network.embedding, member, op.concat(parts, axis=-1)))


def _sage(layer: SAGELayer, member: int, x: Var, edges: Edges) -> Var:
    """The result of the layer, ``(graphs x vertices, out_features)``."""
    wide = layer.own.weight.shape[1]
    if layer.aggregator in LINEAR:
        rows = edges.gather(layer.aggregator, layer.directions, x, wide)
    else:
        write = ONNX_AGGREGATORS[layer.aggregator]
        around = [
            write(layer.aggregator_weights(direction), member, x, edges.neighbours(direction))
            for direction in range(layer.directions)
        ]
        rows = op.concat([op.reshape(part, integers(-1, wide)) for part in (x, *around)], axis=1)
    weights = np.concatenate([weights_of(part, "weight", member) for part in (layer.own, *layer.neighbours)])
    return op.gemm(rows, op.const(weights), op.const(weights_of(layer.own, "bias", member)[0]))


def _join(join: torch.nn.Module, member: int, results: Sequence[Var]) -> Var:
    assert isinstance(join, Join)
    total: Var | None = None
    for source in join.sources:
        x = results[source]
        if str(source) in join.projections:
            x = op.matmul(x, op.const(weights_of(join.projections[str(source)], "weight", member)))
        total = x if total is None else op.add(total, x)
    assert total is not None
    return total


def _check_writers(shape: NetworkShape) -> None:
    aggregators = [layer.aggregator for layer in shape.plan]
    for kind, names, table, writers in (
        ("aggregator", aggregators, "ONNX_AGGREGATORS", [*LINEAR, *ONNX_AGGREGATORS]),
        ("read-out", shape.readout, "ONNX_READOUTS", [*ONNX_READOUTS]),
    ):
        for name in names:
            if name not in writers:
                raise UsageError(
                    f"the {kind} {name!r} has no ONNX writer (those that have one: {', '.join(writers)}): "
                    f"add one with egraph.export.{table}.register({name!r}, writer)"
                )

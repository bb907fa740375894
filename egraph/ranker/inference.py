"""`RankerNetwork.embed` for scoring: the same function up to rounding, in fewer and larger operations.

It is several times as fast, for four reasons:

- Graphs of one size are batched together, so that nothing is padded or masked.
- A mean or sum over neighbours is linear, so it can follow the product with the weights: one product for the
  vertex and both directions, then one sparse sum along the few edges.
- Layer normalisation subtracts the mean over the features. Subtracting it from the columns of the weights
  does so once for all vertices.
- Input features that are zero in the whole batch, such as those of absent operations, are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from egraph.encoding import Encoding
from egraph.ranker.network import RankerNetwork
from egraph.ranker.readout import read_out
from egraph.ranker.sage import LINEAR, Neighbours, SAGELayer

__all__ = ["embed"]

_NUMBERS_AT_ONCE = 160_000
"""Members x vertices x width of one batch: few enough that its vectors stay in the cache of a core, and many
enough that the overhead of calls does not matter."""

_IDLE_BYTES = 16 << 20
"""More memory than the vectors of one operation take."""

_EPSILON = 1e-5  # what torch.nn.functional.layer_norm adds to the variance


def embed(network: RankerNetwork, encoding: Encoding, features: NDArray[np.float64]) -> Tensor:
    """Embeddings of encoded graphs, ``(members, graphs, width)``.

    Args:
        network: Trained network.
        encoding: Encoded graphs.
        features: Standardised analytic features of the graphs, ``(graphs, kept)``.
    """
    # The C library returns freed memory to the system at once, and asks for it again at the next operation,
    # unless a block of half that size has been freed before: freeing this one raises its threshold. The block
    # is never written to, so it costs no memory.
    np.empty(_IDLE_BYTES, np.uint8)
    with torch.inference_mode():
        result = torch.empty(network.shape.members, len(encoding), network.shape.width)
        used = torch.from_numpy(np.flatnonzero(encoding.vertices.any(axis=(0, 1))))
        layers = [
            _Fused.of(layer, None if network.norms is None else network.norms[number], used)
            if isinstance(layer, SAGELayer) and layer.aggregator in LINEAR
            else None
            for number, layer in enumerate(network.layers)
        ]
        analytic = torch.from_numpy(features.astype(np.float32))
        vertices = _NUMBERS_AT_ONCE // (network.shape.members * network.shape.width)
        for size, rows in _by_size(encoding.sizes, vertices):
            graphs = _Graphs(
                torch.from_numpy(encoding.vertices[rows, :size]),
                torch.from_numpy(encoding.counts[rows, :size, :size]),
                used,
            )
            chosen = torch.from_numpy(rows)
            result[:, chosen] = _embed(network, layers, graphs, analytic[chosen])
        return result


def _embed(network: RankerNetwork, layers: list[_Fused | None], graphs: _Graphs, features: Tensor) -> Tensor:
    shape = network.shape
    results = [graphs.vertices[None]]
    for number, fused in enumerate(layers):
        x = network.joins[number](results)  # (members or 1, graphs, vertices, width)
        if fused is None:
            y = network.layers[number](x, Neighbours(graphs.counts))
            y = functional.gelu(y if network.norms is None else network.norms[number](y))
        else:
            y = fused.read(graphs) if x is results[0] else fused(x, graphs)
        if shape.residual and x.shape[-1] == y.shape[-1]:
            y = x + y if x.shape != y.shape else y.add_(x)
        results.append(y)
    x = network.joins[-1](results)
    summary = torch.cat([_summarise(name, x) for name in shape.readout], dim=-1)
    summary = summary.expand(shape.members, -1, -1)
    if network.feature_layer is not None:
        summary = torch.cat([summary, functional.gelu(network.feature_layer(features[None]))], dim=-1)
    return functional.gelu(network.embedding(summary))


def _summarise(name: str, x: Tensor) -> Tensor:
    match name:
        case "max":
            return x.amax(dim=2)
        case "sum":
            return x.sum(dim=2)
        case "mean":
            return x.mean(dim=2)
        case "output":
            return x[:, :, -1]
        case _:
            return read_out((name,), x, torch.full((1, x.shape[1]), x.shape[2]))


class _Graphs:
    """A batch of graphs of one size.

    Args:
        vertices: Vertex features, ``(graphs, vertices, vertex features)``.
        counts: Adjacency matrix with multiplicities, ``(graphs, vertices, vertices)``.
        used: Positions of the vertex features that are not zero everywhere.
    """

    def __init__(self, vertices: Tensor, counts: Tensor, used: Tensor) -> None:
        self.vertices, self.counts, self._used = vertices, counts, used
        self._shares: dict[tuple[str, int], Tensor] = {}
        self._sums: dict[tuple[str, int], tuple[Tensor, Tensor, Tensor]] = {}

    @cached_property
    def inputs(self) -> Tensor:
        """The vertex features that are used, ``(graphs, vertices, used)``."""
        return self.vertices[..., self._used]

    def shares(self, aggregator: str, terms: int) -> Tensor:
        """Weight of each source in each term of a target, ``(graphs, targets, terms, sources)``.

        The terms of a vertex are the vertex itself, its predecessors, and its successors.
        """
        if (found := self._shares.get((aggregator, terms))) is None:
            graphs, size, _ = self.counts.shape
            found = self._shares[aggregator, terms] = torch.zeros(graphs, size, terms, size)
            torch.diagonal(found[:, :, 0], dim1=1, dim2=2).fill_(1)
            around = [self.counts.transpose(1, 2), self.counts][: terms - 1]
            for term, counts in enumerate(around, 1):
                found[:, :, term] = counts
                if aggregator == "mean":
                    found[:, :, term] /= counts.sum(2, keepdim=True).clamp_(min=1)
        return found

    def sums(self, aggregator: str, terms: int, members: int) -> tuple[Tensor, Tensor, Tensor]:
        """The same weights as sparse sums for all members: rows, first entry of each vertex, and weights.

        A row is one term of one vertex; rows are numbered as ``(members, graphs, vertices, terms)``.
        """
        if (found := self._sums.get((aggregator, terms))) is None:
            shares = self.shares(aggregator, terms)
            graphs, size = shares.shape[:2]
            flat = shares.view(graphs * size, terms * size)
            target, column = flat.nonzero().unbind(1)
            # First row of the vertex's graph. Within a graph, rows are ordered by source, then term.
            first = torch.arange(graphs * size).div_(size, rounding_mode="floor").mul_(size * terms)
            within = torch.arange(terms)[:, None] + torch.arange(size) * terms
            row = first[target].add_(within.view(-1)[column])
            many = torch.bincount(target)  # at least 1: each vertex is a source of itself
            member = torch.arange(members)[:, None]
            found = self._sums[aggregator, terms] = (
                (row + member * (graphs * size * terms)).view(-1),
                (many.cumsum(0).sub_(many) + member * len(row)).view(-1),
                flat[target, column].repeat(members),
            )
        return found


@dataclass(frozen=True, slots=True)
class _Fused:
    """A SAGE layer with a mean or sum, fused with its normalisation and the GELU that follows.

    Attributes:
        aggregator: ``"mean"`` or ``"sum"``.
        weight: Weights of all terms side by side, ``(members, in_features, terms * out_features)``.
        first: Weights of all terms stacked, for the used features of the input alone,
            ``(members, terms * used, out_features)``; None where the layer is too narrow to read the input.
        bias: ``(members, 1, out_features)``.
        scale: Scale of the normalisation, ``(members, 1, out_features)``; None without normalisation.
        shift: Shift of the normalisation, likewise.
    """

    aggregator: str
    weight: Tensor
    first: Tensor | None
    bias: Tensor
    scale: Tensor | None
    shift: Tensor | None

    @classmethod
    def of(cls, layer: SAGELayer, norm: nn.Module | None, used: Tensor) -> _Fused:
        """Fuses a trained layer."""
        linears = [layer.own, *layer.neighbours]
        parts: list[Tensor] = [linear.get_parameter("weight") for linear in linears]
        bias: Tensor = layer.own.get_parameter("bias")
        scale = shift = None
        if norm is not None:
            # The normalisation subtracts the mean over the output features: do so in the weights.
            parts = [part - part.mean(dim=-1, keepdim=True) for part in parts]
            bias = bias - bias.mean(dim=-1, keepdim=True)
            scale, shift = norm.get_parameter("weight")[:, 0], norm.get_parameter("bias")[:, 0]
        readable = not len(used) or int(used.max()) < parts[0].shape[1]
        first = torch.cat([part[:, used] for part in parts], dim=1) if readable else None
        return cls(layer.aggregator, torch.cat(parts, dim=-1), first, bias, scale, shift)

    def read(self, graphs: _Graphs) -> Tensor:
        """The result for the input of the network, ``(members, graphs, vertices, out_features)``."""
        assert self.first is not None
        members, width, out = self.first.shape
        count, size, _ = graphs.inputs.shape
        terms = self.weight.shape[-1] // out
        # Sums precede the product here: the input is narrower than the result, and shared by all members.
        shares = graphs.shares(self.aggregator, terms).view(count, size * terms, size)
        x = torch.bmm(shares, graphs.inputs).view(1, count * size, width)
        y = torch.baddbmm(self.bias, x.expand(members, -1, -1), self.first)
        return self._finish(y).view(members, count, size, out)

    def __call__(self, x: Tensor, graphs: _Graphs) -> Tensor:
        """The result for the output of other layers, of the shape that `read` returns."""
        members, inner, wide = self.weight.shape
        out = self.bias.shape[-1]
        count, size = x.shape[1:3]
        x = x.reshape(-1, count * size, inner).expand(members, -1, -1)
        rows = torch.bmm(x, self.weight).view(-1, out)  # (members * graphs * vertices * terms, out)
        positions, begin, weight = graphs.sums(self.aggregator, wide // out, members)
        y = functional.embedding_bag(positions, rows, begin, mode="sum", per_sample_weights=weight)
        return self._finish(y.view(members, count * size, out).add_(self.bias)).view(
            members, count, size, out
        )

    def _finish(self, y: Tensor) -> Tensor:
        if self.scale is not None and self.shift is not None:
            # The mean is 0 already, so that the variance is the squared norm over the width.
            spread = torch.linalg.vector_norm(y, dim=-1, keepdim=True)
            y.mul_(spread.square_().div_(y.shape[-1]).add_(_EPSILON).rsqrt_())
            torch.addcmul(self.shift, y, self.scale, out=y)
        return functional.gelu(y)


def _by_size(sizes: NDArray[np.int64], vertices: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yields sizes and positions of graphs of that size, in batches of about that many vertices."""
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        step = max(vertices // int(size), 1)
        for start in range(0, len(rows), step):
            yield int(size), rows[start : start + step]

"""GraphSAGE layers over dense batches, for several networks at once.

The first dimension of all tensors is ``members``: an ensemble of networks of one shape is trained as a single
network whose weights have one dimension more. Shape words: ``(members, graphs, vertices, width)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from egraph.registry import Registry

__all__ = ["AGGREGATORS", "LINEAR", "Aggregator", "LSTMWeights", "Linear", "Neighbours", "SAGELayer"]


class Neighbours:
    """The edges along which vertices aggregate, and the order in which an LSTM reads them.

    Args:
        counts: Edge multiplicities, ``(graphs, sources, targets)`` or
            ``(members, graphs, sources, targets)``.
        order: Sort keys of the sources, ``(..., vertices)``; None for the order of the vertices. A random
            order in training keeps an LSTM from learning the numbering.
    """

    def __init__(self, counts: Tensor, order: Tensor | None = None) -> None:
        self.counts = counts if counts.dim() == 4 else counts[None]
        self.order = order

    def reversed(self) -> Neighbours:
        """The same edges in the opposite direction."""
        return Neighbours(self.counts.transpose(-1, -2), self.order)

    def sequence(self) -> tuple[Tensor, Tensor]:
        """Sources of each vertex in reading order, and which of them exist.

        Both are ``(..., graphs, targets, largest degree)``.
        """
        exists = (self.counts > 0).transpose(-1, -2)  # (..., graphs, targets, sources)
        width = exists.shape[-1]
        position = (
            torch.arange(width, device=exists.device) if self.order is None else self.order[..., None, :]
        )
        keys = torch.where(exists, position.to(torch.float32), torch.inf)
        degree = int(exists.sum(-1).max())
        index = keys.argsort(dim=-1)[..., :degree]
        return index, exists.gather(-1, index)


class Linear(nn.Module):
    r"""A dense layer for each member: :math:`y_m = x_m W_m + b_m`.

    Args:
        members: Number of networks.
        in_features: Width of the input.
        out_features: Width of the output.
        bias: Whether the layer has :math:`b`.

    Shapes:
        - **input:** ``(members or 1, ..., in_features)``
        - **output:** ``(members, ..., out_features)``
    """

    def __init__(self, members: int, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(members, in_features, out_features))
        self.bias = nn.Parameter(torch.zeros(members, 1, out_features)) if bias else None

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draws the weights uniformly from :math:`\\pm 1/\\sqrt{in}`."""
        bound = 1 / math.sqrt(max(self.weight.shape[1], 1))
        with torch.no_grad():
            self.weight.uniform_(-bound, bound, generator=generator)
            if self.bias is not None:
                self.bias.uniform_(-bound, bound, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """Applies the layer."""
        members = self.weight.shape[0]
        shape = x.shape[1:-1]
        flat = x.reshape(x.shape[0], -1, x.shape[-1])
        if x.shape[0] != members:
            flat = flat.expand(members, -1, -1)
        y = torch.bmm(flat, self.weight) if self.bias is None else torch.baddbmm(self.bias, flat, self.weight)
        return y.reshape(members, *shape, self.weight.shape[2])


class Aggregator(NamedTuple):
    """One way to combine the results of a vertex's neighbours; an entry of `AGGREGATORS`.

    Attributes:
        aggregate: Function of the weights of one direction, of the vectors of all vertices,
            ``(members or 1, graphs, vertices, features)``, and of the edges, a `Neighbours`; returns one
            vector for each vertex, ``(members or 1, graphs, vertices, features)``. Padded vertices have no
            edges.
        weights: Function of the number of networks and of features; makes the weights of one direction, a
            module made of `Linear`, whose initial values then come from the seed of the ranker.
        ordered: Whether the result depends on the order in which neighbours are read; training then draws
            the order at random.
        attribute: Attribute of the layer that holds the weights; part of their names in saved files.
    """

    aggregate: Callable[[Any, Tensor, Neighbours], Tensor]
    weights: Callable[[int, int], nn.Module] = lambda members, features: nn.Module()
    ordered: bool = False
    attribute: str = "weights"


AGGREGATORS: Registry[Aggregator] = Registry("aggregator")
"""How vertices combine the results of their neighbours, by name; CONTRIBUTING.md describes how to add one."""

LINEAR = ("mean", "sum")
"""Aggregators that are weighted sums of the neighbours; scoring and export merge them into one product."""


class SAGELayer(nn.Module):
    r"""A GraphSAGE layer.

    .. math::
        h'_v = W_{self} h_v + b + W_{in} \, agg(\{h_u : u \to v\}) + W_{out} \, agg(\{h_w : v \to w\})

    where the last term is present only if ``bidirectional``, and :math:`agg` is one of

    - ``mean``: the mean of the neighbours' vectors, weighted by edge multiplicity;
    - ``sum``: their sum, weighted likewise;
    - ``pool``: :math:`\max_u \mathrm{ReLU}(W_{pool} h_u + b_{pool})`, element by element;
    - ``lstm``: the last state of an LSTM that reads the neighbours in turn.

    A vertex without neighbours aggregates zeros.

    Args:
        members: Number of networks.
        in_features: Width of the input.
        out_features: Width of the output.
        aggregator: Name in `AGGREGATORS`.
        bidirectional: Whether results also flow from a vertex to its predecessors.

    Shapes:
        - **input:** ``(members or 1, graphs, vertices, in_features)``
        - **output:** ``(members, graphs, vertices, out_features)``

    References:
        Hamilton, Ying, Leskovec: Inductive representation learning on large graphs,
        https://arxiv.org/abs/1706.02216
    """

    def __init__(
        self,
        members: int,
        in_features: int,
        out_features: int,
        aggregator: str = "sum",
        bidirectional: bool = True,
    ) -> None:
        super().__init__()
        self.aggregator = aggregator
        weights = AGGREGATORS[aggregator].weights
        directions = 2 if bidirectional else 1
        self.own = Linear(members, in_features, out_features)
        self.neighbours = nn.ModuleList(
            Linear(members, in_features, out_features, bias=False) for _ in range(directions)
        )
        self.add_module(
            AGGREGATORS[aggregator].attribute,
            nn.ModuleList(weights(members, in_features) for _ in range(directions)),
        )

    @property
    def directions(self) -> int:
        """Number of directions in which results flow: 1, or 2 if bidirectional."""
        return len(self.neighbours)

    def aggregator_weights(self, direction: int) -> nn.Module:
        """The weights of the aggregator along the edges (0) or against them (1)."""
        return self.get_submodule(f"{AGGREGATORS[self.aggregator].attribute}.{direction}")

    def forward(self, x: Tensor, edges: Neighbours) -> Tensor:
        """Applies the layer along ``edges``, and against them if bidirectional."""
        y, aggregate = self.own(x), AGGREGATORS[self.aggregator].aggregate
        for direction, transform in enumerate(self.neighbours):
            weights = self.aggregator_weights(direction)
            y = y + transform(aggregate(weights, x, edges.reversed() if direction else edges))
        return y

    def __repr__(self) -> str:
        members, wide, narrow = self.own.weight.shape
        sizes = f"{wide} -> {narrow}"
        return f"SAGELayer({sizes}, {self.aggregator}, members={members}, directions={self.directions})"


class LSTMWeights(nn.Module):
    """An LSTM for each member whose state is as wide as its input; gates: input, forget, cell, output."""

    def __init__(self, members: int, features: int) -> None:
        super().__init__()
        self.input = Linear(members, features, 4 * features)
        self.state = Linear(members, features, 4 * features)

    def forward(self, x: Tensor, edges: Neighbours) -> Tensor:
        """The last state of each vertex."""
        index, exists = edges.sequence()  # (members or 1, graphs, targets, degree)
        members, features = self.input.weight.shape[0], x.shape[-1]
        gates = self.input(x)  # (members, graphs, vertices, 4 features)
        state = x.new_zeros(members, *x.shape[1:])
        cell = torch.zeros_like(state)
        for step in range(index.shape[-1]):
            source = index[..., step, None].expand(members, *index.shape[1:-1], 4 * features)
            i, f, g, o = (gates.gather(2, source) + self.state(state)).chunk(4, dim=-1)
            next_cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
            next_state = torch.sigmoid(o) * torch.tanh(next_cell)
            # A vertex with fewer neighbours keeps the state after its last one.
            reads = exists[..., step, None]
            cell = torch.where(reads, next_cell, cell)
            state = torch.where(reads, next_state, state)
        return state


def _sum(weights: nn.Module, x: Tensor, edges: Neighbours) -> Tensor:
    return edges.counts.transpose(-1, -2) @ x


def _mean(weights: nn.Module, x: Tensor, edges: Neighbours) -> Tensor:
    counts = edges.counts
    return (counts.transpose(-1, -2) @ x) / counts.sum(-2)[..., None].clamp(min=1)


def _pool_weights(members: int, features: int) -> Linear:
    return Linear(members, features, features)


def _pool(weights: Linear, x: Tensor, edges: Neighbours) -> Tensor:
    x = weights(x).relu()
    exists = (edges.counts > 0).to(x.dtype)
    # One source at a time: all at once would need more memory, by the number of vertices, and more time.
    # After ReLU nothing is below zero, so a factor of zero leaves a source out of the maximum.
    pooled = torch.zeros_like(x)
    for source in range(x.shape[-2]):
        pooled = torch.maximum(pooled, exists[..., source, :, None] * x[..., source, None, :])
    return pooled


def _lstm(weights: LSTMWeights, x: Tensor, edges: Neighbours) -> Tensor:
    return weights(x, edges)


AGGREGATORS.register("mean", Aggregator(_mean))
AGGREGATORS.register("sum", Aggregator(_sum))
AGGREGATORS.register("pool", Aggregator(_pool, _pool_weights, attribute="pool"))
AGGREGATORS.register("lstm", Aggregator(_lstm, LSTMWeights, ordered=True, attribute="gates"))

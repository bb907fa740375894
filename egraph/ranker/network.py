"""The graph neural network of the ranker: SAGE layers, read-out, embedding and head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from egraph.encoding import Encoding
from egraph.errors import UsageError
from egraph.ranker.heads import HEADS, PairHead
from egraph.ranker.readout import read_out, readout_width
from egraph.ranker.sage import AGGREGATORS, Linear, Neighbours, SAGELayer

__all__ = ["Graphs", "Join", "Layer", "NetworkShape", "RankerNetwork"]


class Layer(NamedTuple):
    """One SAGE layer of a network whose layers form a free graph.

    Attributes:
        aggregator: one of `AGGREGATORS`.
        width: of its output; None is the width of the network.
        sources: whose results it reads: 0 is the input, ``i`` the i-th layer; None is the one before it. The
            results of several sources are summed. Where they differ in width, those that are narrower than
            the widest pass a learnt projection first.
    """

    aggregator: str
    width: int | None = None
    sources: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """What fixes the weights of a `RankerNetwork`.

    Attributes:
        members: number of networks trained side by side.
        vertex_features: width of a vertex of the encoding.
        graph_features: width of the graph's analytic features; 0 leaves them out.
        layers: each SAGE layer; a name of an aggregator stands for `Layer` with nothing else said.
        width: width of the embedding, and of layers that do not say theirs.
        readout: read-outs, side by side.
        head: one of `HEADS`.
        bidirectional: whether results also flow against the edges.
        dropout: share of the embedding that is dropped while training.
        norm: whether each layer is followed by layer normalisation.
        residual: whether a layer's result is added to its input where widths agree.
        reads: whose results the read-out summarises, numbered and summed like `Layer.sources`; None is the
            last layer.

    Raises:
        UsageError: a name or a number makes no network.
    """

    members: int
    vertex_features: int
    graph_features: int
    layers: tuple[str | Layer, ...]
    width: int
    readout: tuple[str, ...]
    head: str
    bidirectional: bool
    dropout: float
    norm: bool = True
    residual: bool = True
    reads: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not self.layers and self.reads is None:
            raise UsageError("layers must name the aggregator of at least one layer")
        for number, layer in enumerate(self.plan, 1):
            AGGREGATORS[layer.aggregator]  # raises where there is none of that name
            if layer.width is None or layer.width < 1:
                raise UsageError(f"a layer must be at least 1 wide, got {layer.width}")
            _check_sources(f"layer {number}", layer.sources, number - 1)
        _check_sources("the read-out", self.read_sources, len(self.layers))
        if not self.readout:
            raise UsageError("readout must name at least one read-out")
        HEADS[self.head]
        if self.members < 1 or self.width < 1:
            raise UsageError(f"members and width must be at least 1, got {self.members} and {self.width}")
        if not 0 <= self.dropout < 1:
            raise UsageError(f"dropout must be in [0, 1), got {self.dropout}")

    @property
    def plan(self) -> tuple[Layer, ...]:
        """The layers with nothing left unsaid."""
        plan = []
        for number, layer in enumerate(self.layers):
            said = Layer(layer) if isinstance(layer, str) else layer
            width = self.width if said.width is None else said.width
            sources = (number,) if said.sources is None else tuple(sorted(said.sources))
            plan.append(Layer(said.aggregator, width, sources))
        return tuple(plan)

    @property
    def pairwise(self) -> bool:
        """Whether the head reads pairs of embeddings; otherwise it gives one utility an architecture."""
        return HEADS[self.head].reads_pairs

    @property
    def widths(self) -> tuple[int, ...]:
        """Width of the input's vertices, and of those of each layer."""
        return (self.vertex_features, *(layer.width or self.width for layer in self.plan))

    @property
    def read_sources(self) -> tuple[int, ...]:
        """What the read-out summarises."""
        return (len(self.layers),) if self.reads is None else tuple(sorted(self.reads))


class Graphs(NamedTuple):
    """A batch as tensors, each with a leading dimension that is 1 or the number of members.

    Attributes:
        vertices: ``(., graphs, vertices, vertex features)``
        counts: ``(., graphs, vertices, vertices)``
        sizes: ``(., graphs)``
        features: ``(., graphs, graph features)``, standardised.
    """

    vertices: Tensor
    counts: Tensor
    sizes: Tensor
    features: Tensor

    @classmethod
    def of(cls, encoding: Encoding, features: np.ndarray) -> Graphs:
        """The encoding, with features already standardised, shared by all members."""
        return cls(
            torch.from_numpy(encoding.vertices)[None],
            torch.from_numpy(encoding.counts)[None],
            torch.from_numpy(encoding.sizes)[None],
            torch.from_numpy(features.astype(np.float32))[None],
        )

    def take(self, indices: Tensor) -> Graphs:
        """Other graphs for each member, by ``(members, graphs)`` positions."""
        return Graphs(*(part[0][indices] for part in self))


class RankerNetwork(nn.Module):
    """Encodes graphs; the head then compares embeddings.

    Each SAGE layer is followed by layer normalisation (`NetworkShape.norm`) and GELU, and is added to its
    input (`NetworkShape.residual`) where widths agree. What several layers give to one is summed: `Layer`.

    Args:
        shape: the sizes.
        generator: draws the initial weights; None leaves them zero, for weights that are loaded.
    """

    def __init__(self, shape: NetworkShape, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.shape = shape
        members, width, widths, plan = shape.members, shape.width, shape.widths, shape.plan
        joins = [tuple(layer.sources or ()) for layer in plan] + [shape.read_sources]
        met = [max(widths[source] for source in sources) for sources in joins]
        self.layers = nn.ModuleList(
            SAGELayer(members, i, o, layer.aggregator, shape.bidirectional)
            for i, o, layer in zip(met, widths[1:], plan, strict=False)
        )
        self.norms = nn.ModuleList(_LayerNorm(members, o) for o in widths[1:]) if shape.norm else None
        self.joins = nn.ModuleList(
            Join(members, sources, widths, wide) for sources, wide in zip(joins, met, strict=True)
        )
        self.feature_layer = Linear(members, shape.graph_features, width) if shape.graph_features else None
        inner = readout_width(shape.readout, met[-1]) + (width if shape.graph_features else 0)
        self.embedding = Linear(members, inner, width)
        if shape.pairwise:
            self.pair = PairHead(members, width)
        else:
            self.utility = Linear(members, width, 1)
            self.tie = nn.Parameter(torch.full((members,), -2.0))
        if generator is not None:
            for module in self.modules():
                if isinstance(module, Linear):
                    module.reset_parameters(generator)

    def embed(self, graphs: Graphs, generator: torch.Generator | None = None) -> Tensor:
        """Embeddings, ``(members, graphs, width)``.

        Args:
            graphs: the batch.
            generator: given while training only: draws dropout and the order in which an LSTM reads
                neighbours.
        """
        order = None
        if generator is not None and any(AGGREGATORS[layer.aggregator].ordered for layer in self.shape.plan):
            order = torch.rand((self.shape.members, *graphs.vertices.shape[1:3]), generator=generator)
        edges = Neighbours(graphs.counts, order)
        there = torch.arange(graphs.vertices.shape[2]) < graphs.sizes[..., None]
        results = [graphs.vertices]
        for number, layer in enumerate(self.layers):
            x = self.joins[number](results)
            y = layer(x, edges)
            y = functional.gelu(y if self.norms is None else self.norms[number](y)) * there[..., None]
            results.append(x + y if self.shape.residual and x.shape[-1] == y.shape[-1] else y)
        summary = read_out(self.shape.readout, self.joins[-1](results), graphs.sizes)
        summary = summary.expand(self.shape.members, -1, -1)  # where only the input is read out
        if self.feature_layer is not None:
            summary = torch.cat([summary, functional.gelu(self.feature_layer(graphs.features))], dim=-1)
        embedding = functional.gelu(self.embedding(summary))
        if generator is not None and self.shape.dropout:
            keep = torch.rand(embedding.shape, generator=generator) >= self.shape.dropout
            embedding = embedding * keep / (1 - self.shape.dropout)
        return embedding

    def select(self, start: int, stop: int) -> RankerNetwork:
        """Some of the members, as a network of their own."""
        chosen = RankerNetwork(replace(self.shape, members=stop - start))
        chosen.load_state_dict({name: part[start:stop] for name, part in self.state_dict().items()})
        return chosen

    def utilities(self, embedding: Tensor) -> Tensor:
        """One number an embedding, ``(members, graphs)``; not for the pairwise head."""
        return self.utility(embedding)[..., 0]

    def ties(self) -> Tensor:
        """The threshold of the utility head, ``(members,)``, positive."""
        return functional.softplus(self.tie) + 1e-3


class Join(nn.Module):
    """Sums what several layers gave, the narrower ones projected to the widest; one is passed on as it is."""

    def __init__(self, members: int, sources: Sequence[int], widths: Sequence[int], width: int) -> None:
        super().__init__()
        self.sources = tuple(sources)
        self.projections = nn.ModuleDict(
            {
                str(source): Linear(members, widths[source], width, bias=False)
                for source in sources
                if widths[source] != width
            }
        )

    def forward(self, results: Sequence[Tensor]) -> Tensor:
        """The sum for one reader."""
        total: Tensor | None = None
        for source in self.sources:
            x = results[source]
            if str(source) in self.projections:
                x = self.projections[str(source)](x)
            total = x if total is None else total + x
        assert total is not None
        return total


class _LayerNorm(nn.Module):
    """Layer normalisation with weights of its own for each member."""

    def __init__(self, members: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(members, 1, 1, width))
        self.bias = nn.Parameter(torch.zeros(members, 1, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        return functional.layer_norm(x, x.shape[-1:]) * self.weight + self.bias


def _check_sources(reader: str, sources: Sequence[int] | None, last: int) -> None:
    if not sources or len(set(sources)) < len(sources) or not all(0 <= s <= last for s in sources):
        raise UsageError(
            f"{reader} must read one or more of 0 (the input) to {last}, each once, got {list(sources or ())}"
        )

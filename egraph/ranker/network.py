"""The graph neural network of the ranker: SAGE layers, read-out, embedding and head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from egraph.checks import check_whole
from egraph.encoding import Encoding
from egraph.errors import UsageError, shorten
from egraph.ranker.heads import HEADS, PairHead
from egraph.ranker.readout import read_out, readout_width
from egraph.ranker.sage import AGGREGATORS, Linear, Neighbours, SAGELayer

__all__ = ["Graphs", "Join", "Layer", "NetworkShape", "RankerNetwork"]


class Layer(NamedTuple):
    """One SAGE layer of a network whose layers form a free graph.

    Attributes:
        aggregator: Name in `AGGREGATORS`.
        width: Width of the output; None for the width of the network.
        sources: Layers whose results it reads: 0 is the input, ``i`` the i-th layer; None for the layer
            before. The results of several sources are summed; a learnt projection first widens those that
            are narrower than the widest.
    """

    aggregator: str
    width: int | None = None
    sources: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """The hyper-parameters that determine the weights of a `RankerNetwork`.

    Attributes:
        members: Number of networks trained together.
        vertex_features: Width of a vertex of the encoding.
        graph_features: Width of the graph's analytic features; 0 leaves them out.
        layers: SAGE layers; the name of an aggregator stands for a `Layer` with its default values.
        width: Width of the embedding, and of layers without a width of their own.
        readout: Read-outs, which are concatenated.
        head: Name in `HEADS`.
        bidirectional: Whether results also flow against the edges.
        dropout: Share of the embedding that is dropped in training.
        norm: Whether layer normalisation follows each layer.
        residual: Whether the input of a layer is added to its result where the widths agree.
        reads: Layers whose results the read-out summarises, numbered and summed like `Layer.sources`; None
            for the last layer.

    Raises:
        UnknownNameError: An aggregator or the head does not exist.
        UsageError: A value is out of range.
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
            AGGREGATORS[layer.aggregator]  # raises if unknown
            if layer.width is None or layer.width < 1:
                raise UsageError(f"a layer must be at least 1 wide, got {layer.width}")
            _check_sources(f"layer {number}", layer.sources, number - 1)
        _check_sources("the read-out", self.read_sources, len(self.layers))
        if not self.readout:
            raise UsageError("readout must name at least one read-out")
        HEADS[self.head]  # raises if unknown
        if self.members < 1 or self.width < 1:
            raise UsageError(f"members and width must be at least 1, got {self.members} and {self.width}")
        check_whole(1, _LARGEST, members=self.members, width=self.width)
        if not 0 <= self.dropout < 1:
            raise UsageError(f"dropout must be in [0, 1), got {self.dropout}")

    @property
    def plan(self) -> tuple[Layer, ...]:
        """The layers with all values filled in."""
        plan = []
        for number, layer in enumerate(self.layers):
            given = Layer(layer) if isinstance(layer, str) else layer
            width = self.width if given.width is None else given.width
            sources = (number,) if given.sources is None else tuple(sorted(given.sources))
            plan.append(Layer(given.aggregator, width, sources))
        return tuple(plan)

    @property
    def pairwise(self) -> bool:
        """Whether the head reads pairs of embeddings; otherwise it gives utilities."""
        return HEADS[self.head].reads_pairs

    @property
    def widths(self) -> tuple[int, ...]:
        """Width of the vertices in the input and behind each layer."""
        return (self.vertex_features, *(layer.width or self.width for layer in self.plan))

    @property
    def read_sources(self) -> tuple[int, ...]:
        """Layers whose results the read-out summarises."""
        return (len(self.layers),) if self.reads is None else tuple(sorted(self.reads))


_MOST_PADDED = 64
"""Graphs up to this size are padded to one size."""

_LARGEST = 2**20
"""Largest number of members, and largest width."""

_LIKE = 2.0
"""Ratio of sizes up to which larger graphs are padded to one size."""


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
        """Makes a batch, shared by all members, of an encoding and of its standardised features."""
        return cls(
            torch.from_numpy(encoding.vertices)[None],
            torch.from_numpy(encoding.counts)[None],
            torch.from_numpy(encoding.sizes)[None],
            torch.from_numpy(features.astype(np.float32))[None],
        )

    def take(self, indices: Tensor) -> Graphs:
        """Selects graphs for each member by ``(members, graphs)`` positions."""
        return Graphs(*(part[0][indices] for part in self))

    def take_by_size(self, indices: Tensor) -> tuple[Tensor, list[Graphs]]:
        """Selects graphs for each member, those of like size together where padding would take much time.

        Returns:
            The ``(members, graphs)`` positions in the order of the result, and the graphs in one batch or
            several.
        """
        if self.vertices.shape[2] <= _MOST_PADDED:
            return indices, [self.take(indices)]
        sizes, order = self.sizes[0][indices].sort(dim=1, descending=True)
        indices = indices.gather(1, order)
        largest, batches, start = sizes.amax(dim=0).tolist(), [], 0
        for stop in range(1, len(largest) + 1):
            if stop == len(largest) or largest[stop] * _LIKE < largest[start]:
                size = largest[start]
                trimmed = Graphs(
                    self.vertices[:, :, :size], self.counts[:, :, :size, :size], self.sizes, self.features
                )
                batches.append(trimmed.take(indices[:, start:stop]))
                start = stop
        return indices, batches


class RankerNetwork(nn.Module):
    """Embeds graphs; the head then compares embeddings.

    Layer normalisation (`NetworkShape.norm`) and GELU follow each SAGE layer, and its input is added
    (`NetworkShape.residual`) where the widths agree. The results of several sources are summed; see `Layer`.

    Args:
        shape: Hyper-parameters.
        generator: Generator of the initial weights; None leaves them zero, to be loaded.
    """

    def __init__(self, shape: NetworkShape, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.shape = shape
        members, width, widths, plan = shape.members, shape.width, shape.widths, shape.plan
        joins = [tuple(layer.sources or ()) for layer in plan] + [shape.read_sources]
        joined = [max(widths[source] for source in sources) for sources in joins]  # widths
        self.layers = nn.ModuleList(
            SAGELayer(members, i, o, layer.aggregator, shape.bidirectional)
            for i, o, layer in zip(joined, widths[1:], plan, strict=False)
        )
        self.norms = nn.ModuleList(_LayerNorm(members, o) for o in widths[1:]) if shape.norm else None
        self.joins = nn.ModuleList(
            Join(members, sources, widths, wide) for sources, wide in zip(joins, joined, strict=True)
        )
        self.feature_layer = Linear(members, shape.graph_features, width) if shape.graph_features else None
        inner = readout_width(shape.readout, joined[-1]) + (width if shape.graph_features else 0)
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

    def embed(self, graphs: Graphs | Sequence[Graphs], generator: torch.Generator | None = None) -> Tensor:
        """Embeddings, ``(members, graphs, width)``.

        Args:
            graphs: Batch, or several that are embedded as one.
            generator: Generator of dropout and of the order in which neighbours are read; for training only.
        """
        batches = [graphs] if isinstance(graphs, Graphs) else graphs
        embedding = torch.cat([self._embed_batch(batch, generator) for batch in batches], dim=1)
        if generator is not None and self.shape.dropout:
            keep = torch.rand(embedding.shape, generator=generator) >= self.shape.dropout
            embedding = embedding * keep / (1 - self.shape.dropout)
        return embedding

    def _embed_batch(self, graphs: Graphs, generator: torch.Generator | None) -> Tensor:
        order = None
        if generator is not None and any(AGGREGATORS[layer.aggregator].ordered for layer in self.shape.plan):
            order = torch.rand((self.shape.members, *graphs.vertices.shape[1:3]), generator=generator)
        edges = Neighbours(graphs.counts, order)
        exists = torch.arange(graphs.vertices.shape[2]) < graphs.sizes[..., None]
        results = [graphs.vertices]
        for number, layer in enumerate(self.layers):
            x = self.joins[number](results)
            y = layer(x, edges)
            y = functional.gelu(y if self.norms is None else self.norms[number](y)) * exists[..., None]
            results.append(x + y if self.shape.residual and x.shape[-1] == y.shape[-1] else y)
        summary = read_out(self.shape.readout, self.joins[-1](results), graphs.sizes)
        summary = summary.expand(self.shape.members, -1, -1)  # where only the input is read out
        if self.feature_layer is not None:
            summary = torch.cat([summary, functional.gelu(self.feature_layer(graphs.features))], dim=-1)
        return functional.gelu(self.embedding(summary))

    def select(self, start: int, stop: int) -> RankerNetwork:
        """The members from ``start`` to ``stop`` as a separate network."""
        chosen = RankerNetwork(replace(self.shape, members=stop - start))
        chosen.load_state_dict({name: part[start:stop] for name, part in self.state_dict().items()})
        return chosen

    def utilities(self, embedding: Tensor) -> Tensor:
        """Utilities of embeddings, ``(members, graphs)``; not for heads that read pairs."""
        return self.utility(embedding)[..., 0]

    def ties(self) -> Tensor:
        """Positive threshold of the utility head, ``(members,)``."""
        return functional.softplus(self.tie) + 1e-3


class Join(nn.Module):
    """Sums the results of several layers, projected to the widest; a single result is passed on unchanged."""

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
        """Sums the results of the sources."""
        total: Tensor | None = None
        for source in self.sources:
            x = results[source]
            if str(source) in self.projections:
                x = self.projections[str(source)](x)
            total = x if total is None else total + x
        assert total is not None
        return total


class _LayerNorm(nn.Module):
    """Layer normalisation with separate weights for each member."""

    def __init__(self, members: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(members, 1, 1, width))
        self.bias = nn.Parameter(torch.zeros(members, 1, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        return functional.layer_norm(x, x.shape[-1:]) * self.weight + self.bias


def _check_sources(reader: str, sources: Sequence[int] | None, last: int) -> None:
    if sources and not all(isinstance(source, int) for source in sources):
        raise UsageError(f"{reader} reads layers by their numbers, got {shorten(sources)}")
    if not sources or len(set(sources)) < len(sources) or not all(0 <= s <= last for s in sources):
        raise UsageError(
            f"{reader} must read one or more of 0 (the input) to {last}, each once, got {list(sources or ())}"
        )

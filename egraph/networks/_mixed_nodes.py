"""The cell of a supernet: nodes that join mixed layers of all nodes before them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

__all__ = ["Make", "Mix", "MixedNodes", "add", "concatenate"]

Make = Callable[[str, int], nn.Module]
"""Makes the layer of an option that reads and gives this number of channels."""

Mix = Callable[[str, Make, int], nn.Module]
"""Makes the layer that mixes the options of a position: called with its name, a `Make` and the channels.

The channels are 0 where the layers have the one width that their maker gives them.
"""


def add(terms: list[Tensor]) -> Tensor:
    """The sum of results of one shape."""
    return sum(terms[1:], start=terms[0])


def concatenate(terms: list[Tensor]) -> Tensor:
    """The results of different channels side by side."""
    return torch.cat(terms, dim=1)


class MixedNodes(nn.Module):
    """Nodes in a row; each joins a mixed layer of each node before it. The last one is the result.

    Args:
        inputs: Number of results that the cell reads; they are its first nodes.
        nodes: Number of further nodes.
        prefix: What the names of the edges begin with.
        make_edge: Makes the layer of an edge, of its name and the number of the node that it reads.
        join: Makes a node of the results of its layers.

    Shapes:
        - input: ``inputs`` tensors ``(batch, channels, height, width)``
        - output: as the layers give it
    """

    def __init__(
        self,
        inputs: int,
        nodes: int,
        prefix: str,
        make_edge: Callable[[str, int], nn.Module],
        join: Callable[[list[Tensor]], Tensor] = add,
    ) -> None:
        super().__init__()
        self._join = join
        self.edges = nn.ModuleList(
            nn.ModuleList(make_edge(f"{prefix}{source}->{node}", source) for source in range(node))
            for node in range(inputs, inputs + nodes)
        )

    def forward(self, *inputs: Tensor) -> Tensor:
        """The last node."""
        return self.compute(*inputs)[-1]

    def compute(self, *inputs: Tensor) -> list[Tensor]:
        """All nodes, those that the cell reads included."""
        results = list(inputs)
        for edges in self.edges:
            assert isinstance(edges, nn.ModuleList)
            terms = [edge(result) for edge, result in zip(edges, results, strict=True)]
            results.append(self._join(terms))
        return results

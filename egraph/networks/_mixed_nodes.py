"""The cell of a supernet: nodes that sum mixed layers of all nodes before them."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

__all__ = ["MixedNodes", "edge_name"]


class MixedNodes(nn.Module):
    """Nodes in a row; each is the sum of a mixed layer of each node before it. The last one is the result.

    Args:
        inputs: Number of results that the cell reads; they are its first nodes.
        nodes: Number of further nodes.
        prefix: What the names of the edges begin with.
        make_edge: Makes the layer of an edge, of its name and the number of the node that it reads.

    Shapes:
        - input: ``inputs`` tensors ``(batch, channels, height, width)``
        - output: as the layers give it
    """

    def __init__(
        self, inputs: int, nodes: int, prefix: str, make_edge: Callable[[str, int], nn.Module]
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.edges = nn.ModuleList(
            nn.ModuleList(make_edge(edge_name(prefix, source, node), source) for source in range(node))
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
            results.append(sum(terms[1:], start=terms[0]))
        return results


def edge_name(prefix: str, source: int, node: int) -> str:
    """The name of the edge between two nodes of a cell."""
    return f"{prefix}{source}->{node}"

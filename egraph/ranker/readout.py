"""Read-outs: from the vectors of a graph's vertices to one vector for the graph."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from egraph.registry import Registry

__all__ = ["READOUTS", "ReadOut", "read_out", "readout_width"]


class ReadOut(NamedTuple):
    """One way to summarise the vertices of a graph; an entry of `READOUTS`.

    Attributes:
        summarise: Function of the vectors of the vertices, ``(members, graphs, vertices, width)``, of which
            vertices exist, ``(members or 1, graphs, vertices, 1)``, and of the number of vertices,
            ``(members or 1, graphs)``; returns ``(members, graphs, parts * width)``.
        parts: Width of the summary, in widths of a vertex.
    """

    summarise: Callable[[Tensor, Tensor, Tensor], Tensor]
    parts: int = 1


READOUTS: Registry[ReadOut] = Registry("read-out")
"""Summaries of a graph by name; CONTRIBUTING.md describes how to add one.

``output`` takes the output vertex; ``sortK`` the K vertices whose last feature is largest, in order.
"""


def readout_width(names: tuple[str, ...], width: int) -> int:
    """Width of the result of `read_out` for vertices of the given width.

    Raises:
        UnknownNameError: A read-out does not exist.
    """
    return sum(width * READOUTS[name].parts for name in names)


def read_out(names: tuple[str, ...], x: Tensor, sizes: Tensor) -> Tensor:
    """Summarises the vertices of each graph; the summaries of all names are concatenated.

    Args:
        names: Names in `READOUTS`.
        x: Vectors of the vertices, ``(members, graphs, vertices, width)``.
        sizes: Number of vertices of each graph, ``(members or 1, graphs)``; later vertices are padding.

    Returns:
        ``(members, graphs, readout_width(names, width))``

    References:
        Zhang, Cui, Neumann, Chen: An end-to-end deep learning architecture for graph classification
        (SortPooling), AAAI 2018
    """
    exists = (torch.arange(x.shape[2], device=x.device) < sizes[..., None])[
        ..., None
    ]  # (., graphs, vertices, 1)
    return torch.cat([READOUTS[name].summarise(x, exists, sizes) for name in names], dim=-1)


def _max(x: Tensor, exists: Tensor, sizes: Tensor) -> Tensor:
    return torch.where(exists, x, -torch.inf).amax(dim=2)


def _sum(x: Tensor, exists: Tensor, sizes: Tensor) -> Tensor:
    return (x * exists).sum(dim=2)


def _mean(x: Tensor, exists: Tensor, sizes: Tensor) -> Tensor:
    return (x * exists).sum(dim=2) / sizes[..., None]


def _output(x: Tensor, exists: Tensor, sizes: Tensor) -> Tensor:
    members, graphs, _, width = x.shape
    last = (sizes - 1)[..., None, None].expand(members, graphs, 1, width)
    return x.gather(2, last)[:, :, 0]


def _sort(count: int, x: Tensor, exists: Tensor, sizes: Tensor) -> Tensor:
    members, graphs, _, width = x.shape
    key = torch.where(exists, x[..., -1:], -torch.inf)[..., 0]
    # Stable, so that vertices which tie stay in their canonical order.
    first = key.sort(dim=-1, descending=True, stable=True).indices[..., :count]
    chosen = (x * exists).gather(2, first[..., None].expand(members, graphs, first.shape[-1], width))
    # Graphs with fewer vertices are filled up with zeros.
    filled = torch.nn.functional.pad(chosen, (0, 0, 0, count - first.shape[-1]))
    return filled.reshape(members, graphs, count * width)


READOUTS.register("max", ReadOut(_max))
READOUTS.register("mean", ReadOut(_mean))
READOUTS.register("sum", ReadOut(_sum))
READOUTS.register("output", ReadOut(_output))
for _count in (1, 2, 3):
    READOUTS.register(f"sort{_count}", ReadOut(partial(_sort, _count), _count))

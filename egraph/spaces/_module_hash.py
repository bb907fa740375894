"""A fast version of the hash by which NAS-Bench-101 identifies a cell."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

try:  # the set-up of hashlib's md5 (OpenSSL) takes three times as long as the hash of so short a text
    from _md5 import md5  # type: ignore[import-not-found,unused-ignore]
except ImportError:
    from hashlib import md5

__all__ = ["Wiring", "module_hash", "wiring"]


class Wiring(NamedTuple):
    """The edges of a cell in the form that `module_hash` reads.

    Attributes:
        degrees: Number of edges that leave and enter each vertex.
        few: Vertices with at most two edges in and at most two out, each with its two sources and its two
            targets; -1 stands for none.
        many: The other vertices, each with all its sources and all its targets.
    """

    degrees: tuple[tuple[int, int], ...]
    few: tuple[tuple[int, int, int, int, int], ...]
    many: tuple[tuple[int, tuple[int, ...], tuple[int, ...]], ...]


def wiring(num_vertices: int, edges: Sequence[tuple[int, int]]) -> Wiring:
    """Prepares the edges of a cell for `module_hash`."""
    sources: list[list[int]] = [[] for _ in range(num_vertices)]
    targets: list[list[int]] = [[] for _ in range(num_vertices)]
    for i, j in edges:
        sources[j].append(i)
        targets[i].append(j)
    few, many = [], []
    for vertex, (ins, outs) in enumerate(zip(sources, targets, strict=True)):
        if len(ins) <= 2 and len(outs) <= 2:
            a, b = (*ins, -1, -1)[:2]
            c, d = (*outs, -1, -1)[:2]
            few.append((vertex, a, b, c, d))
        else:
            many.append((vertex, tuple(ins), tuple(outs)))
    degrees = tuple((len(outs), len(ins)) for ins, outs in zip(sources, targets, strict=True))
    return Wiring(degrees, tuple(few), tuple(many))


def module_hash(wires: Wiring, labels: Sequence[int]) -> str:
    """The published hash of a cell, 32 hexadecimal digits.

    Starts with a digest of the degrees and label of each vertex. Then, as many times as there are vertices,
    it replaces each digest by that of the sorted digests of its sources, those of its targets, and its own.

    Args:
        wires: Edges of the cell.
        labels: Label of each vertex: -1 input, -2 output, otherwise the position of its operation in
            conv3x3-bn-relu, conv1x1-bn-relu, maxpool3x3.
    """
    # Index -1, a missing neighbour, reads the last entry, which adds nothing to the text.
    digests = [_first(*degrees, label) for degrees, label in zip(wires.degrees, labels, strict=True)] + [""]
    _, few, many = wires
    for _ in labels:
        following = digests.copy()
        for vertex, i, j, k, m in few:
            a, b, c, d = digests[i], digests[j], digests[k], digests[m]
            if a > b:
                a, b = b, a
            if c > d:
                c, d = d, c
            following[vertex] = md5(f"{a}{b}|{c}{d}|{digests[vertex]}".encode()).hexdigest()
        for vertex, ins, outs in many:
            before = "".join(sorted([digests[v] for v in ins]))
            after = "".join(sorted([digests[v] for v in outs]))
            following[vertex] = md5(f"{before}|{after}|{digests[vertex]}".encode()).hexdigest()
        digests = following
    return md5(str(sorted(digests[:-1])).encode()).hexdigest()


@lru_cache(maxsize=1024)
def _first(out_degree: int, in_degree: int, label: int) -> str:
    return md5(str((out_degree, in_degree, label)).encode()).hexdigest()

"""Runs of equal blocks become one block each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from egraph.tracing.sketch import JOINS, Sketch, Vertex

__all__ = ["fold_runs"]

_Signature = tuple[tuple[Any, ...], ...]
_Run = tuple[int, int, int]
"""The first segment of a run, the number of segments in a block, and of blocks."""
_Source = tuple[int, int]
"""What a vertex reads: (0, its place in the block), the entrance of the block, or (1, a shared result)."""

_ENTRANCE: _Source = (0, 0)
_INPUT: _Source = (1, 0)
_MOST_SHARED, _CANDIDATES, _FIRST, _SHORT = 4, 8, 8, 3


def fold_runs(sketch: Sketch, inputs: int = 1) -> None:
    """Keeps one block of every run of equal blocks, with the parameters and FLOPs of all of them.

    A block lies between two vertices that every path from input to output visits. Two blocks are equal if the
    same operations, with the same channels and resolution, are joined in the same way. A single operation is
    no block, so that the depth of a plain chain stays visible. Of overlapping runs, the one that covers most
    is folded first, and of these the one with the shorter blocks; folded blocks may form runs again.

    Each block may read the input too, as a mask or as a step of a series, if more blocks are then equal. In
    networks of several inputs that holds for a few other results, such as those of an encoder.

    Args:
        sketch: Sketch to change.
        inputs: Number of tensors that the network takes.
    """
    while runs := _find_blocks(sketch, inputs):
        for blocks in runs:
            for copies in zip(*blocks, strict=True):
                for copy in copies[1:]:
                    copies[0].take_over(copy)
                    copies[0].channels = copy.channels
                copies[0].repeats *= len(blocks)
            sketch.replace(blocks[-1][-1], blocks[0][-1])
        sketch.prune()


def _find_blocks(sketch: Sketch, inputs: int) -> list[list[list[Vertex]]]:
    """The runs that are folded next: for each, the vertices of its blocks."""
    best = _Plan(sketch, ())
    shared: tuple[Vertex, ...] = (sketch.vertices[0],)
    # Where the input is read far behind it, everything before belongs to the first segment.
    if len(best.segments[0]) > _SHORT:
        others = (_Plan(sketch, shared, first) for first in range(1, _FIRST))
        best = max((best, *others), key=lambda plan: plan.covered)
    if inputs > 1:
        first = best.first
        for vertex in _read_far_behind(sketch):
            more = _Plan(sketch, (*shared, vertex), first)
            if len(shared) <= _MOST_SHARED and more.covered > best.covered:
                best, shared = more, more.shared
    return best.blocks()


def _read_far_behind(sketch: Sketch) -> list[Vertex]:
    """The vertices whose results are read farthest behind them."""
    number_of = {vertex: number for number, vertex in enumerate(sketch.vertices)}
    span = dict.fromkeys(sketch.vertices, 0)
    for vertex in sketch.vertices:
        for source in vertex.inputs:
            span[source] = number_of[vertex] - number_of[source]
    return sorted(sketch.vertices[1:-1], key=lambda v: -span[v])[:_CANDIDATES]


class _Plan:
    """A way to cut a sketch into segments, and the runs of equal blocks in them.

    Args:
        sketch: Sketch.
        shared: Results that any block may read, the input first.
        first: Number of segments that form the first one, whose entrance may be the input.
    """

    def __init__(self, sketch: Sketch, shared: tuple[Vertex, ...], first: int = 1) -> None:
        self.shared, self.first = shared, first
        segments = _segments(sketch, shared)
        self.segments = [[v for segment in segments[:first] for v in segment], *segments[first:]]
        self.runs = _find_runs(_signatures(self.segments, shared))
        self.covered = sum(
            sum(map(len, self.segments[start : start + length])) * (count - 1)
            for start, length, count in self.runs
        )
        """Number of vertices that folding removes."""

    def blocks(self) -> list[list[list[Vertex]]]:
        """For each run, the vertices of its blocks."""
        return [
            [
                [v for segment in self.segments[start + i * length :][:length] for v in segment]
                for i in range(count)
            ]
            for start, length, count in self.runs
        ]


def _segments(sketch: Sketch, shared: Sequence[Vertex]) -> list[list[Vertex]]:
    """The interior vertices, cut behind every vertex that all paths visit but those from shared results."""
    number_of = {vertex: number for number, vertex in enumerate(sketch.vertices)}
    furthest = [0] * len(sketch.vertices)  # for each vertex, its last reader
    for vertex in sketch.vertices:
        for source in vertex.inputs:
            if source not in shared:
                furthest[number_of[source]] = number_of[vertex]
    segments: list[list[Vertex]] = [[]]
    reach = furthest[0]
    for number, vertex in enumerate(sketch.vertices[1:-1], start=1):
        segments[-1].append(vertex)
        # No earlier result is read behind this vertex.
        if reach <= number:
            segments.append([])
        reach = max(reach, furthest[number])
    return [segment for segment in segments if segment]


def _signatures(segments: Sequence[Sequence[Vertex]], shared: Sequence[Vertex]) -> list[_Signature]:
    """A value for each block that is equal for equal blocks.

    Channels of joins and pools are left out: they follow from the input, which in a first block may have any
    width.
    """
    common: dict[Vertex, _Source] = {vertex: (1, place) for place, vertex in enumerate(shared)}
    signatures = []
    for segment in segments:
        position: dict[Vertex, _Source] = {v: (0, place) for place, v in enumerate(segment, start=1)}
        signatures.append(
            tuple(
                (
                    (v.kind, v.label, v.kernel, v.stride, v.groups, v.expansion, v.padded),
                    (v.pixels, v.repeats),
                    0 if v.kind in (*JOINS, "max-pool", "avg-pool") else v.channels,
                    tuple(sorted({position.get(s, common.get(s, _ENTRANCE)) for s in v.inputs})),
                )
                for v in segment
            )
        )
    return signatures


def _enter_by_input(signature: _Signature) -> _Signature:
    """The signature that a block has as the first one, whose entrance is the input."""
    return tuple(
        (*rest, tuple(sorted({_INPUT if source == _ENTRANCE else source for source in sources})))
        for *rest, sources in signature
    )


def _find_runs(signatures: Sequence[_Signature]) -> list[_Run]:
    """Runs of equal blocks: the first segment, the segments in a block, and the number of blocks."""
    codes: dict[_Signature, int] = {}
    numbers = [codes.setdefault(signature, len(codes)) for signature in signatures]
    entered = [codes.get(_enter_by_input(signature), -1) for signature in signatures]
    single = [len(signature) == 1 for signature in signatures]
    # Beside blocks that follow each other there are towers, of which each begins at the input.
    follows = [any(_ENTRANCE in vertex[-1] for vertex in signature) for signature in signatures]
    runs: list[_Run] = []
    start = 0
    while start < len(numbers):
        length, count = _longest_run(numbers, entered if start == 0 else numbers, single, follows, start)
        if count > 1:
            runs.append((start, length, count))
        start += length * count if count > 1 else 1
    return runs


def _longest_run(
    numbers: Sequence[int],
    entered: Sequence[int],
    single: Sequence[bool],
    follows: Sequence[bool],
    start: int,
) -> tuple[int, int]:
    """The number of segments in a block and of blocks, for the run from ``start`` that covers most."""
    best, most = (0, 1), 0
    for length in range(1, (len(numbers) - start) // 2 + 1):
        second = start + length
        if numbers[start] != entered[second] and numbers[start] != numbers[second]:
            continue
        block = numbers[second : second + length]
        if numbers[start + 1 : second] != block[1:] or not all(follows[second : second + length]):
            continue
        count = 2
        while numbers[start + count * length : start + (count + 1) * length] == block:
            count += 1
        is_chain = len(set(block)) == 1 and all(single[start : start + length])
        if not is_chain and count * length > most:
            best, most = (length, count), count * length
    return best

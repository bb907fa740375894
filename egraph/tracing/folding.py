"""Runs of equal blocks become one block each."""

from __future__ import annotations

from egraph.tracing.sketch import JOINS, Sketch, Vertex

__all__ = ["fold_runs"]

_Signature = tuple[tuple[object, ...], ...]


def fold_runs(sketch: Sketch) -> None:
    """Keeps one block of every run of equal blocks, with the parameters and FLOPs of all of them.

    A block lies between two vertices that every path from input to output visits. Two blocks are equal if the
    same operations, with the same channels and resolution, are joined in the same way. A single operation is
    no block, so that the depth of a plain chain stays visible. Of overlapping runs, the one that covers most
    is folded first, and of these the one with the shorter blocks; folded blocks may form runs again.
    """
    while _fold_once(sketch):
        sketch.prune()


def _fold_once(sketch: Sketch) -> bool:
    segments = _segments(sketch)
    signatures = [_signature(segment) for segment in segments]
    start, folded = 0, False
    while start < len(segments):
        length, count = _longest_run(signatures, start)
        if count < 2:
            start += 1
            continue
        blocks = [
            [v for segment in segments[start + i * length : start + (i + 1) * length] for v in segment]
            for i in range(count)
        ]
        for copies in zip(*blocks, strict=True):
            for copy in copies[1:]:
                copies[0].take_over(copy)
                copies[0].channels = copy.channels
            copies[0].repeats *= count
        sketch.replace(blocks[-1][-1], blocks[0][-1])
        start, folded = start + count * length, True
    return folded


def _segments(sketch: Sketch) -> list[list[Vertex]]:
    """The interior vertices, cut behind every vertex that all paths from input to output visit."""
    number_of = {vertex: number for number, vertex in enumerate(sketch.vertices)}
    furthest = [0] * len(sketch.vertices)  # for each vertex, its last reader
    for vertex in sketch.vertices:
        for source in vertex.inputs:
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


def _signature(segment: list[Vertex]) -> _Signature:
    """A value that is equal for equal blocks; inputs are positions in the block, and 0 is its entrance.

    Channels of joins and pools are left out: they follow from the input, which in a first block may have any
    width.
    """
    position = {vertex: number for number, vertex in enumerate(segment, start=1)}
    return tuple(
        (
            *(
                v.kind,
                v.label,
                0 if v.kind in (*JOINS, "max-pool", "avg-pool") else v.channels,
                v.pixels,
                v.kernel,
                v.stride,
                v.groups,
                v.expansion,
                v.padded,
                v.repeats,
            ),
            *sorted(position.get(source, 0) for source in v.inputs),
        )
        for v in segment
    )


def _longest_run(signatures: list[_Signature], start: int) -> tuple[int, int]:
    """The number of segments in a block and of blocks, for the run from ``start`` that covers most."""
    best, most = (0, 1), 0
    for length in range(1, (len(signatures) - start) // 2 + 1):
        block = signatures[start : start + length]
        count = 1
        while signatures[start + count * length : start + (count + 1) * length] == block:
            count += 1
        vertices = sum(map(len, block))
        is_chain = len({vertex for signature in block for vertex in signature}) == 1 and vertices == length
        if count > 1 and not is_chain and count * length > most:
            best, most = (length, count), count * length
    return best

"""Runs of equal blocks as one block each."""

from __future__ import annotations

from egraph.tracing.sketch import JOINS, Sketch, Vertex

__all__ = ["fold_runs"]

_Signature = tuple[tuple[object, ...], ...]


def fold_runs(sketch: Sketch) -> None:
    """Keeps one of every run of equal blocks; its vertices hold the parameters and FLOPs of all of them.

    A block reaches from one result that is the only way onward to a later such result. Two are equal when the
    same operations, of the same channels and resolution, are joined in the same way. A single operation is no
    block: the depth of a plain chain remains. Where runs overlap the one that covers most comes first, of
    these the one of the shorter blocks; then folded blocks may make up runs again.
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
    """The interior vertices, cut behind every one that all ways from input to output visit."""
    place = {vertex: number for number, vertex in enumerate(sketch.vertices)}
    furthest = [0] * len(sketch.vertices)  # of each vertex: the last one that takes its result
    for vertex in sketch.vertices:
        for source in vertex.inputs:
            furthest[place[source]] = place[vertex]
    segments: list[list[Vertex]] = [[]]
    reach = furthest[0]
    for number, vertex in enumerate(sketch.vertices[1:-1], start=1):
        segments[-1].append(vertex)
        # Whatever stands before it reaches no further than to it.
        if reach <= number:
            segments.append([])
        reach = max(reach, furthest[number])
    return [segment for segment in segments if segment]


def _signature(segment: list[Vertex]) -> _Signature:
    """What equal blocks have in common; inputs by their place in the block, its entrance as 0.

    Channels of joins and pools are those of what they take, and in a first block that may be of any width.
    """
    place = {vertex: number for number, vertex in enumerate(segment, start=1)}
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
            *sorted(place.get(source, 0) for source in v.inputs),
        )
        for v in segment
    )


def _longest_run(signatures: list[_Signature], start: int) -> tuple[int, int]:
    """Segments of a block and number of blocks, of the run from ``start`` that covers most."""
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

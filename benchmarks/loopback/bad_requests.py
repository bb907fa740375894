"""Invalid requests, each with the expected status."""

from __future__ import annotations

import json
from typing import NamedTuple

SCORE = "/v1/score"
GRAPH = {"ops": ["input", "output"], "edges": [[0, 1]]}


class Bad(NamedTuple):
    """One invalid request and the expected response; ``pointer`` is the field it must name, if any."""

    name: str
    body: bytes
    status: int
    pointer: str | None = None
    path: str = SCORE
    method: str = "POST"
    headers: dict[str, str] = {}  # noqa: RUF012 - never written


def bad_requests(size: int, depth: int) -> list[Bad]:
    """All invalid requests.

    Args:
        size: Number of vertices of the oversized architecture, and of characters of the long text.
        depth: Depth of nested JSON.
    """
    return [*_no_json(depth), *_wrong_fields(), *_wrong_graphs(size), *_wrong_http()]


def raw_requests() -> dict[str, tuple[bytes, int]]:
    """Bytes that are not valid HTTP, by name, each with the expected status."""
    post = "POST /v1/score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    chunk = b"%x\r\n" % (6 << 20) + bytes(6 << 20) + b"\r\n0\r\n\r\n"
    return {
        "a greeting of TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), 400),
        "no HTTP": (b"hello\r\n\r\n", 400),
        "a negative length": (f"{post}Content-Length: -1\r\n\r\n".encode(), 400),
        "a length beyond numbers": (f"{post}Content-Length: {10**30}\r\n\r\n".encode(), 400),
        "two lengths": (f"{post}Content-Length: 1\r\nContent-Length: 2\r\n\r\n12".encode(), 400),
        "length and chunks": (
            f"{post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode(),
            400,
        ),
        "a chunk of nothing": (f"{post}Transfer-Encoding: chunked\r\n\r\nzz\r\n".encode(), 400),
        "a body that grows": (f"{post}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk, 413),
        "a long header": (f"{post}X: {'a' * 200_000}\r\n\r\n".encode(), 431),
        "many headers": ((post + "X: 1\r\n" * 200_000 + "\r\n").encode(), 431),
    }


def _score(*graphs: object, **rest: object) -> bytes:
    return json.dumps({"architectures": list(graphs), **rest}, separators=(",", ":")).encode()


def _graph(ops: object, edges: object) -> bytes:
    return _score({"ops": ops, "edges": edges})


def _no_json(depth: int) -> list[Bad]:
    nested = b"[" * depth
    return [
        Bad("nothing", b"", 400),
        Bad("cut short", b'{"architectures":[{"ops":["input","ou', 400),
        Bad("two documents", b"{}{}", 400),
        Bad("not UTF-8", b'{"architectures":["\xff\xfe"]}', 400),
        Bad("NUL bytes", bytes(1000), 400),
        Bad("NaN", b'{"architectures":[{"ops":["input","output"],"edges":[[0,NaN]]}]}', 400),
        Bad("Infinity as level", b'{"architectures":["x"],"level":Infinity}', 400),
        Bad("nested without end", nested, 400),
        Bad("nested and closed", nested + b"]" * depth, 400),
        Bad("nested objects", b'{"a":' * depth + b"1" + b"}" * depth, 400),
        Bad("nested in a field", b'{"architectures":[' + nested + b"]" * depth + b"]}", 400),
        Bad(
            "half a surrogate pair",
            b'{"architectures":[{"ops":["input","\\ud800","output"],"edges":[]}]}',
            400,
        ),
        Bad("a list", b"[]", 422, ""),
        Bad("a number", b"1", 422, ""),
        Bad("null", b"null", 422, ""),
    ]


def _wrong_fields() -> list[Bad]:
    return [
        Bad("no field", b"{}", 422, "/architectures"),
        Bad("another field", _score(GRAPH, scores=[]), 422, "/scores"),
        Bad("a number for a list", b'{"architectures":3}', 422, "/architectures"),
        Bad("no architectures", _score(), 422, "/architectures"),
        Bad("null for one", _score(GRAPH, None), 422, "/architectures/1"),
        Bad("a list for one", _score(GRAPH, []), 422, "/architectures/1"),
        Bad("level of text", _score(GRAPH, level="0.8"), 422, "/level"),
        Bad("level of one", _score(GRAPH, level=1), 422, "/level"),
        Bad("level beyond numbers", b'{"architectures":["x"],"level":1e999}', 422, "/level"),
        Bad("space of a list", _score(GRAPH, space=[1]), 422, "/space"),
        Bad("space of nobody", _score(GRAPH, space="nowhere"), 422, "/space"),
        Bad("top beyond numbers", b'{"architectures":["x"],"top":1e999}', 422, "/top", path="/v1/rank"),
        Bad("top of nothing", _score(GRAPH, top=0), 422, "/top", path="/v1/rank"),
        Bad(
            "a pair of one",
            json.dumps({"pairs": [{"a": GRAPH}]}).encode(),
            422,
            "/pairs/0/b",
            path="/v1/compare",
        ),
        Bad("pairs of lists", b'{"pairs":[[1,2]]}', 422, "/pairs/0", path="/v1/compare"),
        Bad("neighbours of none", b'{"architecture":null}', 422, "/architecture", path="/v1/neighbors"),
        Bad("a picture of none", b'{"architecture":3}', 422, "/architecture", path="/v1/draw"),
    ]


def _wrong_graphs(size: int) -> list[Bad]:
    here = "/architectures/0"
    ends = ["input", "output"]
    return [
        Bad("ops of text", _graph("input", []), 422, f"{here}/ops"),
        Bad("an op of a number", _graph(["input", 3, "output"], []), 422, f"{here}/ops/1"),
        Bad("an op of nobody", _graph(["input", "warp-drive", "output"], []), 422, f"{here}/ops/1"),
        Bad("no output", _graph(["input", "input"], []), 422, f"{here}/ops"),
        Bad("no edges", _score({"ops": ends}), 422, f"{here}/edges"),
        Bad("an edge of text", _graph(ends, [["0", "1"]]), 422, f"{here}/edges/0"),
        Bad("an edge of three", _graph(ends, [[0, 1, 1]]), 422, f"{here}/edges/0"),
        Bad("an edge of true", _graph(ends, [[False, True]]), 422, f"{here}/edges/0"),
        Bad("an edge to nowhere", _graph(ends, [[0, 2]]), 422, f"{here}/edges/0"),
        Bad("an edge to a large number", _graph(ends, [[0, 10**30]]), 422, f"{here}/edges/0"),
        Bad("an edge to a fraction", _graph(ends, [[0, 0.5]]), 422, f"{here}/edges/0"),
        Bad("an edge twice", _graph(ends, [[0, 1], [0, 1]]), 422, f"{here}/edges"),
        Bad("an edge to itself", _graph(ends, [[0, 0], [0, 1]]), 422, f"{here}/edges"),
        Bad("a cycle", _graph(["input", "output", "output"], [[0, 1], [1, 2], [2, 1]]), 422, f"{here}/edges"),
        Bad("a matrix of one row", _score({"matrix": [[0, 1]], "ops": ends}), 422, f"{here}/matrix"),
        Bad("a matrix of text", _score({"matrix": [["0"], []], "ops": ends}), 422, f"{here}/matrix/0"),
        Bad("a genotype of numbers", _score({"normal": [1, 2], "reduce": 3}), 422, here),
        Bad("text in no notation", _score("(", space="nasbench201"), 422, here),
        Bad("long text", _score("|" * size, space="nasbench201"), 422, here),
        Bad("many edges", _graph(ends, [[0, 1]] * (size // 8)), 422, f"{here}/edges"),
        Bad("too many vertices", _graph(["input", *["x"] * (size // 2), "output"], []), 422, f"{here}/ops"),
        Bad("far too many vertices", _graph(["input", *["nor_conv_3x3"] * size, "output"], []), 413),
        Bad("too many architectures", _score(*["x"] * (size // 8)), 422, "/architectures"),
    ]  # fmt: skip


def _wrong_http() -> list[Bad]:
    good = _score(GRAPH)
    return [
        Bad("plain text", good, 415, headers={"Content-Type": "text/plain"}),
        Bad("compressed", good, 415, headers={"Content-Encoding": "gzip"}),
        Bad("nowhere", good, 404, path="/v2/score"),
        Bad("outside of the pages", b"", 404, path="/static/../app.py", method="GET"),
        Bad("outside, escaped", b"", 404, path="/static/%2e%2e/app.py", method="GET"),
        Bad("another method", b"", 405, method="DELETE"),
        Bad("to read", b"", 405, method="GET"),
    ]

"""What is too much is refused before anything is computed from it."""

import asyncio
import json

import pytest
from asking import CELL, GRAPH

from egraph.errors import UsageError
from egraph.service import Limits
from egraph.service._limits import Bounded
from egraph.service._problems import Problem


def test_a_large_body_is_refused(start):
    client = start(limits=Limits(body_bytes=1000))
    answer = client.post("/v1/score", b" " * 1001)
    assert answer.status_code == 413
    assert "more than 1000 bytes" in answer.json()["detail"]
    assert client.post("/v1/score", b" " * 1000).status_code == 400


def test_a_large_body_that_does_not_say_its_length_is_refused(start):
    async def pieces():
        for _ in range(100):
            yield b" " * 100

    client = start(limits=Limits(body_bytes=1000))
    answer = client.request(
        "POST", "/v1/score", content=pieces(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413


def test_many_architectures_are_refused(start):
    client = start(limits=Limits(architectures=4))
    assert client.post("/v1/score", {"architectures": [CELL] * 4}).status_code == 200
    answer = client.post("/v1/score", {"architectures": [CELL] * 5})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/architectures"
    assert client.post("/v1/compare", {"pairs": [{"a": CELL, "b": CELL}] * 2}).status_code == 200
    assert client.post("/v1/compare", {"pairs": [{"a": CELL, "b": CELL}] * 3}).status_code == 422


def test_large_architectures_are_refused(start):
    client = start(limits=Limits(vertices=7))
    for architecture in (
        CELL,
        {"ops": ["input"] * 8, "edges": []},
        {"matrix": [[0] * 8] * 8, "ops": ["input"]},
        {"ops": ["input", "output"], "edges": [[0, 1]] * 50},
    ):
        answer = client.post("/v1/score", {"architectures": [GRAPH, architecture]})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"].startswith("/architectures/1")


def test_a_million_vertices_are_refused(client):
    million = b'"input"' + b',"x"' * 1_000_000 + b',"output"'
    answer = client.post("/v1/score", b'{"architectures":[{"ops":[' + million + b'],"edges":[]}]}')
    assert answer.status_code == 422
    detail = "at most 128 vertices are allowed, got 1000002"
    assert answer.json()["errors"] == [{"pointer": "/architectures/0/ops", "detail": detail}]


@pytest.mark.parametrize("wrong", [{"vertices": 1}, {"body_bytes": 0}, {"idle_seconds": -1.0}])
def test_limits_that_leave_nothing_are_refused(wrong):
    with pytest.raises(UsageError, match=f"the limit {next(iter(wrong))} must be at least"):
        Limits(**wrong)


def read_slowly(app, bodies):
    """Runs requests whose bodies arrive in two halves, all first halves before all second ones."""

    async def one(body, half_way):
        halves = [body[: len(body) // 2], body[len(body) // 2 :]]

        async def receive():
            if len(halves) == 1:
                await half_way.wait()
            if not halves:
                await asyncio.sleep(60)
            return {"type": "http.request", "body": halves.pop(0), "more_body": bool(halves)}

        async def send(message):
            pass

        await app({"type": "http", "method": "POST", "headers": []}, receive, send)

    async def all_of_them():
        half_way = asyncio.Event()
        tasks = [asyncio.create_task(one(body, half_way)) for body in bodies]
        await asyncio.sleep(0.05)
        half_way.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(all_of_them())


def test_all_bodies_together_are_bounded():
    limits = Limits(body_bytes=100)  # sixteen such bodies at once

    async def app(scope, receive, send):
        await receive()

    app = Bounded(app, limits)
    outcomes = read_slowly(app, [b"x" * 100] * 20)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Problem)]
    assert outcomes.count(None) == 16
    assert {problem.status for problem in refused} == {503}
    assert refused[0].headers["Retry-After"] == "1"
    assert read_slowly(app, [b"x" * 100]) == [None]  # what was held is free again


def test_a_request_whose_client_hangs_up_is_cancelled():
    ended = []

    async def app(scope, receive, send):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def hang_up():
        messages = [{"type": "http.request", "body": b"{}"}, {"type": "http.disconnect"}]

        async def receive():
            return messages.pop(0)

        scope = {"type": "http", "method": "POST", "headers": []}
        await asyncio.wait_for(Bounded(app, Limits())(scope, receive, None), 5)

    asyncio.run(hang_up())
    assert ended == ["cancelled"]


def test_a_request_that_is_never_completed_is_left(capsys):
    async def app(scope, receive, send):
        raise AssertionError("nobody asked")

    async def hang_up():
        async def receive():
            return {"type": "http.disconnect"}

        await Bounded(app, Limits())({"type": "http", "method": "POST", "headers": []}, receive, None)

    asyncio.run(hang_up())


def test_large_bodies_are_read_all_the_same(client):
    """Beyond some size in a thread."""
    body = json.dumps({"architectures": [GRAPH] * 2000}).encode()
    assert len(body) > 1 << 16
    assert len(client.post("/v1/score", body).json()["scores"]) == 2000

"""The log: JSON lines without payloads and tokens."""

import json

from asking import CELL

from egraph.service._journal import set_up_logging


def lines_of(capfd):
    """What has been logged."""
    return [json.loads(line) for line in capfd.readouterr().err.splitlines()]


def test_requests_are_logged_where_that_is_wanted(start, capfd):
    set_up_logging()
    client = start(log_requests=True)
    answer = client.post("/v1/score?key=hidden", {"architectures": [CELL]})
    (line,) = lines_of(capfd)
    assert line["event"] == "request"
    assert line["request"] == answer.headers["x-request-id"]
    assert (line["method"], line["route"], line["status"]) == ("POST", "/v1/score", 200)
    assert line["ms"] > 0
    assert line["time"].endswith("Z")


def test_otherwise_it_is_quiet(start, capfd):
    set_up_logging()
    client = start()
    client.post("/v1/score", {"architectures": [CELL]})
    client.post("/v1/score", b"[")
    assert lines_of(capfd) == []


def test_the_log_has_neither_payloads_nor_tokens(start, capfd):
    set_up_logging()
    client = start(token="the-token", log_requests=True)
    good = {"Authorization": "Bearer the-token", "Content-Type": "application/json"}
    bad = {"Authorization": "Bearer a-wrong-token"}
    for headers in (good, bad):
        client.post("/v1/score?q=the-query", b'{"architectures":["the-payload"]}', headers=headers)
        client.get("/the-path", headers=headers)
        client.request("THE-METHOD", "/v1/score", headers=headers)
    text = json.dumps(lines_of(capfd))
    assert text.count('"event": "request"') == 6
    for secret in ("the-token", "a-wrong-token", "the-query", "the-payload", "the-path", "THE-METHOD"):
        assert secret not in text

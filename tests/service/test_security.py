"""Without the token nothing but the health checks answers."""

import base64
import hmac

import pytest
from asking import CELL

from egraph.errors import UsageError
from egraph.service import Settings, serve
from egraph.service._security import is_loopback, read_token

TOKEN = "correct-horse-battery-staple"
GUARDED = ["/", "/docs", "/redoc", "/openapi.json", "/metrics", "/v1/model", "/static/page.css", "/nowhere"]


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize("path", GUARDED)
def test_nothing_is_told_without_the_token(start, path):
    client = start(token=TOKEN)
    for headers in (
        {},
        bearer("wrong"),
        bearer(""),
        basic(TOKEN, ""),
        bearer(TOKEN + "x"),
        bearer(TOKEN[:-1]),
    ):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 401
        assert (
            answer.headers["www-authenticate"]
            == 'Basic realm="egraph", charset="UTF-8", Bearer realm="egraph"'
        )
        document = answer.json()
        assert document == {
            "type": "about:blank",
            "title": "A token is required",
            "status": 401,
            "detail": "send the token of this service",
            "request": answer.headers["x-request-id"],
        }


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "BREW"])
def test_no_method_gets_past_the_guard(start, method):
    assert start(token=TOKEN).request(method, "/v1/score").status_code == 401


def test_the_body_of_a_stranger_is_not_looked_at(start):
    answer = start(token=TOKEN).post("/v1/score", b"[NaN")
    assert answer.status_code == 401


def test_health_is_told_to_everybody(start):
    client = start(token=TOKEN)
    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
    assert "r" not in client.get("/readyz").json().values()


@pytest.mark.parametrize(
    "headers",
    [
        bearer(TOKEN),
        {"Authorization": f"bearer  {TOKEN}"},
        basic("anybody", TOKEN),
        basic("", TOKEN),
    ],
)
def test_who_sends_the_token_is_answered(start, headers):
    client = start(token=TOKEN)
    assert client.post("/v1/score", {"architectures": [CELL]}, headers=headers).status_code == 200
    assert client.get("/openapi.json", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Basic", "Basic !!!", "Basic \xff", f"Digest {TOKEN}", TOKEN]
)
def test_what_is_no_credential_is_refused(start, value):
    headers = {"Authorization": value.encode("latin-1")}
    assert start(token=TOKEN).get("/v1/model", headers=headers).status_code == 401


def test_two_tokens_are_none(start):
    headers = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer x")]
    assert start(token=TOKEN).get("/v1/model", headers=headers).status_code == 401


def test_tokens_are_compared_in_constant_time(start, monkeypatch):
    compared = []

    def compare(a, b):
        compared.append((a, b))
        return a == b

    monkeypatch.setattr(hmac, "compare_digest", compare)
    client = start(token=TOKEN)
    client.get("/v1/model")
    client.get("/v1/model", headers=bearer("wrong"))
    assert compared == [(b"", TOKEN.encode()), (b"wrong", TOKEN.encode())]


def test_the_token_does_not_print():
    assert TOKEN not in repr(Settings(token=TOKEN))


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "ü"])
def test_a_token_that_no_header_can_carry_is_refused(token):
    with pytest.raises(UsageError, match="a token must be one line of printable ASCII characters"):
        Settings(token=token)


def test_a_token_is_read_from_a_file(tmp_path):
    path = tmp_path / "token"
    path.write_text(f"  {TOKEN}\n")
    assert read_token(path) == TOKEN


def test_token_files_that_hold_none_are_refused(tmp_path):
    path = tmp_path / "token"
    with pytest.raises(UsageError, match=r"cannot read the token file .*: No such file"):
        read_token(path)
    path.write_text(" \n")
    with pytest.raises(UsageError, match=r"the token file .* is empty; write one line into it"):
        read_token(path)
    path.write_text("tök\n")
    with pytest.raises(UsageError, match="is not ASCII text"):
        read_token(path)


@pytest.mark.parametrize(
    ("host", "only_here"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.1", False),
        ("example.org", False),
        ("", False),
        ("127.0.0.1.example.org", False),
    ],
)
def test_loopback_is_what_only_this_machine_can_reach(host, only_here):
    assert is_loopback(host) is only_here


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org"])
def test_others_are_not_served_without_a_token(host, file):
    with pytest.raises(
        UsageError, match=r"set a token \(--token-file FILE\), listen at 127.0.0.1, or pass --insecure"
    ):
        serve(file, host=host)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost:8000", 200),
        ("localhost", 200),
        ("[::1]:8000", 200),
        ("[::1]", 200),
        ("page.example.org:8000", 421),
        ("", 421),
    ],
)
def test_a_service_for_this_machine_answers_under_its_name_only(start, host, status):
    """A page of the web that gives its own name the address 127.0.0.1 reads nothing."""
    client = start(local=True)
    assert client.get("/v1/model", headers={"Host": host}).status_code == status
    assert client.get("/healthz", headers={"Host": host}).status_code == 200

"""``egraph serve`` refuses before it listens; `tests/service` has the service itself."""

import pytest

from egraph.cli import serve as module


def test_others_need_a_token(egraph):
    done = egraph("serve", "r.onnx", "--host", "0.0.0.0", code=2)
    assert "set a token (--token-file FILE)" in done.stderr


def test_a_token_file_must_be_there(egraph):
    done = egraph("serve", "r.onnx", "--token-file", "token", code=2)
    assert "cannot read the token file token: No such file or directory" in done.stderr


def test_a_ranker_must_be_there(egraph):
    done = egraph("serve", "r.onnx", "--port", "0", code=1)
    assert "cannot read r.onnx: No such file or directory" in done.stderr


@pytest.mark.parametrize("wrong", [("--port", "65536"), ("--workers", "0"), ("--max-vertices", "1")])
def test_what_cannot_be_is_refused(egraph, wrong):
    assert wrong[0] in egraph("serve", "r.onnx", *wrong, code=2).stderr


def test_options_become_settings(egraph, monkeypatch, tmp_path):
    given = {}
    monkeypatch.setattr(
        "egraph.service.serve", lambda path, **rest: given.update(rest, path=path), raising=False
    )
    (tmp_path / "token").write_text("secret\n")
    options = ["--max-body", "10", "--max-architectures", "20", "--max-vertices", "30", "--workers", "3"]
    egraph(
        "serve", "r.onnx", "--token-file", "token", "--host", "::1", "--port", "9", "--log-requests", *options
    )
    settings, limits = given["settings"], given["settings"].limits
    assert (given["path"], given["host"], given["port"], given["workers"]) == ("r.onnx", "::1", 9, 3)
    assert (settings.token, settings.log_requests, given["insecure"]) == ("secret", True, False)
    assert (limits.body_bytes, limits.architectures, limits.vertices) == (10, 20, 30)
    assert module.command.name == "serve"

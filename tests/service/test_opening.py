"""A ranker is opened from a file, from an ONNX file, or from a service."""

import pytest

from egraph.errors import ModelError
from egraph.service import open_ranker


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"absent\.egraph"):
        open_ranker(tmp_path / "absent.egraph")
    with pytest.raises(ModelError, match=r"absent\.onnx"):
        open_ranker(str(tmp_path / "absent.onnx"))


def test_an_address_is_asked(monkeypatch):
    monkeypatch.setattr("egraph.service.client.fitness", lambda address: ["fitness of", address])
    assert open_ranker("http://127.0.0.1:9") == ["fitness of", "http://127.0.0.1:9"]

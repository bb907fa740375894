"""What the package says where it cannot work."""

import importlib.util
import sys

import pytest

import egraph.service
from egraph.errors import MissingExtraError


def test_names_that_need_the_extra_say_so(monkeypatch):
    for module in [name for name in sys.modules if name.startswith("egraph.service.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    with pytest.raises(MissingExtraError, match=r"this needs fastapi: pip install 'egraph\[serve\]'"):
        egraph.service.create_app  # noqa: B018


def test_what_workers_need_is_looked_for_before_they_start(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "uvicorn" else find(name))
    with pytest.raises(MissingExtraError, match=r"this needs uvicorn: pip install 'egraph\[serve\]'"):
        egraph.service.serve("r.onnx")


def test_other_names_are_not_there():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        egraph.service.nothing  # noqa: B018

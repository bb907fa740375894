"""Rankers and their files that the tests of the export share."""

import numpy as np
import pytest

import egraph
from egraph.export import OnnxRanker


@pytest.fixture(scope="session", autouse=True)
def _quick_exports(few_compared):
    """Exports compare few architectures."""


@pytest.fixture(scope="session")
def sampled():
    """40 architectures of a space that many tests use, and scores for them."""
    rng = np.random.default_rng(0)
    space = egraph.spaces.get("nasbench201")
    return [space.sample(rng) for _ in range(40)], rng.normal(size=40)


@pytest.fixture(scope="session")
def ranker(sampled):
    """A quickly fitted ranker of the default kind."""
    return egraph.Ranker(members=2, width=12, epochs=5).fit(*sampled)


@pytest.fixture(scope="session")
def path(ranker, tmp_path_factory):
    """The ranker as an ONNX file."""
    path = tmp_path_factory.mktemp("onnx") / "r.onnx"
    ranker.card_ = {"space": "nasbench201", "note": "ä test"}
    ranker.to_onnx(path)
    return path


@pytest.fixture(scope="session")
def file(path):
    return OnnxRanker(path)

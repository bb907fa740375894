"""What the tests share: a small ranker as a file, and the service in this process."""

import sys
from pathlib import Path

import numpy as np
import pytest

from egraph import Ranker, spaces
from egraph.service._models import Model

# Processes that the tests start must be able to import what lies beside them.
sys.path.insert(0, str(Path(__file__).parent))

import asking


@pytest.fixture(scope="session", autouse=True)
def _quick_exports(few_compared):
    """Exports compare few architectures."""


@pytest.fixture(scope="session")
def cells():
    """Sixty cells of NAS-Bench-201."""
    space, rng = spaces.get("nasbench201"), np.random.default_rng(0)
    return [space.sample(rng) for _ in range(60)]


@pytest.fixture(scope="session")
def ranker(cells):
    """Fitted in a moment: the more convolutions, the better."""
    scores = [a.ops.count("nor_conv_3x3") + 0.1 * a.ops.count("skip_connect") for a in cells]
    small = {"members": 1, "epochs": 20, "layers": ("mean",), "width": 8, "tabular": "gaussian-process"}
    ranker = Ranker(**small, folds=0, seed=0).fit(cells, scores)
    ranker.card_ = {"space": "nasbench201", "note": "a secret of the card"}
    return ranker


@pytest.fixture(scope="session")
def file(ranker, tmp_path_factory):
    """The ranker as an ONNX file."""
    path = tmp_path_factory.mktemp("ranker") / "r.onnx"
    ranker.to_onnx(path)
    return path


@pytest.fixture(scope="session")
def model(file):
    return Model.load(file, "r", "0123456789abcdef", threads=1)


@pytest.fixture
def start(model):
    """Makes a client of a service with some settings, in this process."""
    clients = []

    def make(**settings):
        clients.append(asking.Client(model, **settings))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture(scope="module")
def client(model):
    with asking.closing(asking.Client(model)) as client:
        yield client

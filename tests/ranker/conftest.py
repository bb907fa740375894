"""Fitted rankers and their data, which the tests of the ranker share."""

import numpy as np
import pytest

from egraph import Architecture
from egraph.canonical import canonical_form, simplify
from egraph.ranker import Ranker


def toy_score(architecture: Architecture) -> float:
    """What the rankers of the tests learn: convolutions help, most of all one after the other."""
    ops, counts = simplify(architecture)
    weight = {"t-conv3": 1.0, "t-conv1": 0.6, "t-pool": -0.2, "t-half": 0.3}
    deepest = [0.0] * len(ops)
    for j in range(1, len(ops)):
        before = [deepest[i] for i in range(j) if counts[i, j]]
        deepest[j] = weight.get(ops[j], 0.0) + max(before, default=0.0)
    return deepest[-1] + 0.05 * float(counts.sum())


@pytest.fixture(scope="session")
def toy_data(make_architecture) -> tuple[list[Architecture], np.ndarray]:
    """160 architectures and their scores."""
    rng = np.random.default_rng(0)
    graphs = [make_architecture(rng, 7) for _ in range(160)]
    return graphs, np.array([toy_score(a) for a in graphs])


@pytest.fixture(scope="session", params=["utility", "pairwise", "regression"])
def fitted(request: pytest.FixtureRequest, toy_data) -> Ranker:
    """A small ranker of each head, fitted on the first 80."""
    graphs, scores = toy_data
    return Ranker(head=request.param, members=2, width=16, epochs=30).fit(graphs[:80], scores[:80])


@pytest.fixture(scope="session", name="distinct")
def _distinct():
    """Gives as many architectures as asked for that are different computations, and their scores."""

    def choose(graphs, scores, count):
        first = {canonical_form(simplify(a)): row for row, a in reversed(list(enumerate(graphs)))}
        rows = sorted(first.values())[:count]
        assert len(rows) == count
        return [graphs[row] for row in rows], scores[rows]

    return choose

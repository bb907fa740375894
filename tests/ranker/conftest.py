"""Fitted rankers, which the tests of the ranker share."""

import pytest

from egraph.ranker import Ranker


@pytest.fixture(scope="session", params=["utility", "pairwise", "regression"])
def fitted(request: pytest.FixtureRequest, toy_data) -> Ranker:
    """A small ranker of each head, fitted on the first 80."""
    graphs, scores = toy_data
    return Ranker(head=request.param, members=2, width=16, epochs=30).fit(graphs[:80], scores[:80])

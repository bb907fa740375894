"""EGraph as published."""

import pytest

from egraph.baselines import EGraph
from egraph.errors import UsageError


def test_the_network_is_that_of_the_thesis(toy_data):
    graphs, scores = toy_data
    inner = EGraph(pairs=100, epochs=1).fit(graphs[:20], scores[:20]).ranker_
    assert [(layer.aggregator, layer.width) for layer in inner.layers] == [("lstm", 150), ("lstm", 150)]
    assert (inner.readout, inner.head, inner.members, inner.tabular) == (("max",), "pairwise", 1, None)
    assert (inner.learning_rate, inner.weight_decay, inner.analytic) == (1e-3, 1e-2, False)


def test_each_pair_occurs_as_often_as_asked(toy_data):
    """In batches of 10, a pass over 28 architectures shows 9 of the 27 pairs of each: three make an epoch."""
    graphs, scores = toy_data
    inner = EGraph(pairs=100, epochs=5).fit(graphs[:28], scores[:28]).ranker_
    assert (inner.batch_size, inner.epochs) == (10, 15)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"pairs": 3}, "pairs must be a whole number of at least 4, got 3"),
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
    ],
)
def test_impossible_parameters_are_refused(toy_data, parameters, message):
    graphs, scores = toy_data
    with pytest.raises(UsageError, match=message):
        EGraph(**parameters).fit(graphs[:20], scores[:20])

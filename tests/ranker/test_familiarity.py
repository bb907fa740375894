"""How far outside of the training data an architecture lies."""

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from egraph import Architecture, operations
from egraph.errors import UsageError
from egraph.operations import Operation
from egraph.ranker import Familiarity, Ranker
from egraph.ranker.familiarity import _usual_distance

operations.register(Operation("t-strange", "conv", kernel=7))


def chain(*ops):
    return Architecture(["input", *ops, "output"], [(i, i + 1) for i in range(len(ops) + 1)])


@pytest.fixture(scope="module")
def ranker(toy_data):
    graphs, scores = toy_data
    return Ranker(members=1, width=8, epochs=1, folds=0).fit(graphs[:80], scores[:80])


def test_training_data_is_inside(ranker, toy_data):
    found = ranker.familiarity(toy_data[0][:80])
    assert [f.distance for f in found] == pytest.approx([0] * 80, abs=1e-9)
    assert all(f.inside and str(f) == "like the training data" for f in found)


def test_most_of_what_is_drawn_like_the_training_data_is_inside(ranker, toy_data):
    """About as many as the quantile says, fewer as they have all of the training data beside them."""
    found = ranker.familiarity(toy_data[0][80:])
    assert np.mean([f.inside for f in found]) > 0.8


def test_distance_is_that_to_the_nearest_over_what_is_usual(ranker, toy_data):
    graphs, _ = toy_data
    known, asked = ranker.features(graphs[:80]), ranker.features(graphs[100:101])
    between = cdist(known, known)
    nearest = [row[row > 1e-9].min() for row in between]
    expected = np.linalg.norm(known - asked, axis=1).min() / np.quantile(nearest, 0.95)
    assert ranker.familiarity(graphs[100:101])[0].distance == pytest.approx(expected)


def test_what_is_unknown_and_large_is_told_in_one_line(ranker):
    [found] = ranker.familiarity([chain(*["t-strange"] * 4, *["t-conv3"] * 8)])
    assert (found.unknown_operations, found.vertices, found.largest) == (("t-strange",), 14, 7)
    assert found.distance > 1
    assert not found.inside
    assert str(found) == (
        f"outside: 1 unknown operation, 14 vertices where 7 was the most, {found.distance:.3g} times as far "
        "from the nearest training network as is usual there"
    )


def test_each_architecture_is_judged_alone(ranker):
    strange, usual = ranker.familiarity([chain("t-strange", "t-strange"), chain("t-conv3")])
    assert (strange.unknown_operations, usual.unknown_operations) == (("t-strange",), ())


def test_without_tabular_models_operations_and_size_are_left(toy_data):
    graphs, scores = toy_data
    alone = Ranker(members=1, width=8, epochs=1, folds=0, tabular=None).fit(graphs[:40], scores[:40])
    known, strange = alone.familiarity([graphs[0], chain("t-strange")])
    assert math.isnan(known.distance)
    assert known.inside
    assert not strange.inside
    assert str(strange) == "outside: 1 unknown operation"


def test_several_operations_are_several():
    assert str(Familiarity(("a", "b"), 3, 7, 0.5)) == "outside: 2 unknown operations"
    assert not Familiarity((), 8, 7, 0.5).inside
    assert not Familiarity((), 7, 7, math.inf).inside


def test_nothing_is_usual_where_all_training_data_is_alike():
    assert _usual_distance(np.ones((5, 3))) == 0
    assert _usual_distance(np.array([[0.0], [0.0], [3.0]])) == 3


def test_training_data_that_is_alike_makes_all_else_infinitely_far(ranker):
    alike = Ranker(members=1, width=8, epochs=1, folds=0, prior=ranker).fit([chain("t-conv3")] * 3, [1, 2, 3])
    same, other = alike.familiarity([chain("t-conv3"), chain("t-conv3", "t-conv3")])
    assert same.inside
    # No feature varies in the training data, so that none tells the two apart; the size does.
    assert (other.distance, other.inside) == (0, False)


def test_familiarity_needs_a_fit_and_a_list(ranker):
    with pytest.raises(UsageError, match="not fitted yet"):
        Ranker().familiarity([chain("t-conv3")])
    with pytest.raises(UsageError, match="expected a list of architectures, got a single one"):
        ranker.familiarity(chain("t-conv3"))
    assert ranker.familiarity([]) == []

import numpy as np
import pytest

from egraph.errors import UsageError
from egraph.evaluation import rank_average

NAN = float("nan")


def test_ranks_by_hand():
    """Ranks 1 2 3 4 and 2 4 1 3; their means over four."""
    values = [[0.1, 20], [0.2, 40], [7.0, 10], [9.0, 30]]
    assert rank_average(values).tolist() == [1.5 / 4, 3 / 4, 2 / 4, 3.5 / 4]


def test_the_best_in_everything_gets_one():
    assert rank_average([[1, 1], [2, 2]]).tolist() == [0.5, 1]


def test_tied_ones_share_their_rank():
    assert rank_average([[1], [1], [2]]).tolist() == [0.5, 0.5, 1]


def test_who_lacks_a_score_takes_no_part():
    values = [[1.0, 5.0], [NAN, 9.0], [2.0, 4.0], [0.0, NAN]]
    np.testing.assert_array_equal(rank_average(values), [0.75, NAN, 0.75, NAN])


def test_minus_infinity_is_the_worst_score():
    assert rank_average([[-np.inf], [3.0]]).tolist() == [0.5, 1]


def test_only_the_order_counts():
    values = np.random.default_rng(0).random((20, 3))
    np.testing.assert_array_equal(rank_average(values), rank_average(np.exp(5 * values)))


@pytest.mark.parametrize("values", [np.empty((0, 2)), [[NAN, 1.0]]])
def test_nobody_to_rank(values):
    result = rank_average(values)
    assert result.shape == (len(values),)
    assert np.isnan(result).all()


@pytest.mark.parametrize("values", [[1.0, 2.0], np.empty((3, 0))])
def test_what_is_no_table_is_refused(values):
    with pytest.raises(UsageError, match=r"values must be \(architectures, scores\), got shape"):
        rank_average(values)

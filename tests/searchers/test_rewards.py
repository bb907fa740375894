import math

import pytest

from egraph.searchers._rewards import Rewards


def test_the_first_averages_are_plain_means():
    rewards = Rewards(0.9)
    assert rewards.compare(4.0) == 0.0  # nothing to compare with
    assert rewards.compare(6.0) == pytest.approx(2.0)  # 2 above 4; the two have deviation 1
    # Mean 5, then 11 is 6 above it; 4, 6 and 11 have mean 7 and variance 26 / 3.
    assert rewards.compare(11.0) == pytest.approx(6 / math.sqrt(26 / 3))


def test_later_averages_move():
    rewards = Rewards(0.5)
    for score in (0.0, 2.0):  # mean 1, variance 1
        rewards.compare(score)
    # 3 above: the variance is half of 1 and half of half of 9.
    assert rewards.compare(4.0) == pytest.approx(3 / math.sqrt(0.5 * (1 + 0.5 * 9)))


def test_equal_scores_have_no_advantage_and_far_ones_are_clipped():
    rewards = Rewards(0.99)
    assert [rewards.compare(2.0) for _ in range(200)] == [0.0] * 200
    assert rewards.compare(3.0) == 5.0


def test_a_failure_counts_as_the_worst_so_far():
    rewards, same = Rewards(0.9), Rewards(0.9)
    assert rewards.compare(math.nan) is None
    for one in (rewards, same):
        one.compare(-1.0)
        one.compare(5.0)
    assert rewards.compare(math.nan) == same.compare(-1.0)
    assert rewards.state_dict() == same.state_dict()

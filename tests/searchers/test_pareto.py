import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egraph.errors import UsageError
from egraph.searchers import hypervolume
from egraph.searchers._pareto import crowding_distance, pareto_ranks, rank_sum_order

points_of = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.tuples(*[st.integers(0, 5)] * width), min_size=1, max_size=8)
)


def test_fronts_by_hand():
    points = [(1, 5), (2, 2), (5, 1), (3, 3), (2, 3), (6, 6)]
    assert pareto_ranks(points).tolist() == [0, 0, 0, 2, 1, 3]


def test_equal_points_share_a_front():
    assert pareto_ranks([(1, 1), (1, 1), (2, 2)]).tolist() == [0, 0, 1]


def test_what_breaks_a_constraint_comes_after_what_does_not_by_how_much():
    points = [(0, 0), (9, 9), (0, 0), (8, 8), (0, 0)]
    assert pareto_ranks(points, [0.5, 0, 0.1, 0, np.inf]).tolist() == [3, 1, 2, 0, 4]


@settings(deadline=None, max_examples=60)
@given(points_of)
def test_ranks_count_the_longest_chain_of_dominators(points):
    def depth(point):
        over = [
            other
            for other in points
            if other != point and all(a <= b for a, b in zip(other, point, strict=True))
        ]
        return 1 + max(map(depth, over)) if over else 0

    assert pareto_ranks(points).tolist() == [depth(point) for point in points]


def test_crowding_by_hand():
    # The middle ones: (4 - 0) / 10 + (10 - 5) / 10 and (10 - 1) / 10 + (6 - 0) / 10.
    distance = crowding_distance([(0, 10), (1, 6), (4, 5), (10, 0)])
    assert distance.tolist() == [np.inf, pytest.approx(0.9), pytest.approx(1.5), np.inf]


def test_a_front_of_equal_points_has_no_room_inside():
    assert crowding_distance([(1, 1)] * 3).tolist() == [np.inf, 0.0, np.inf]


def test_rank_sums_by_hand():
    """The last is beaten by the fourth. Sums of ranks: 9 thrice, each the best somewhere, then 7 and 11."""
    points = [(1, 9, 5), (5, 1, 6), (9, 5, 1), (3, 8, 8), (4, 4, 4), (6, 6, 6)]
    assert rank_sum_order(points).tolist() == [0, 1, 2, 4, 3, 5]


def test_places_left_are_filled_with_those_beaten_by_fewest():
    assert rank_sum_order([(3, 3), (1, 1), (2.5, 2.5), (2, 2), (4, 4)]).tolist() == [1, 3, 2, 0, 4]


def test_who_is_as_good_in_one_objective_is_not_beaten():
    """The second is no worse in one objective than the first, the third is worse in both."""
    points = [(1, 1), (5, 1), (3, 3)]
    assert rank_sum_order(points).tolist() == [0, 1, 2]
    assert pareto_ranks(points).tolist() == [0, 1, 1]


def test_smaller_violations_come_first_and_beat_nobody_who_violates_less():
    points = [(0, 0), (3, 3), (1, 1), (2, 2)]
    assert rank_sum_order(points, [0.5, 0, 0.1, 0]).tolist() == [3, 1, 2, 0]


@settings(deadline=None, max_examples=60)
@given(points_of)
def test_rank_sums_take_the_best_of_each_objective_first(points):
    order = rank_sum_order(points).tolist()
    assert sorted(order) == list(range(len(points)))
    beaten = [sum(all(x < y for x, y in zip(a, b, strict=True)) for a in points) for b in points]
    assert [beaten[number] for number in order] == sorted(beaten)
    width = len(points[0])
    first = [points[number] for number in order[:width]]
    for objective in range(width):
        assert min(point[objective] for point in first) == min(point[objective] for point in points)


def test_hypervolume_by_hand():
    assert hypervolume([(1, 3), (2, 1)], (4, 4)) == 3 * 1 + 2 * 3 - 2 * 1
    assert hypervolume([(1, 1, 1)], (2, 3, 4)) == 1 * 2 * 3
    assert hypervolume([(5, 0)], (4, 4)) == 0
    assert hypervolume([], (4, 4)) == 0


@settings(deadline=None, max_examples=60)
@given(points_of)
def test_hypervolume_counts_the_unit_cubes_that_are_dominated(points):
    width = len(points[0])
    cubes = itertools.product(range(5), repeat=width)
    counted = sum(
        any(all(p <= c for p, c in zip(point, cube, strict=True)) for point in points) for cube in cubes
    )
    assert hypervolume(points, [5] * width) == counted


def test_a_reference_of_another_width_is_refused():
    with pytest.raises(UsageError, match=r"points of shape \(1, 2\) need a reference .* got shape \(3,\)"):
        hypervolume([(1, 2)], (1, 2, 3))

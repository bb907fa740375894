import json
import math

import numpy as np

from egraph.searchers._members import (
    Member,
    draw_best,
    rank_failed_last,
    read_members,
    read_score,
    write_members,
    write_score,
)


def test_a_failed_result_is_worse_than_any_other():
    assert rank_failed_last(math.nan) == -math.inf
    assert rank_failed_last(-1e300) == -1e300


def test_the_best_of_those_drawn_wins_and_the_first_of_equals():
    rng = np.random.default_rng(0)
    drawn = np.random.default_rng(0).integers(5, size=4).tolist()
    assert draw_best(5, 4, lambda position: position, rng) == max(drawn)
    assert draw_best(5, 4, lambda position: 0, np.random.default_rng(0)) == drawn[0]


def test_members_come_back_from_json():
    members = [Member("a", 1.5), Member("b", -math.inf)]
    written = write_members(members, str.upper)
    assert written == [["A", 1.5], ["B", None]]
    assert read_members(json.loads(json.dumps(written)), str.lower) == members
    assert [read_score(write_score(score)) for score in (0.0, -math.inf)] == [0.0, -math.inf]

import numpy as np
import pytest

from egraph.bench.arena import band, checkpoints, incumbents, summarise


def test_the_incumbent_stays_until_a_better_one_comes(arena_row):
    row = arena_row()
    assert incumbents(row, [1, 11, 12, 20]).tolist() == [10, 10, 30, 30]
    assert np.array_equal(
        incumbents(row, [1.9, 2, 23.9, 24], "seconds"), [np.nan, 10, 10, 30], equal_nan=True
    )


def test_a_better_score_can_have_a_worse_test_score(arena_row):
    row = arena_row(steps=[[1, None, 0.5, 30.0], [2, None, 0.9, 10.0]])
    assert incumbents(row, [1, 2, 3]).tolist() == [30, 10, 10]


def test_the_band_reaches_from_quartile_to_quartile(arena_row):
    rows = [arena_row(steps=[[1, 1.0, 0.0, float(value)]]) for value in (1, 2, 3, 4, 5)]
    assert band(rows, [1, 9]).tolist() == [[2, 2], [3, 3], [4, 4]]
    rows.append(arena_row(steps=[[3, 3.0, 0.0, 6.0]]))
    assert np.isnan(band(rows, [1, 9])[:, 0]).all(), "where one search has nothing yet, there is no median"


@pytest.mark.parametrize(
    ("queries", "places"),
    [(5, [5]), (10, [10]), (11, [10, 11]), (150, [10, 20, 50, 100, 150]), (200, [10, 20, 50, 100, 200])],
)
def test_checkpoints_are_round_numbers_and_the_last(queries, places):
    assert checkpoints(queries) == places


def test_the_summary_is_of_all_seeds_at_each_checkpoint(arena_row):
    finals = (30.0, 40.0, 32.0)
    rows = [
        arena_row(seed=seed, steps=[[1, 2.0, 0.5, 10.0 + seed], [12, 24.0, 0.9, final]], final=final)
        for seed, final in enumerate(finals)
    ]
    frame = summarise([*rows, arena_row(searcher="other")])
    assert list(zip(frame["searcher"], frame["at"], frame["seeds"], strict=True)) == [
        ("good", 10, 3), ("good", 20, 3), ("other", 10, 1), ("other", 20, 1),
    ]  # fmt: skip
    first, last, alone, _ = frame.to_dict("records")
    assert (first["median"], first["low"], first["high"], first["mean"]) == (11, 10.5, 11.5, 11)
    assert first["sd"] == 1
    assert (last["median"], last["mean"]) == (32, 34)
    assert (last["found"], last["optimum"]) == (pytest.approx(1 / 3), 40)
    assert np.isnan(alone["sd"])
    assert summarise(rows, at=[1, 12])["median"].tolist() == [11, 32]


def test_what_cannot_be_compared_is_kept_apart(arena_row):
    rows = [arena_row(), arena_row(queries=30), arena_row(test="else"), arena_row(fitness="ranker")]
    assert len(summarise(rows, at=[20])) == 4

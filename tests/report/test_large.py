"""Searches of thousands of trials: the page draws and lists a part of them, and says so."""

import math
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from egraph import report
from egraph.report._thinning import bin_rows, choose_trials, corners, spread
from egraph.study import open_journal

sys.path.insert(0, str(Path(__file__).parent))

from large import fill
from pages import check

TRIALS = 12_000


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A journal of 6,000 trials of a search and as many of random search, written as rows of SQL."""
    path = tmp_path_factory.mktemp("large") / "x.db"
    fill(path, TRIALS)
    return path


def test_a_page_of_thousands_of_trials_is_small_and_says_what_it_leaves_out(large):
    with open_journal(large) as journal:
        text = report.render(journal)
    assert len(text) < 3_000_000, "a page of all trials has 6 MB"
    words = check(text)
    assert words.count("Of 6,000 trials, 2,000 are drawn, evenly spaced.") == 3
    assert "Each point is the mean of 6 rounds." in words
    assert words.count("1,000 of 6,000 trials: the best by validation accuracy, and the newest.") == 2
    assert "The last 1,000 of 1,500 rounds." in words
    assert "6000 trials of the search, 6000 of random search" in words
    assert re.search(r"The last 1,000 of 1,200 *\.", words)
    assert words.count("as JSON") == 5


def test_rows_that_stay_are_spread_evenly():
    rows = pd.DataFrame({"n": range(10_001)})
    assert spread(rows, 5)["n"].tolist() == [0, 2500, 5000, 7500, 10_000]
    assert spread(rows, 20_000) is rows


def test_the_best_and_the_newest_trials_stay_in_their_order():
    trials = pd.DataFrame({"score": [math.nan, 5, 9, 1, 8, 2, math.nan, 3]})
    assert choose_trials(trials, 4).index.tolist() == [2, 4, 6, 7]
    assert choose_trials(trials, 8) is trials
    assert len(choose_trials(trials.assign(score=math.nan), 4)) == 4


@pytest.mark.parametrize("values", [[math.nan, math.nan, 1, 1, 1, 2, 3, 3], [1, 1, 1], [2], [math.nan] * 3])
def test_a_curve_of_steps_is_its_corners(values):
    best = np.array(values, dtype=float)
    rows = corners(best)
    filled = np.full(len(best), math.nan)
    for row, until in zip(rows, [*rows[1:], len(best)], strict=True):
        filled[row:until] = best[row]
    np.testing.assert_array_equal(filled, best)


def test_rounds_are_averaged_in_groups_of_one_size():
    rounds = pd.DataFrame({"round": range(7), "tau": [0.0, 1, 0, 1, 0, 1, 0.5], "supplied": [""] * 7})
    binned, size = bin_rows(rounds, 3)
    assert size == 3
    assert binned["round"].tolist() == [1, 4, 6]
    assert binned["tau"].tolist() == pytest.approx([1 / 3, 2 / 3, 0.5])
    assert bin_rows(rounds, 7)[0] is rounds


def test_a_search_that_a_page_shows_whole_has_no_such_sentence(journal):
    words = check(report.render(journal))
    for sentence in ("evenly spaced", "Each point is the mean", "the newest", "The last"):
        assert sentence not in words

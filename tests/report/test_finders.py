"""What each searcher contributed, counted by hand."""

import math

import pandas as pd

from egraph.report._finders import Finder, count_finders


def test_finders_are_counted():
    trials = pd.DataFrame(
        [
            ("initial", "", 3.0, 1.0),
            ("initial", "", math.nan, 1.0),
            ("top", "genetic", 5.0, 1.0),
            ("far", "mutants", 9.0, 0.1),
        ],
        columns=["origin", "finder", "score", "fidelity"],
    )
    rounds = pd.DataFrame(
        {"supplied": ["", '{"genetic": 60, "mutants": 10}', '{"genetic": 20, "samples": 10}']}
    )
    first, second, third, fourth = count_finders(trials, rounds)
    assert (first.name, first.candidates, first.share, first.trials, first.best) == ("initial", 0, 0, 2, 3.0)
    assert second == Finder("genetic", 80, 0.8, 1, 5.0)
    assert (third.name, third.candidates, third.trials) == ("mutants", 10, 1)
    assert math.isnan(third.best)
    assert (fourth.name, fourth.candidates, fourth.trials) == ("samples", 10, 0)


def test_without_candidates_there_is_no_share():
    trials = pd.DataFrame([("search", "random", 1.0, 1.0)], columns=["origin", "finder", "score", "fidelity"])
    (only,) = count_finders(trials, pd.DataFrame({"supplied": [""]}))
    assert math.isnan(only.share)
    assert only.trials == 1

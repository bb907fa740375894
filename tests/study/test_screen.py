import math

import numpy as np
import pytest
from played import SPACE, Played, history, study

from egraph.errors import UsageError
from egraph.evaluation import Training
from egraph.searchers import RandomSearch
from egraph.searchers.testing import ToySpace
from egraph.study import Screening
from egraph.study._screen import screen


class Previewed(Played):
    """Knows without evaluation what is good, but cannot tell where the last number is odd."""

    def screen(self):
        return preview


def _ignore(event):
    pass


def preview(architectures):
    numbers = np.array([SPACE.numbers(a) for a in architectures])
    return np.where(numbers[:, -1] % 2, math.nan, SPACE.value(architectures))


def test_the_best_of_many_random_ones_are_chosen_and_those_without_a_score_come_last():
    drawn = RandomSearch(SPACE, seed=7).ask(96)
    scores = preview(drawn)
    chosen = screen(SPACE, preview, 6, seed=7, emit=_ignore)
    expected = sorted(scores[~np.isnan(scores)], reverse=True)[:6]
    np.testing.assert_array_equal(preview(chosen), expected)

    everything = screen(small := ToySpace(2, 3), _shy, 6, seed=0, emit=_ignore)
    assert len(everything) == 6
    assert [bool(np.isnan(_shy([a])[0])) for a in everything] == [False] * 3 + [True] * 3
    assert list(small.numbers(everything[0])) == [1, 2]


def _shy(architectures):
    numbers = np.array([ToySpace(2, 3).numbers(a) for a in architectures])
    return np.where(numbers[:, 0] == 0, math.nan, numbers.sum(axis=1))


def test_without_any_score_the_choice_is_random():
    chosen = screen(SPACE, lambda many: np.full(len(many), math.nan), 4, seed=3, emit=_ignore)
    assert chosen == RandomSearch(SPACE, seed=3).ask(64)[:4]


def test_a_study_begins_with_what_its_evaluator_recommends():
    events = []
    one = study(evaluate=Previewed())
    one.run(trials=12, baseline=True, progress=events.append)
    trials = one.trials
    own = trials[trials["origin"] != "baseline"]
    assert own["origin"].tolist()[:8] == ["screened"] * 8
    assert own["predicted"][:8].isna().all()
    assert (trials["origin"] == "baseline").sum() == 12, "random search chooses nothing, and shares nothing"
    random = trials.loc[trials["origin"] == "baseline", "score"]
    assert own["score"][:8].mean() > random.mean() + random.std()
    [screening] = [event for event in events if isinstance(event, Screening)]
    assert screening.architectures == 128
    assert one.journal.settings["settings"]["screen"]["function"].endswith("preview")


def test_the_choice_is_the_same_in_runs_that_were_broken_off():
    short, long = study(evaluate=Previewed()), study(evaluate=Previewed())
    for trials in (3, 7, 8):
        short.run(trials=trials)
    long.run(trials=14)
    assert short.trials["key"].tolist() == long.trials["key"].tolist()[:8]
    again = study(evaluate=Previewed())
    again.run(trials=14)
    assert history(again) == history(long)


def test_a_screen_can_be_given_or_left_out():
    without = study(evaluate=Previewed(), screen=False)
    without.run(trials=8)
    assert set(without.trials["origin"]) == {"initial"}
    given = study(screen=preview)
    given.run(trials=8)
    assert set(given.trials["origin"]) == {"screened"}
    with pytest.raises(UsageError, match="screen must be a fitness, or False for none, got 3"):
        study(screen=3)


def test_what_trains_recommends_networks_that_can_learn():
    """Of random networks on images of 8 x 8 pixels most pool everything away."""
    import egraph

    space = egraph.spaces.get("convnet")
    training = Training(space, "digits", device="cpu")
    chosen = screen(space, training.screen(), 2, seed=0, emit=_ignore)
    scores = training.screen()(RandomSearch(space, seed=0).ask(32))
    assert np.isnan(scores).mean() > 0.5
    assert np.isfinite(training.screen()(chosen)).all()
    assert training.screen().describe()["channels"] == 16

"""Searchers that live as long as a study, and are told of measured and of predicted scores."""

import json

import numpy as np
import pytest
from played import SEVERAL, SPACE, Linear, history, study

from egraph.errors import JournalError, UsageError
from egraph.evaluation import Evaluation
from egraph.searchers import RandomSearch, names
from egraph.study._estimates import Estimates
from egraph.study._team import Team
from egraph.study._trial import Trial


class Remembering(RandomSearch):
    """Keeps what it was told, and counts how often it was made anew."""

    name = "remembering"

    def __init__(self, space, *, seed=0, distinct=True):
        super().__init__(space, seed=seed, distinct=distinct)
        self.told, self.rescored = [], 0

    def _learn(self, architectures, scores):
        self.told += [[self.space.key(one), score] for one, score in zip(architectures, scores, strict=True)]

    def _rescore(self, score):
        self.rescored += 1

    def _state(self):
        return {"told": [[k, None if s != s else s] for k, s in self.told], "rescored": self.rescored}

    def _load(self, state):
        self.told, self.rescored = state["told"], state["rescored"]


def trials_of(numbers, scores, start=0):
    return [
        Trial(n, n // 4, "top", "failed" if s != s else "complete", SPACE.key(SPACE.make(one)),
              SPACE.make(one), 0, evaluation=Evaluation(s))
        for n, (one, s) in enumerate(zip(numbers, scores, strict=True), start)
    ]  # fmt: skip


def kept(one):
    return next(iter(one.journal.settings["searcher state"]["searchers"].values()))


def test_a_searcher_is_told_of_each_trial_once_and_of_all_predictions():
    with study(searcher=Remembering, shares=(60, 30, 10)) as one:
        one.run(trials=24)
        state, trials = kept(one), one.trials
    guided = int((one_round := trials["round"]).max() - one_round[trials["origin"] == "initial"].max())
    assert state["rescored"] == guided
    assert len(state["told"]) == 20 + 60 * guided, (
        "20 trials before the last round, and 60 predictions a round"
    )
    real = {row.key: row.score for row in trials.itertuples() if row.number < 20}
    told = [(key, score) for key, score in state["told"] if real.get(key) == score]
    assert sorted(told) == sorted(real.items())


def test_the_shares_hold_for_scored_and_for_evaluated_candidates():
    with study(searcher=["random", "genetic"], shares=(50, 30, 20), batch=10) as one:
        one.run(trials=108)
        guided = one.trials[one.trials["finder"] != ""]
        counts = guided["finder"].value_counts().to_dict()
        supplied = [json.loads(text) for text in one.rounds["supplied"] if text]
    assert len(guided) == 100
    for name, share in {"random": 25, "genetic": 25, "mutants": 30, "samples": 20}.items():
        assert abs(counts[name] - share) <= 3
    assert all(row["random"] == 25 for row in supplied), "the first to find a candidate supplies it"
    assert all(20 <= row["genetic"] <= 25 for row in supplied)


@pytest.mark.parametrize("shares", [(100, 0, 0), (0, 100, 0), (0, 0, 100)])
def test_a_share_may_be_all(shares):
    with study(shares=shares) as one:
        one.run(trials=16)
        finders = set(one.trials["finder"]) - {""}
    assert finders == {["regularized-evolution", "mutants", "samples"][shares.index(100)]}


def test_a_small_space_is_scored_whole_unless_a_searcher_or_shares_are_given():
    for options, expected in (
        ({}, {"", "whole space"}),
        ({"searcher": "random", "shares": (100, 0, 0)}, {"", "random"}),
        ({"shares": (0, 0, 100)}, {"", "samples"}),
    ):
        with study(candidates=625, **options) as one:
            one.run(trials=12)
            assert set(one.trials["finder"]) == expected


def test_measured_scores_stay_and_predictions_have_their_mean_and_deviation():
    class Wrong:
        def predict(self, architectures):
            return -7 * SPACE.value(architectures) + 1000

    trials = trials_of([[0, 0, 0, 0], [2, 2, 2, 2], [4, 4, 4, 4]], [1.0, np.nan, 5.0])
    estimate = Estimates(Wrong(), SPACE, trials)
    assert estimate([trial.architecture for trial in trials]) == pytest.approx([1, np.nan, 5], nan_ok=True)
    # Over the complete trials, value is 0 and 16.4: their mean 8.2 becomes 3, one deviation, 8.2, becomes 2.
    (middle,) = estimate([SPACE.make([2, 2, 2, 1])])
    assert middle == pytest.approx(3 - 2 / 8.2 * (7.2 - 8.2))
    assert estimate.scale(np.array([1000.0])) == pytest.approx([5.0])


def test_without_trials_predictions_stay():
    estimate = Estimates(Linear().fit(list(SPACE), SPACE.value(list(SPACE))), SPACE, [])
    some = list(SPACE)[::100]
    assert estimate(some) == pytest.approx(SPACE.value(some), abs=0.1)
    assert estimate([]).shape == (0,)


def test_a_searcher_that_joins_later_is_told_of_all_trials():
    team = Team(SPACE, 0, {"one": Remembering})
    trials = trials_of([[n, 0, 0, 0] for n in range(4)], [3.0, np.nan, 1.0, 2.0])
    state = json.loads(json.dumps(team.save(team.restore(None, trials), trials)))
    more = trials + trials_of([[4, 4, 4, 4]], [9.0], start=4)
    both = Team(SPACE, 0, {"one": Remembering, "two": Remembering}).restore(state, more)
    assert [score for _, score in both["one"].told] == [3.0, None, 1.0, 2.0, 9.0]
    assert [score for _, score in both["two"].told] == pytest.approx(
        [3.0, np.nan, 1.0, 2.0, 9.0], nan_ok=True
    )


def test_the_best_are_told_last_beside_a_ranker():
    trials = trials_of([[n, 0, 0, 0] for n in range(4)], [3.0, np.nan, 1.0, 2.0])
    one = Team(SPACE, 0, {"one": Remembering}).restore(None, trials, Estimates(Linear(), SPACE, []))["one"]
    assert [score for _, score in one.told] == pytest.approx([np.nan, 1.0, 2.0, 3.0], nan_ok=True)


def test_a_state_of_other_options_is_refused():
    def make(population):
        return lambda space, seed: names_to_make(space, seed, population)

    def names_to_make(space, seed, population):
        from egraph.searchers import RegularizedEvolution

        return RegularizedEvolution(space, seed=seed, population=population, sample=2)

    state = Team(SPACE, 0, {"one": make(5)})
    saved = state.save(state.restore(None, []), [])
    for damage in ({"told": "a"}, {"searchers": []}, {"searchers": {"one": 3}}):
        with pytest.raises(JournalError, match="the state of the searchers in the journal is damaged"):
            Team(SPACE, 0, {"one": make(6)}).restore(saved | damage, [])
    with pytest.raises(UsageError, match="the state is of options"):
        Team(SPACE, 0, {"one": make(6)}).restore(saved, [])


@pytest.mark.parametrize("name", names())
def test_every_searcher_lives_in_a_study(name):
    options = {"bayesian": ":candidates=20", "nas-ea-fa": ":generations=1"}.get(name, "")
    with study(searcher=name + options, shares=(60, 30, 10)) as one:
        one.run(trials=24)
        counts = one.trials["finder"].value_counts()
        supplied = [json.loads(text) for text in one.rounds["supplied"] if text]
    assert 7 <= counts[name + options] <= 12, "60 % of 16"
    assert all(row[name + options] >= 58 for row in supplied)


def test_several_searchers_without_a_ranker_take_turns_and_hear_of_all_trials():
    searchers = [Remembering, "random", "genetic"]
    with study(searcher=searchers, ranker=False, batch=6) as one:
        one.run(trials=36)
        counts = one.trials["finder"].value_counts()
        assert all(11 <= counts[name] <= 13 for name in ("remembering", "random", "genetic"))
        assert len(set(one.trials["key"])) == 36
        told = one.journal.settings["searcher state"]["searchers"]["remembering"]["told"]
    assert len(told) == 30


def test_a_study_goes_on_with_other_searchers(tmp_path):
    with study(tmp_path / "x.db", searcher="random", shares=(100, 0, 0)) as one:
        one.run(trials=12)
        first = history(one)
    with study(tmp_path / "x.db", searcher=SEVERAL, shares=(100, 0, 0)) as one:
        assert history(one) == first
        one.run(trials=24)
        assert set(one.trials["finder"]) == {"", "random", *SEVERAL}

import dataclasses
import math
import shutil

import numpy as np
import pytest
from played import SPACE, Linear, Played, history, study
from sklearn.base import BaseEstimator

from egraph import spaces
from egraph.errors import UsageError
from egraph.evaluation import Evaluation, Evaluator
from egraph.ranker import Ranker, load
from egraph.searchers import RandomSearch
from egraph.study import DriftAlarm, RankerFitted, Study, Trial
from egraph.study._recalibration import Recalibration

GRAPH = SPACE.make([0, 0, 0, 0])


class Sure(BaseEstimator, Linear):
    """Has intervals of a width that is right for the noise of `played`, or given."""

    def __init__(self, penalty=0.1, deviation=0.1):
        super().__init__(penalty)
        self.deviation = deviation

    def intervals(self, architectures, level):
        half = self.deviation * {0.5: 0.67, 0.8: 1.28, 0.95: 1.96}[level]
        predicted = self.predict(architectures)
        return predicted - half, predicted + half


class Wrong(Sure):
    """Takes the worst networks for the best, and is sure of it."""

    def fit(self, architectures, scores):
        return self

    def predict(self, architectures):
        return -np.asarray(SPACE.value(architectures), dtype=float)


def trials(*seconds):
    one = Trial(0, 0, "top", "complete", "", GRAPH, 0, started=10.0, finished=13.0)
    return [dataclasses.replace(one, evaluation=Evaluation(1.0, seconds=cost)) for cost in seconds]


@pytest.mark.parametrize(
    "text", ["", "every", "every=0", "every=1.5", "every=-1", "seconds=0", "drift=1", "often", None, 3]
)
def test_other_rules_are_refused(text):
    with pytest.raises(UsageError, match=r"recalibrate must be 'every=N' trials, .* or 'drift', got "):
        Recalibration.parse(text, 16)
    with pytest.raises(UsageError, match="recalibrate must be"):
        study(recalibrate=text)


def test_every_so_many_trials():
    rule = Recalibration.parse("every=3", 16)
    assert [rule.is_due(trials(*[1.0] * n), 2, False) for n in (2, 4, 5, 6)] == [False, False, True, True]
    assert rule.is_due(trials(1.0, 1.0), 0, False), "before the first fit"
    assert rule.is_due(trials(1.0, 1.0), 2, True), "after an alarm"


def test_after_so_many_seconds_of_trials():
    rule = Recalibration.parse("seconds=7.5", 2)
    assert not rule.is_due(trials(9, 9, 4, 3), 2, False)
    assert rule.is_due(trials(9, 9, 4, 3.5), 2, False)
    assert rule.is_due(trials(9, 4), 1, False), "has learned from fewer than the initial trials"
    # Where the cost is unknown, the time that the trial ran: three seconds each.
    assert not rule.is_due(trials(9, 9, math.nan, math.nan), 2, False)
    assert rule.is_due(trials(9, 9, math.nan, math.nan, math.nan), 2, False)


def test_on_drift_alone():
    rule = Recalibration.parse("drift", 4)
    assert rule.is_due(trials(1, 1, 1, 1), 3, False)
    assert not rule.is_due(trials(*[100] * 50), 4, False)
    assert rule.is_due(trials(*[100] * 50), 4, True)


@pytest.mark.parametrize(
    ("rule", "learned_from"),
    [
        ("every=1", [0, 8, 12, 16, 20, 24]),
        ("every=8", [0, 8, 8, 16, 16, 24]),
        ("seconds=5", [0, 8, 8, 16, 16, 24]),  # each trial costs one second
        ("drift", [0, 8, 8, 8, 8, 8]),
    ],
)
def test_a_study_fits_again_by_its_rule(tmp_path, rule, learned_from):
    copies, told = [], []

    def listen(event):
        told.append(event)
        copies.append(shutil.copy(tmp_path / "x.db", tmp_path / f"{len(copies)}.db"))

    with study(tmp_path / "x.db", recalibrate=rule) as one:
        one.run(trials=28, progress=listen)
        assert one.rounds["learned_from"].tolist() == learned_from
        expected = history(one)
    assert [event.trials for event in told if isinstance(event, RankerFitted)] == sorted(set(learned_from))[
        1:
    ]
    for path in copies[20::40]:  # what a kill leaves behind
        with study(path, recalibrate=rule) as one:
            one.run(trials=28)
            assert history(one) == expected


def test_what_a_round_promised_and_delivered_is_in_the_journal():
    one = study(ranker=Sure(deviation=0.5))
    one.run(trials=24, baseline=True)
    rounds = one.rounds.iloc[1:]
    for column in (
        "tau",
        "promised_tau",
        "coverage50",
        "coverage80",
        "coverage95",
        "regret",
        "promised_regret",
    ):
        assert one.rounds[column].isna().tolist() == [True] + [False] * len(rounds)
        assert rounds[f"{column}_baseline"].notna().all()
    assert (rounds["coverage95"] >= rounds["coverage50"]).all()
    for _, one_round in rounds.iterrows():
        own = one.trials[(one.trials["round"] == one_round["round"]) & (one.trials["origin"] != "baseline")]
        best = own.loc[own["predicted"].idxmax(), "score"]
        assert one_round["regret"] == pytest.approx(own["score"].max() - best)
    # The random trials differ more than those that were chosen.
    assert rounds["promised_tau_baseline"].mean() > rounds["promised_tau"].mean()
    assert rounds["drift"].between(0, 1).all()


class Noisy(Evaluator):
    """The toy's value and normal noise of standard deviation 0.5."""

    def evaluate(self, architecture, *, seed=0):
        return Evaluation(float(SPACE.value([architecture])[0] + 0.5 * np.random.default_rng(seed).normal()))

    def describe(self):
        return {"kind": "noisy"}


class Right(Sure):
    """Predicts the expected score, with the intervals of the noise."""

    def fit(self, architectures, scores):
        return self

    def predict(self, architectures):
        return np.asarray(SPACE.value(architectures), dtype=float)


def test_a_ranker_that_is_right_causes_hardly_an_alarm():
    """The test has a level of 1 %, and here are 40 rounds."""
    alarms = 0
    for seed in range(8):
        one = study(seed=seed, ranker=Right(deviation=0.5), evaluate=Noisy(), initial=12, batch=6)
        one.run(trials=42)
        alarms += one.rounds["alarm"].sum()
        assert one.rounds["drift"].notna().sum() == 5
    assert alarms <= 1


def test_drift_raises_the_share_of_exploration_and_is_told():
    told = []
    one = study(ranker=Wrong(), batch=6, far=1, initial=6)
    one.run(trials=24, progress=told.append)
    rounds = one.rounds
    alarms = rounds.loc[rounds["alarm"] > 0, "round"].tolist()
    assert alarms
    assert [event.round for event in told if isinstance(event, DriftAlarm)] == alarms
    alarm = next(event for event in told if isinstance(event, DriftAlarm))
    assert alarm.p_value == rounds.set_index("round").loc[alarm.round, "drift"] < 0.01
    assert alarm.own.tau < alarm.own.promised_tau
    for number in rounds["round"][1:]:
        after = number - 1 in alarms
        far = ((one.trials["round"] == number) & (one.trials["origin"] == "far")).sum()
        assert (far, rounds["exploring"][number]) == ((3, 1) if after else (1, 0))


def test_a_baseline_has_no_part_in_alarms():
    alone, beside = (study(ranker=Sure(deviation=0.02), evaluate=Played()) for _ in range(2))
    alone.run(trials=24)
    beside.run(trials=24, baseline=True)
    columns = ["round", "drift", "alarm", "exploring", "tau", "promised_tau"]
    assert alone.rounds[columns].to_json() == beside.rounds[columns].to_json()
    assert alone.rounds["alarm"].any()


def test_with_a_prior_a_study_continues_identically(tmp_path):
    space = spaces.get("nasbench_macro")

    def fitness(architectures):
        return [sum(op.startswith("mbconv5x5") for op in a.ops) / 8 for a in architectures]

    known = RandomSearch(space, seed=1).ask(30)
    Ranker(members=1, width=8, epochs=2).fit(known, fitness(known)).save(tmp_path / "r.egraph")

    def make(storage=None):
        ranker = load(tmp_path / "r.egraph")
        return Study(space, fitness, storage=storage, ranker=ranker, candidates=50, recalibrate="every=16")

    with make() as unbroken:
        unbroken.run(trials=24)
        expected = history(unbroken)
        assert unbroken.rounds["learned_from"].tolist() == [0, 8, 8]
        predicted = unbroken.ranker.predict(known)
    for trials in (8, 16, 24):
        with make(tmp_path / "x.db") as one:
            one.run(trials=trials)
            resumed = history(one)
            if trials == 24:
                np.testing.assert_array_equal(one.ranker.predict(known), predicted)
    assert resumed == expected

import dataclasses
import math

import numpy as np
import pytest
from played import SPACE
from scipy import stats

from egraph.evaluation import Evaluation
from egraph.study import Trial, Verdict
from egraph.study._promises import LEVELS, ask_intervals, judge, weigh_drift

Z = stats.norm.ppf((1 + np.array(LEVELS)) / 2)
GRAPH = SPACE.make([0, 0, 0, 0])


def trials(predicted, scores, sd=1.0):
    """Trials with normal intervals of this standard deviation."""
    return [
        Trial(
            number=number,
            round=1,
            origin="top",
            state="failed" if math.isnan(score) else "complete",
            key="",
            architecture=GRAPH,
            seed=0,
            predicted=float(middle),
            intervals=tuple(end for z in Z for end in (middle - z * sd, middle + z * sd)),
            evaluation=Evaluation(float(score)),
        )
        for number, (middle, score) in enumerate(zip(predicted, scores, strict=True))
    ]


def test_the_promise_for_a_pair_is_that_of_two_normal_scores():
    found = judge(trials([1.0, 1.8], [0.0, 1.0], sd=0.7), learned=True, seed=0)
    wins = stats.norm.cdf(0.8 / (0.7 * math.sqrt(2)))
    assert found.tau == 1
    assert found.promised_tau == pytest.approx(2 * wins - 1, abs=0.05)  # 2.5 standard errors of 2,000 draws
    # Of two normal numbers, E max(0, a - b) for the difference a - b ~ N(-0.8, 2 * 0.7 ** 2).
    sd, mean = 0.7 * math.sqrt(2), -0.8
    expected = mean * stats.norm.cdf(mean / sd) + sd * stats.norm.pdf(mean / sd)
    assert found.promised_regret == pytest.approx(expected, abs=0.03)


def test_what_was_delivered_is_counted():
    """Half, 80 and 95 % of a normal distribution lie within 0.67, 1.28 and 1.96 standard deviations."""
    found = judge(trials([0, 0.1, 0.2, 0.3], [0.5, 1.3, 1.9, 3.0]), learned=True, seed=0)
    assert (found.coverage50, found.coverage80, found.coverage95) == (0.25, 0.5, 0.75)
    assert found.tau == 1
    assert found.regret == 0
    found = judge(trials([0.4, 0.1, 0.2, 0.3], [0.5, 1.3, 1.9, 3.0]), learned=True, seed=0)
    assert found.regret == 2.5


def test_a_narrower_choice_is_promised_a_lower_tau():
    rng = np.random.default_rng(0)
    wide, narrow = rng.normal(size=16), rng.normal(size=16) / 10
    promised = [judge(trials(x, x, sd=0.3), learned=True, seed=0).promised_tau for x in (wide, narrow)]
    assert promised[0] > 0.7
    assert promised[1] < 0.4


def test_before_it_learned_from_the_study_only_the_order_is_promised():
    found = judge(trials([1, 2, 3], [70, 80, 90]), learned=False, seed=0)
    assert found.tau == 1
    assert found.regret == 0
    assert found.promised_tau > 0
    assert math.isnan(found.coverage80)
    assert math.isnan(found.promised_regret)


def test_without_intervals_nothing_is_promised():
    bare = [dataclasses.replace(trial, intervals=()) for trial in trials([1, 2], [1, 2])]
    assert judge(bare, learned=True, seed=0).tau == 1
    assert math.isnan(judge(bare, learned=True, seed=0).promised_tau)
    assert math.isnan(weigh_drift([(bare, 16)], 0))


def test_failed_trials_and_single_ones_are_not_judged():
    found = judge(trials([1, 2, 3], [1, math.nan, math.nan]), learned=True, seed=0)
    assert str(found) == str(Verdict())
    assert math.isnan(weigh_drift([(trials([1], [1]), 16)], 0))


def draw_rounds(rng, score, rounds=3, learned_from=24):
    made = []
    for _ in range(rounds):
        predicted = rng.normal(0, 0.5, 8)
        made.append((trials(predicted, score(predicted, rng)), learned_from))
    return made


def count_alarms(score, repeats):
    rng = np.random.default_rng(0)
    return sum(weigh_drift(draw_rounds(rng, score), n) < 0.01 for n in range(repeats))


def test_a_ranker_that_keeps_its_promise_causes_no_alarm():
    alarms = count_alarms(lambda x, rng: x + rng.normal(size=8), 300)
    # 1 % of 300, and three standard deviations.
    assert alarms <= 8


def test_calibration_on_few_errors_causes_no_alarm():
    """The width of the intervals is itself a quantile of few errors, and wrong by chance."""

    def estimated(n):
        rng = np.random.default_rng(n)
        ratios = np.sort(np.abs(rng.normal(size=16)))
        width = np.interp(17 * 0.8 - 1, np.arange(16), ratios) / Z[1]
        predicted = rng.normal(0, 0.5, (3, 8))
        return [(trials(x, x + rng.normal(size=8), sd=width), 16) for x in predicted]

    assert sum(weigh_drift(estimated(n), n) < 0.01 for n in range(300)) <= 8


def test_an_order_that_is_wrong_causes_an_alarm():
    rng = np.random.default_rng(0)
    made = [(trials(x, -x, sd=0.3), 24) for x in rng.normal(size=(2, 8))]
    assert weigh_drift(made, 0) < 0.01


def test_scores_far_from_their_predictions_cause_an_alarm():
    """Though their order is right. In another unit than the study's, only the order counts."""
    predicted = np.linspace(0, 1, 8)
    shifted = trials(predicted, predicted - 5)
    assert weigh_drift([(shifted, 24)], 0) < 0.01
    assert weigh_drift([(shifted, 0)], 0) > 0.5


def test_the_number_outside_is_beta_binomial():
    predicted = np.linspace(0, 10, 8)  # the order is certain
    scores = predicted + np.array([0, 0, 0, 0, 0, 0, 2.5, 2.5])
    # P(at least 2 of 8), averaged over the coverage that 16 held-out errors leave possible.
    inside = stats.beta.rvs(17 * 0.8, 17 * 0.2, size=200_000, random_state=0)
    expected = 2 * stats.binom.sf(1, 8, 1 - inside).mean()
    assert weigh_drift([(trials(predicted, scores, sd=0.5), 16)], 0) == pytest.approx(
        min(expected, 1), abs=0.01
    )


def test_intervals_are_asked_of_calibrated_rankers_only():
    class Asked:
        def __init__(self, coverage):
            self.coverage_ = {0.5: coverage}

        def intervals(self, architectures, level):
            return np.full(len(architectures), -level), np.full(len(architectures), level)

    assert ask_intervals(Asked(0.5), [GRAPH]) == [(-0.5, 0.5, -0.8, 0.8, -0.95, 0.95)]
    assert ask_intervals(Asked(0.5), []) == []
    assert ask_intervals(Asked(math.nan), [GRAPH]) == [()]
    assert ask_intervals(object(), [GRAPH, GRAPH]) == [(), ()]
